//! The way from the runtime's thread to JavaScript's loop: outputs are batched, with one wake-up in flight.

use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use futures_util::task::AtomicWaker;
use napi::Status;
use napi::bindgen_prelude::{Buffer, Either, FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};

use super::error::CodedError;
use super::items::{Attachment, Batch};
use crate::driver::{Output, Sink};

/// What may wait for JavaScript before messages are left in the mailbox.
const MAX_WAITING: usize = 16_384;
const MAX_WAITING_BYTES: usize = 16 << 20;
/// What may wait at all: a loop that is blocked for hours must not fill the memory with errors of reconnecting.
const MAX_TELLABLE: usize = 100_000;

pub type DeliverArgs = FnArgs<(String, Vec<Either<Buffer, String>>)>;
type Waker = ThreadsafeFunction<(), (), DeliverArgs, Status, false>;

/// Holds JavaScript's loop alive until it is dropped.
pub struct LoopSink {
    waker: Waker,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    batch: Mutex<Batch>,
    /// A wake-up is under way; it will take whatever was put before it runs.
    is_waking: AtomicBool,
    is_probed: AtomicBool,
    /// The environment is gone: nothing can be delivered any more.
    is_closed: AtomicBool,
    /// Somebody was told that there is no room, and is to be told when there is.
    is_awaited: AtomicBool,
    is_drained: AtomicBool,
    /// Of the driver, which is to look again.
    waker: AtomicWaker,
}

impl LoopSink {
    pub fn new(deliver: Function<'_, DeliverArgs, ()>) -> Result<Self, CodedError> {
        let shared = Arc::new(Shared::default());
        let source = shared.clone();
        let waker = deliver
            .build_threadsafe_function::<()>()
            .callee_handled::<false>()
            .build_callback(move |_| Ok(source.take()))
            .map_err(|cause| super::error::error(super::error::Code::Internal, cause.reason))?;
        Ok(Self { waker, shared })
    }

    fn wake(&self) {
        if self.shared.is_waking.swap(true, Ordering::SeqCst) {
            return;
        }
        let status = self.waker.call((), ThreadsafeFunctionCallMode::NonBlocking);
        if status != Status::Ok {
            self.shared.is_closed.store(true, Ordering::SeqCst);
            self.shared.tell_drained();
        }
    }
}

impl Shared {
    /// Runs on JavaScript's thread.
    fn take(&self) -> DeliverArgs {
        self.is_waking.store(false, Ordering::SeqCst);
        self.is_probed.store(false, Ordering::SeqCst);
        let batch = std::mem::take(&mut *self.batch());
        // Not at every batch: it wakes the runtime's thread. Who sends one by one sends again when told that the last one went
        // out, and finds that thread awake: it wakes up while this one parses.
        if self.is_awaited.swap(false, Ordering::SeqCst) || batch.tells_sent() {
            self.tell_drained();
        }
        let (items, attachments) = batch.into_parts();
        let attachments = attachments.into_iter().map(|attachment| match attachment {
            Attachment::Bytes(bytes) => Either::A(Buffer::from(bytes)),
            Attachment::Text(text) => Either::B(text),
        });
        (items, attachments.collect()).into()
    }

    fn tell_drained(&self) {
        self.is_drained.store(true, Ordering::SeqCst);
        self.waker.wake();
    }

    fn batch(&self) -> MutexGuard<'_, Batch> {
        self.batch.lock().expect("no panic holds the lock")
    }
}

impl Sink for LoopSink {
    fn append(&self, output: Output) {
        if self.shared.is_closed.load(Ordering::SeqCst) {
            return;
        }
        let mut batch = self.shared.batch();
        let is_repeatable = matches!(output, Output::Error(_) | Output::Debug(_));
        if is_repeatable && batch.count() >= MAX_TELLABLE {
            return;
        }
        batch.push(output);
    }

    fn flush(&self) {
        // A candidate that hears nothing but its own messages has nothing to tell.
        let is_idle = self.shared.batch().count() == 0;
        if !is_idle && !self.shared.is_closed.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    fn has_room(&self) -> bool {
        let batch = self.shared.batch();
        let has_room = batch.count() < MAX_WAITING && batch.bytes() < MAX_WAITING_BYTES;
        if !has_room {
            // While the batch is locked: whoever takes it next sees this.
            self.shared.is_awaited.store(true, Ordering::SeqCst);
        }
        has_room
    }

    fn room(&self) -> impl Future<Output = ()> + Send {
        poll_fn(|context| {
            self.shared.waker.register(context.waker());
            match self.shared.is_drained.swap(false, Ordering::SeqCst) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
    }

    fn probe(&self) {
        self.shared.is_probed.store(true, Ordering::SeqCst);
        self.wake();
    }

    fn is_probe_pending(&self) -> bool {
        self.shared.is_probed.load(Ordering::SeqCst)
    }

    fn is_closed(&self) -> bool {
        self.shared.is_closed.load(Ordering::SeqCst)
    }
}
