//! The observer, as lib/cli/observer.js wraps it. Whatever takes time is answered through one callback.

use std::sync::{Mutex, MutexGuard};

use napi::Status;
use napi::bindgen_prelude::{FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;

use super::credentials::NativeCredentials;
use super::error::{Code, CodedError, error};
use super::runtime;
use crate::candidate::{Options, Place};
use crate::observer::{Observer, Question, Report};

type ItemArgs = FnArgs<(String,)>;
/// Holds JavaScript's loop alive until it is dropped.
type Deliver = ThreadsafeFunction<String, (), ItemArgs, Status, false>;

#[napi]
pub struct NativeObserver {
    address: String,
    /// `None` once it is closed.
    observer: Mutex<Option<Observer>>,
}

#[napi]
impl NativeObserver {
    /// `options` and `credentials` are those of a candidate. `deliver` is called with one item at a time, as JSON.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        options: String,
        credentials: Option<&NativeCredentials>,
        #[napi(ts_arg_type = "(item: string) => void")] deliver: Function<'_, ItemArgs, ()>,
    ) -> Result<Self, CodedError> {
        let refused = |reason: String| error(Code::InvalidOption, reason);
        let place = Options::parse(&options)
            .and_then(|options| options.place(credentials.map(NativeCredentials::provider)))
            .map_err(refused)?;
        let Place::Redis(target) = place else {
            return Err(refused("there is nothing to look at with medium \"memory\"".into()));
        };
        let runtime = runtime::handle().map_err(|cause| error(Code::Internal, cause))?;
        let deliver: Deliver = deliver
            .build_threadsafe_function::<String>()
            .callee_handled::<false>()
            .build_callback(|context| Ok((context.value,).into()))
            .map_err(|cause| error(Code::Internal, cause.reason))?;
        let put = move |item| {
            // An error would mean that nobody is there to be told any more.
            let _ = deliver.call(item, ThreadsafeFunctionCallMode::NonBlocking);
        };
        let report = Report::new(put, |kind| Code::from(kind).as_str());
        let observer = Observer::new(*target, runtime, report);
        Ok(Self { address: observer.address(), observer: Mutex::new(Some(observer)) })
    }

    #[napi(getter, catch_unwind)]
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// `kind`: the one whose status is asked for; without it, all kinds are.
    #[napi(catch_unwind)]
    pub fn ask(&self, question: u32, kind: Option<String>) {
        if let Some(observer) = &*self.lock() {
            observer.ask(question, kind.map_or(Question::Kinds, Question::Status));
        }
    }

    #[napi(catch_unwind)]
    pub fn watch(&self, watch: u32, kind: String) {
        if let Some(observer) = &*self.lock() {
            observer.watch(watch, kind);
        }
    }

    #[napi(catch_unwind)]
    pub fn unwatch(&self, watch: u32) {
        if let Some(observer) = &*self.lock() {
            observer.unwatch(watch);
        }
    }

    /// Ends everything. Nothing is answered any more.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.lock().take();
    }
}

impl NativeObserver {
    fn lock(&self) -> MutexGuard<'_, Option<Observer>> {
        self.observer.lock().expect("no panic holds the lock")
    }
}
