//! Which version this is.

use napi_derive::napi;

/// The version that this addon was built of: the JavaScript part refuses one of another, which a half-done update or a copied node_modules can leave behind.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
