//! Our own certificate, and whether the server asked for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, SignatureScheme};

use super::{Fault, Pem};

/// What a server wanted of us in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// There was no handshake, and anybody on the way can read along.
    NoTls,
    Nothing,
    /// A certificate, and there was none.
    Unanswered,
    /// A certificate, and it was shown one. It has not said yet whether it takes it.
    Answered,
}

#[derive(Debug)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    pub fn read(certificate: &Pem, key: &Pem, provider: &CryptoProvider) -> Result<Self, Fault> {
        let (chain, key) = (certificate.certificates("cert")?, key.key("key")?);
        let pair = CertifiedKey::from_der(chain, key, provider).map_err(|error| {
            Fault::Unusable(match error {
                Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    "option tls.key is not the key of the certificate in option tls.cert".into()
                }
                Error::InvalidCertificate(_) => {
                    "option tls.cert holds a certificate that cannot be read".into()
                }
                _ => "option tls.key holds a key of a kind that cannot be used".into(),
            })
        })?;
        Ok(Self(Arc::new(pair)))
    }
}

/// Notes that the server asked.
#[derive(Debug, Default)]
pub struct Asked(AtomicBool);

#[derive(Debug)]
pub struct Resolver {
    asked: Arc<Asked>,
    identity: Option<Identity>,
}

impl Asked {
    pub fn answered_by(self: Arc<Self>, identity: Option<Identity>) -> Resolver {
        Resolver { asked: self, identity }
    }

    pub fn request(&self, has_identity: bool) -> Request {
        match (self.0.load(Ordering::SeqCst), has_identity) {
            (false, _) => Request::Nothing,
            (true, false) => Request::Unanswered,
            (true, true) => Request::Answered,
        }
    }
}

impl ResolvesClientCert for Resolver {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.0.store(true, Ordering::SeqCst);
        self.identity.as_ref().map(|Identity(pair)| pair.clone())
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}
