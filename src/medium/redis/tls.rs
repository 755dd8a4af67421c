//! TLS over a socket of our own.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How the server proves who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tls {}

impl Tls {
    /// # Errors
    /// When the server cannot prove that it is `host`.
    pub async fn wrap(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
        let config = tokio::task::spawn_blocking(config).await??;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

/// Reads the system's roots, which may have changed since the last time.
fn config() -> std::io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
