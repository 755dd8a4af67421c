//! The class that index.js wraps. See index.d.ts for what users see; native.d.ts shows this one.

use std::sync::{Arc, Mutex, MutexGuard};

use napi::bindgen_prelude::{Buffer, Either, Function};
use napi_derive::napi;
use serde_json::value::RawValue;

use super::credentials::NativeCredentials;
use super::error::{Code, CodedError, coded, error};
use super::fencing::{read_checkpoint, read_work};
use super::items::state;
use super::runtime;
use super::sink::{DeliverArgs, LoopSink};
use super::stats::{milliseconds, stats};
use crate::candidate::{Candidate, Config, Options, Run};
use crate::driver::{Draft, Question, Request, RequestSender};
use crate::election::{InstanceId, Loss, Term};
use crate::limits::{check_depth, check_id, check_message};
use crate::messaging::Addressee;
use crate::wire::{self, Format};

#[napi]
pub struct NativeCandidate {
    candidate: Candidate,
    meta: Mutex<Arc<RawValue>>,
    /// `None` before `start` and from `stop` on.
    run: Mutex<Option<Run>>,
    /// The run that `stop` ends, whose work may still settle; until the next `start`.
    ending: Mutex<Option<RequestSender>>,
}

#[napi]
impl NativeCandidate {
    /// `options` is JSON, complete and checked by lib/options.js. `credentials` stand for a function in it, which JSON cannot carry.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        options: String,
        credentials: Option<&NativeCredentials>,
    ) -> Result<Self, CodedError> {
        let refused = |reason: String| error(Code::InvalidOption, reason);
        let options = Options::parse(&options).map_err(refused)?;
        check_depth("option \"meta\"", options.meta.get().as_bytes()).map_err(coded)?;
        let config = Config {
            place: options.place(credentials.map(NativeCredentials::provider)).map_err(refused)?,
            timing: options.timing().map_err(refused)?,
            candidacy: options.candidacy().map_err(refused)?,
            drain_limit: options.drain_limit().map_err(refused)?,
            preempt: options.preempt,
            accepts_requests: options.accept_requests,
            max_stall: options.max_stall(),
            authenticator: options.authenticator().map_err(refused)?,
            migrates: options.migrates().map_err(refused)?,
            kind: options.kind,
            debug: options.debug,
        };
        let candidate = Candidate::new(config);
        let (run, ending) = (Mutex::new(None), Mutex::new(None));
        Ok(Self { candidate, meta: Mutex::new(options.meta), run, ending })
    }

    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> String {
        self.candidate.id().to_owned()
    }

    #[napi(getter, catch_unwind, ts_return_type = "'follower' | 'candidate' | 'leader'")]
    pub fn state(&self) -> &'static str {
        state(self.candidate.role())
    }

    #[napi(getter, catch_unwind)]
    pub fn current_term(&self) -> f64 {
        // Below 2^52, so exact.
        self.candidate.term().0 as f64
    }

    #[napi(catch_unwind)]
    pub fn is_leader(&self) -> bool {
        self.candidate.is_leader()
    }

    /// For how many ms the present leadership is still valid if nothing renews it; 0 when this instance does not lead.
    #[napi(catch_unwind)]
    pub fn valid_for_ms(&self) -> f64 {
        milliseconds(self.candidate.valid_for())
    }

    /// What was counted, as JSON.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> String {
        stats(&self.candidate)
    }

    /// Whether a leadership that is given up has to wait for `drained`.
    #[napi(catch_unwind)]
    pub fn holds_work(&self, is_held: bool) {
        self.candidate.hold_work(is_held);
    }

    /// The work of the leader of `term`, which gives up, has settled. Also after `stop`.
    #[napi(catch_unwind)]
    pub fn drained(&self, term: f64) {
        // A run that has ended waits for nothing.
        let _ = self.ask(Request::Drained(Term(term as u64)));
    }

    /// Begins a run. `deliver` is called with batches of items, as one JSON array, and the bodies in bytes that they name.
    /// It keeps the loop alive until the item `stopped` was delivered.
    #[napi(catch_unwind)]
    pub fn start(
        &self,
        #[napi(ts_arg_type = "(items: string, attachments: (Buffer | string)[]) => void")] deliver: Function<
            '_,
            DeliverArgs,
            (),
        >,
    ) -> Result<(), CodedError> {
        let runtime = runtime::handle().map_err(|cause| error(Code::Internal, cause))?;
        let sink = LoopSink::new(deliver)?;
        let meta = lock(&self.meta).clone();
        let run = self
            .candidate
            .start(&runtime, meta, sink)
            .map_err(|_| error(Code::Internal, "the last run has not ended yet"))?;
        *lock(&self.run) = Some(run);
        *lock(&self.ending) = None;
        Ok(())
    }

    /// Begins to end the run: from here on this instance does not lead. The item `stopped` follows within bounded time.
    #[napi(catch_unwind)]
    pub fn stop(&self) {
        if let Some(run) = lock(&self.run).take() {
            self.candidate.close();
            // A run that has ended by itself takes no more requests, and needs none.
            let _ = run.requests.send(Request::Stop);
            *lock(&self.ending) = Some(run.requests);
        }
    }

    /// Queues a message, to go out at the next `flush` at the latest.
    /// `to`: 0 all, 1 the leader, 2 the followers, 3 the instance `id`. `format`: 0 JSON, 1 bytes, 2 undefined, 3 a text
    /// that is to be written as JSON.
    #[napi(catch_unwind)]
    pub fn send(
        &self,
        to: u32,
        id: String,
        format: u32,
        body: Either<String, Buffer>,
    ) -> Result<(), CodedError> {
        let to = match to {
            0 => Addressee::All,
            1 => Addressee::Leader,
            2 => Addressee::Followers,
            _ => {
                check_id(&id).map_err(coded)?;
                Addressee::Instance(InstanceId::new(id))
            }
        };
        let (format, body) = match (format, body) {
            (3, Either::A(text)) => (Format::Json, wire::quote(&text)),
            (0, body) => (Format::Json, bytes_of(body)),
            (1, body) => (Format::Bytes, bytes_of(body)),
            (_, body) => (Format::Undefined, bytes_of(body)),
        };
        check_message(format, &body).map_err(coded)?;
        self.with_run(|run| run.queue.append(Draft { to, format, body }).map_err(coded))
    }

    /// Has the messages sent that were queued since the last time: one wake-up for all of them.
    #[napi(catch_unwind)]
    pub fn flush(&self) {
        if let Some(run) = &*lock(&self.run) {
            run.queue.flush();
        }
    }

    /// Asks for something that takes time. `what` takes an argument: "setMeta" the meta's JSON, "transfer" the id, "resign" the reason, "setCheckpoint"
    /// `{ value, term? }`, "fenced" `{ commands, buffers, checkpoint?: { value }, term? }`, where a command is a list of texts and of bytes as
    /// `{ b: base64 }`. The last two and "checkpoint" are answered after `stop`, too, until the leadership is released.
    #[napi(catch_unwind)]
    pub fn request(
        &self,
        request: u32,
        #[napi(
            ts_arg_type = "'instances' | 'leader' | 'setMeta' | 'reelect' | 'resign' | 'transfer' | 'fenced' | 'setCheckpoint' | 'checkpoint'"
        )]
        what: String,
        argument: Option<String>,
    ) -> Result<(), CodedError> {
        let argument = argument.unwrap_or_default();
        let what = match what.as_str() {
            "instances" => Question::Instances,
            "leader" => Question::Leader,
            "reelect" => Question::Reelect,
            "resign" => Question::Resign(reason_of(&argument)),
            "transfer" => Question::Transfer(InstanceId::new(argument)),
            "checkpoint" => Question::Checkpoint,
            "setCheckpoint" => read_checkpoint(&argument)?,
            "fenced" => read_work(&argument)?,
            _ => {
                check_depth("meta", argument.as_bytes()).map_err(coded)?;
                let meta: Arc<RawValue> = RawValue::from_string(argument)
                    .map_err(|cause| error(Code::InvalidOption, cause))?
                    .into();
                *lock(&self.meta) = meta.clone();
                Question::SetMeta(meta)
            }
        };
        let gives_up = matches!(what, Question::Reelect | Question::Resign(_));
        let is_work = what.is_work();
        let request = Request::Ask { question: u64::from(request), what };
        if is_work {
            return self.ask(request);
        }
        self.with_run(|run| {
            if gives_up {
                self.candidate.resign();
            }
            run.requests.send(request).map_err(|_| stopping())
        })
    }

    /// Of the run, or of the one that ends.
    fn ask(&self, request: Request) -> Result<(), CodedError> {
        if let Some(run) = &*lock(&self.run) {
            return run.requests.send(request).map_err(|_| stopping());
        }
        match &*lock(&self.ending) {
            Some(requests) => requests.send(request).map_err(|_| stopping()),
            None => Err(error(Code::NotStarted, "the candidate is not started")),
        }
    }

    fn with_run<T>(
        &self,
        act: impl FnOnce(&Run) -> Result<T, CodedError>,
    ) -> Result<T, CodedError> {
        match &*lock(&self.run) {
            Some(run) => act(run),
            None => Err(error(Code::NotStarted, "the candidate is not started")),
        }
    }
}

fn stopping() -> CodedError {
    error(Code::Stopped, "the candidate is stopping")
}

fn reason_of(text: &str) -> Loss {
    match text {
        "expired" => Loss::Expired,
        "stalled" => Loss::Stalled,
        _ => Loss::Reelected,
    }
}

fn bytes_of(body: Either<String, Buffer>) -> Vec<u8> {
    match body {
        Either::A(text) => text.into_bytes(),
        Either::B(bytes) => bytes.to_vec(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic holds the lock")
}
