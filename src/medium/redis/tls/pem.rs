//! Certificates and keys in PEM, from a text or a file.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Fault;

#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Pem {
    Text(String),
    File(PathBuf),
}

impl Pem {
    /// `option` is what the user calls it.
    pub fn certificates(&self, option: &str) -> Result<Vec<CertificateDer<'static>>, Fault> {
        let text = self.read(option)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            Ok(_) | Err(Error::NoItemsFound) => {
                Err(unusable(option, "holds no certificate in PEM (BEGIN CERTIFICATE)"))
            }
            Err(_) => Err(unusable(option, "holds a certificate that cannot be read")),
        }
    }

    pub fn key(&self, option: &str) -> Result<PrivateKeyDer<'static>, Fault> {
        let text = self.read(option)?;
        PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
            let is_encrypted = String::from_utf8_lossy(&text).contains("ENCRYPTED");
            unusable(
                option,
                match error {
                    _ if is_encrypted => "holds a key under a passphrase; it has to be without one",
                    Error::NoItemsFound => "holds no private key in PEM (BEGIN PRIVATE KEY)",
                    _ => "holds a private key that cannot be read",
                },
            )
        })
    }

    /// What stands in it, or in a path that was none, may be a secret: no error repeats it.
    fn read(&self, option: &str) -> Result<Cow<'_, [u8]>, Fault> {
        match self {
            Self::Text(text) => Ok(text.as_bytes().into()),
            Self::File(path) => std::fs::read(path).map(Cow::from).map_err(|error| {
                let text = error.to_string();
                let reason = text.split(" (os error").next().unwrap_or_default().to_lowercase();
                unusable(option, &format!("names a file that cannot be read: {reason}"))
            }),
        }
    }
}

fn unusable(option: &str, what: &str) -> Fault {
    Fault::Unusable(format!("option tls.{option} {what}"))
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(***)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}
