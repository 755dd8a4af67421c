//! The user's function that gives user and password, asked from the runtime's thread.
//!
//! ```text
//!   Provider --ask(number)--> JavaScript's loop --answer(number, …)--> WAITING --> Provider
//! ```

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use napi::Status;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use tokio::sync::oneshot;

use super::error::{Code, CodedError, error};
use crate::medium::redis::{Credentials, Provider, Refusal};

/// It does not hold JavaScript's loop alive: whoever needs an answer does.
type Asker = ThreadsafeFunction<u32, (), u32, Status, false, true>;

type Waiting = HashMap<u32, oneshot::Sender<Result<Credentials, Refusal>>>;

/// Of all environments of the process.
static WAITING: LazyLock<Mutex<Waiting>> = LazyLock::new(Mutex::default);

/// Numbers the questions. After 2^32 of them the first has long been answered.
static LAST: AtomicU32 = AtomicU32::new(0);

/// One function. Candidates that were given the same object share their connections.
#[napi]
pub struct NativeCredentials {
    provider: Provider,
}

#[napi]
impl NativeCredentials {
    /// `ask` is called with a number, which `answer` is to be called with.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        #[napi(ts_arg_type = "(question: number) => void")] ask: Function<'_, u32, ()>,
    ) -> Result<Self, CodedError> {
        let asker: Asker = ask
            .build_threadsafe_function::<u32>()
            .callee_handled::<false>()
            .weak::<true>()
            .build()
            .map_err(|cause| error(Code::Internal, cause.reason))?;
        let asker = Arc::new(asker);
        let provider = Provider::new(move || Box::pin(put(asker.clone())));
        Ok(Self { provider })
    }

    /// Static, lest what is called to answer hold the function that is asked.
    #[napi(catch_unwind)]
    pub fn answer(
        question: u32,
        username: Option<String>,
        password: Option<String>,
        refusal: Option<String>,
    ) {
        // Where nobody waits any more, the answer comes too late.
        if let Some(waiting) = waiting().remove(&question) {
            let _ = waiting.send(match password {
                Some(password) => Ok(Credentials { username, password }),
                None => Err(refusal.unwrap_or_default()),
            });
        }
    }
}

impl NativeCredentials {
    pub fn provider(&self) -> Provider {
        self.provider.clone()
    }
}

async fn put(asker: Arc<Asker>) -> Result<Credentials, Refusal> {
    let question = Question(LAST.fetch_add(1, Ordering::Relaxed));
    let (done, answer) = oneshot::channel();
    waiting().insert(question.0, done);
    if asker.call(question.0, ThreadsafeFunctionCallMode::NonBlocking) != Status::Ok {
        return Err("belongs to a thread that has ended".to_owned());
    }
    answer.await.unwrap_or_else(|_| Err("was asked in vain".to_owned()))
}

/// Waits until it is dropped.
struct Question(u32);

impl Drop for Question {
    fn drop(&mut self) {
        waiting().remove(&self.0);
    }
}

fn waiting() -> MutexGuard<'static, Waiting> {
    WAITING.lock().expect("no panic holds the lock")
}
