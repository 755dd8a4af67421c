//! The way out of messages: a bounded queue that any thread fills, and a task that drains it in order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use super::output::{Output, Sink};
use crate::clock;
use crate::election::{Holder, Tenure};
use crate::medium::{Channel, Medium};
use crate::messaging::{Addressee, Numbering};
use crate::wire::{Envelope, Format, VERSION};

/// Messages, and bytes of them, that may wait. Beyond, `push` refuses.
pub const MAX_QUEUED: usize = 65_536;
pub const MAX_QUEUED_BYTES: usize = 64 << 20;
/// One batch: what a renewal may have to wait behind.
const MAX_BATCH: usize = 256;
const MAX_BATCH_BYTES: usize = 256 << 10;

#[derive(Debug, Default)]
pub struct SendQueue {
    state: Mutex<State>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Draft>,
    bytes: usize,
    is_closed: bool,
}

/// A message before it is numbered and sent.
#[derive(Debug)]
pub struct Draft {
    pub to: Addressee,
    pub format: Format,
    pub body: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Full,
    Closed,
}

impl SendQueue {
    /// # Errors
    /// [`Refusal`], when too much waits already, or the run ends.
    pub fn push(&self, draft: Draft) -> Result<(), Refusal> {
        let mut state = self.state();
        if state.is_closed {
            return Err(Refusal::Closed);
        }
        let bytes = state.bytes + draft.body.len();
        if state.waiting.len() >= MAX_QUEUED || bytes > MAX_QUEUED_BYTES {
            return Err(Refusal::Full);
        }
        state.bytes = bytes;
        state.waiting.push_back(draft);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Nothing more is taken in; what waits still goes out.
    pub fn close(&self) {
        self.state().is_closed = true;
        self.filled.notify_one();
    }

    /// The next batch; empty once the queue is closed and empty.
    async fn take_batch(&self) -> Vec<Draft> {
        loop {
            {
                let mut state = self.state();
                let (mut count, mut bytes) = (0, 0);
                for draft in state.waiting.iter().take(MAX_BATCH) {
                    bytes += draft.body.len();
                    if count > 0 && bytes > MAX_BATCH_BYTES {
                        bytes -= draft.body.len();
                        break;
                    }
                    count += 1;
                }
                if count > 0 {
                    state.bytes -= bytes;
                    return state.waiting.drain(..count).collect();
                }
                if state.is_closed {
                    return Vec::new();
                }
            }
            self.filled.notified().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic holds the lock")
    }
}

/// Sends what comes through `queue` until it is closed and empty. One batch is under way at a time, so the order holds.
pub async fn publish_all<M: Medium, S: Sink>(
    medium: Arc<M>,
    queue: Arc<SendQueue>,
    holder: Holder,
    tenure: Arc<Tenure>,
    sink: Arc<S>,
) {
    let mut numbering = Numbering::default();
    let mut last = 0;
    loop {
        let drafts = queue.take_batch().await;
        if drafts.is_empty() {
            return;
        }
        let (first, up_to) = (last + 1, last + drafts.len() as u64);
        last = up_to;
        let batch = seal(drafts, &holder, &tenure, &mut numbering);
        match medium.publish(batch).await {
            Ok(()) => sink.put(Output::Sent { up_to }),
            Err(error) => sink.put(Output::Unsent { from: first, up_to, failure: error.into() }),
        }
    }
}

fn seal(
    drafts: Vec<Draft>,
    holder: &Holder,
    tenure: &Tenure,
    numbering: &mut Numbering,
) -> Vec<(Channel, Vec<u8>)> {
    let (term, leads) = (tenure.term().0, tenure.is_valid(clock::now));
    drafts
        .into_iter()
        .map(|Draft { to, format, body }| {
            let channel = to.channel();
            let seq = numbering.next(&channel);
            let from = holder.as_str().into();
            let envelope = Envelope { v: VERSION, from, term, leads, seq, format };
            (channel, envelope.encode(&body))
        })
        .collect()
}
