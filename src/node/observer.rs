//! The observer, as lib/cli/observer.js wraps it. Whatever takes time is answered through one callback.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use napi::Status;
use napi::bindgen_prelude::{FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;

use super::credentials::NativeCredentials;
use super::error::{Code, CodedError, coded, error};
use super::runtime;
use crate::candidate::{Options, Place};
use crate::election::InstanceId;
use crate::limits::check_message;
use crate::medium::Channel;
use crate::observer::{Letter, Observer, Question, Report};
use crate::wire::Format;

type ItemArgs = FnArgs<(String,)>;
/// Holds JavaScript's loop alive until it is dropped.
type Deliver = ThreadsafeFunction<String, (), ItemArgs, Status, false>;

/// Items that wait for JavaScript. Beyond, messages are counted and not told.
const MAX_WAITING: usize = 1024;

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
        let options = Options::parse(&options).map_err(refused)?;
        let place = options.place(credentials.map(NativeCredentials::provider)).map_err(refused)?;
        let authenticator = options.authenticator().map_err(refused)?;
        let Place::Redis(target) = place else {
            return Err(refused("there is nothing to look at with medium \"memory\"".into()));
        };
        let runtime = runtime::handle().map_err(|cause| error(Code::Internal, cause))?;
        let waiting = Arc::<AtomicUsize>::default();
        let taken = waiting.clone();
        let deliver: Deliver = deliver
            .build_threadsafe_function::<String>()
            .callee_handled::<false>()
            .build_callback(move |context| {
                taken.fetch_sub(1, Ordering::Relaxed);
                Ok((context.value,).into())
            })
            .map_err(|cause| error(Code::Internal, cause.reason))?;
        let filled = waiting.clone();
        let put = move |item| {
            filled.fetch_add(1, Ordering::Relaxed);
            // An error would mean that nobody is there to be told any more.
            let _ = deliver.call(item, ThreadsafeFunctionCallMode::NonBlocking);
        };
        let has_room = move || waiting.load(Ordering::Relaxed) < MAX_WAITING;
        let report = Report::new(put, has_room, |kind| Code::from(kind).as_str());
        let observer = Observer::new(*target, authenticator, runtime, report);
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

    /// Which instances of node-raft-redis there are beside those of a kind.
    #[napi(catch_unwind)]
    pub fn legacy(&self, question: u32, kind: String) {
        if let Some(observer) = &*self.lock() {
            observer.ask(question, Question::Legacy(kind));
        }
    }

    /// Deletes all keys of a kind, with the memory of its terms: for a kind that was made up for a trial.
    #[napi(catch_unwind)]
    pub fn forget(&self, question: u32, kind: String) {
        if let Some(observer) = &*self.lock() {
            observer.ask(question, Question::Forget(kind));
        }
    }

    /// Publishes JSON. `to`: 0 all, 1 the leader, 2 the followers, 3 the instance `id`, 4 requests to the leader. Answered with the number of those
    /// who listen.
    #[napi(catch_unwind)]
    pub fn publish(
        &self,
        question: u32,
        kind: String,
        to: u32,
        id: String,
        body: String,
    ) -> Result<(), CodedError> {
        check_message(Format::Json, body.as_bytes()).map_err(coded)?;
        let channel = match to {
            0 => Channel::All,
            1 => Channel::Leader,
            2 => Channel::Followers,
            3 => Channel::Instance(InstanceId::new(id)),
            _ => Channel::Requests,
        };
        if let Some(observer) = &*self.lock() {
            observer.ask(question, Question::Publish(Letter { kind, channel, body }));
        }
        Ok(())
    }

    #[napi(catch_unwind)]
    pub fn watch(&self, watch: u32, kind: String, listens: bool) {
        if let Some(observer) = &*self.lock() {
            observer.watch(watch, kind, listens);
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
