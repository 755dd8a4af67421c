//! User and password that are asked for anew before each attempt to connect, since they may have changed by then.

use std::fmt;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::target::Target;
use crate::medium::{MediumError, MediumErrorKind};

/// How long an answer is waited for. A token may come from another service, over the network.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Credentials {
    pub username: Option<String>,
    pub password: String,
}

/// Why there are none: what the user's own function did, as in "threw: no network".
pub type Refusal = String;

pub type Answer = Pin<Box<dyn Future<Output = Result<Credentials, Refusal>> + Send>>;

/// Who is asked.
#[derive(Clone)]
pub struct Provider(Arc<dyn Fn() -> Answer + Send + Sync>);

impl Provider {
    pub fn new(ask: impl Fn() -> Answer + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    async fn ask(&self) -> Result<Credentials, MediumError> {
        let answer = timeout(PATIENCE, (self.0)()).await;
        let answer = answer
            .unwrap_or_else(|_| Err(format!("did not answer within {} ms", PATIENCE.as_millis())));
        answer.map_err(|refusal| {
            let message = format!("the function in option redis.credentials {refusal}");
            MediumError::new(MediumErrorKind::NoCredentials, message)
        })
    }
}

impl Target {
    /// This target with the user and the password that hold at present.
    pub(super) async fn identified(&self) -> Result<Self, MediumError> {
        let mut target = self.clone();
        if let Some(provider) = &self.credentials {
            let Credentials { username, password } = provider.ask().await?;
            target.username = username.or(target.username);
            target.password = Some(password);
        }
        Ok(target)
    }
}

/// Equal are two only if they are the same one: nobody knows what another one would answer.
impl PartialEq for Provider {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Provider {}

impl Hash for Provider {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).cast::<()>().hash(state);
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Provider")
    }
}
