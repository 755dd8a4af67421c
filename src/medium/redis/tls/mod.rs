//! TLS over a socket of our own: whom to believe that he is the server, and as whom to come.
//!
//! What an option names is read anew for each connection, so that a replaced certificate is taken up with the next one. So every handshake
//! is a whole one: no session of an earlier certificate is resumed.

mod fault;
mod identity;
mod pem;
mod verifier;

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use self::fault::{Fault, after_handshake};
pub use self::identity::Request;
use self::identity::{Asked, Identity};
pub use self::pem::Pem;
use self::verifier::Credulous;

/// How the server proves who it is, and how we do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tls {
    /// Who may vouch for the server; where nobody is named, those whom the system trusts.
    pub ca: Vec<Pem>,
    /// Our own certificate, with those that lead from it to an authority, and its key.
    pub identity: Option<(Pem, Pem)>,
    /// Whom the certificate has to be for; if not given, the host.
    pub server_name: Option<String>,
    /// Whether any certificate will do.
    pub is_credulous: bool,
}

impl Tls {
    /// Whether what is given as text can be used. Files may come to be until they are needed.
    ///
    /// # Errors
    /// A sentence for the user, without any of the text.
    pub fn check(&self) -> Result<(), String> {
        if let Some(name) = &self.server_name {
            read_name(name).map_err(|fault| fault.to_string())?;
        }
        let is_text = |pem: &Pem| matches!(pem, Pem::Text(_));
        for pem in self.ca.iter().filter(|pem| is_text(pem)) {
            pem.certificates("ca").map_err(|fault| fault.to_string())?;
        }
        match &self.identity {
            Some((certificate, key)) if is_text(certificate) && is_text(key) => {
                Identity::read(certificate, key, &provider()).map_err(|fault| fault.to_string())?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Tells as well whether the server asked for a certificate of ours, which it may refuse only later.
    ///
    /// # Errors
    /// Each is told by the user's own options and not by what the library calls it.
    pub async fn wrap(
        &self,
        host: &str,
        stream: TcpStream,
        deadline: Instant,
    ) -> Result<(TlsStream<TcpStream>, Request), Fault> {
        let name = read_name(self.server_name.as_deref().unwrap_or(host))?;
        let asked = Arc::<Asked>::default();
        let config = {
            let (tls, asked) = (self.clone(), asked.clone());
            spawn_blocking(move || tls.config(asked)).await.map_err(|_| Fault::Ended)??
        };
        let connector = TlsConnector::from(Arc::new(config));
        let outcome = timeout_at(deadline, connector.connect(name, stream)).await;
        let request = asked.request(self.identity.is_some());
        match outcome {
            Ok(Ok(stream)) => Ok((stream, request)),
            Ok(Err(error)) => Err(Fault::of_handshake(&error, self, request)),
            Err(_) => Err(Fault::Silent),
        }
    }

    fn config(&self, asked: Arc<Asked>) -> Result<ClientConfig, Fault> {
        let provider = provider();
        let identity = match &self.identity {
            Some((certificate, key)) => Some(Identity::read(certificate, key, &provider)?),
            None => None,
        };
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider knows the default versions")
            .dangerous();
        let builder = if self.is_credulous {
            builder.with_custom_certificate_verifier(Arc::new(Credulous(provider)))
        } else {
            let verifier =
                WebPkiServerVerifier::builder_with_provider(self.roots()?.into(), provider)
                    .build()
                    .map_err(|_| {
                        Fault::Unusable(
                            "this system trusts no authority at all; option tls.ca names one"
                                .into(),
                        )
                    })?;
            builder.with_custom_certificate_verifier(verifier)
        };
        Ok(builder.with_client_cert_resolver(Arc::new(asked.answered_by(identity))))
    }

    fn roots(&self) -> Result<RootCertStore, Fault> {
        let mut roots = RootCertStore::empty();
        if self.ca.is_empty() {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        for pem in &self.ca {
            for certificate in pem.certificates("ca")? {
                roots.add(certificate).map_err(|_| {
                    Fault::Unusable("option tls.ca holds what is no certificate".into())
                })?;
            }
        }
        Ok(roots)
    }
}

fn read_name(name: &str) -> Result<ServerName<'static>, Fault> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        Fault::Unusable(
            "a certificate cannot be for a host of this name; option tls.servername names another"
                .into(),
        )
    })
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
