//! TLS with Redis: whom to believe, and as whom to come.

use std::path::PathBuf;
use std::sync::Arc;

use super::resolved::invalid;
use crate::error::Error;
use crate::medium::redis as medium;

/// How the server proves who it is, and how this side does. Without anything else, those authorities count that the system trusts (the environment variable
/// `SSL_CERT_FILE` names others).
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Tls {
    tls: medium::Tls,
}

impl Tls {
    /// With those authorities that the system trusts, and no certificate of one's own.
    pub fn new() -> Self {
        Self::default()
    }

    /// The certificates of an authority that may vouch for the server. May be called several times; then any of them may.
    pub fn ca(mut self, ca: impl Into<Pem>) -> Self {
        self.tls.ca.push(ca.into().0);
        self
    }

    /// The certificate of the client, and after it those that lead to its authority; and its key, without a passphrase.
    pub fn identity(mut self, cert: impl Into<Pem>, key: impl Into<Pem>) -> Self {
        self.tls.identity = Some((cert.into().0, key.into().0));
        self
    }

    /// Whom the certificate of the server has to be for; without it, the host.
    pub fn servername(mut self, servername: impl Into<String>) -> Self {
        self.tls.server_name = Some(servername.into());
        self
    }

    /// Whether the certificate of the server has to be one that is trusted. With `false`, anybody on the way can pass for the server, and read the password.
    ///
    /// Default: true.
    pub fn reject_unauthorized(mut self, reject_unauthorized: bool) -> Self {
        self.tls.is_credulous = !reject_unauthorized;
        self
    }

    pub(super) fn checked(self) -> Result<Arc<medium::Tls>, Error> {
        self.tls.check().map_err(invalid)?;
        Ok(Arc::new(self.tls))
    }
}

/// PEM: a text with `-----BEGIN …`; or the path of a file with it, which is read for each connection, so that a replaced file is taken up with the next one.
#[derive(Clone, Debug)]
pub struct Pem(medium::Pem);

impl From<&str> for Pem {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Pem {
    fn from(text: String) -> Self {
        let is_pem = text.contains("-----BEGIN ");
        Self(if is_pem { medium::Pem::Text(text) } else { medium::Pem::File(text.into()) })
    }
}

impl From<PathBuf> for Pem {
    fn from(path: PathBuf) -> Self {
        Self(medium::Pem::File(path))
    }
}
