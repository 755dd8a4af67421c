//! The way out of messages: a bounded queue that any thread fills, and a task that drains it in order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::stream::{FuturesOrdered, StreamExt};
use tokio::sync::Notify;
use tokio::task::coop::unconstrained;

use super::output::{Output, Sink};
use crate::authentication::Authenticator;
use crate::clock;
use crate::election::{Holder, Tenure};
use crate::medium::{Channel, Medium};
use crate::messaging::{Addressee, Dating, Numbering};
use crate::metrics::Metrics;
use crate::migration::wire::{encode_message, is_id, longest_copy};
use crate::wire::{Format, Letterhead};

/// Messages, and bytes of them, that may wait. Beyond, `append` refuses.
pub const MAX_QUEUED: usize = 65_536;
pub const MAX_QUEUED_BYTES: usize = 64 << 20;
/// What may be under way: together 256 messages or 256 KiB, what a renewal may have to wait behind. A longer message goes alone.
const MAX_BATCHES_UNDER_WAY: usize = 2;
const MAX_BYTES_UNDER_WAY: usize = 256 << 10;
/// One batch. While the server works on it, the next one is on its way.
const MAX_BATCH: usize = 256 / MAX_BATCHES_UNDER_WAY;
const MAX_BATCH_BYTES: usize = MAX_BYTES_UNDER_WAY / MAX_BATCHES_UNDER_WAY;
/// A longer message goes in an envelope of its own.
const MAX_LINE: usize = 4 << 10;
/// So many wait at most before the task is woken for them, whatever their sender does next.
const MAX_UNFLUSHED: usize = MAX_BATCH;

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

/// One message before it is numbered and sent, in a format other than [`Format::Lines`].
#[derive(Debug)]
pub struct Draft {
    pub to: Addressee,
    pub format: Format,
    pub body: Vec<u8>,
}

impl Draft {
    /// Whether it may be one of several in an envelope.
    fn is_line(&self) -> bool {
        self.format == Format::Json && self.body.len() <= MAX_LINE && !self.body.contains(&b'\n')
    }

    /// At most, with the copy that goes out where a fleet is moved; what stands around a message of our own is not counted.
    fn bytes_on_the_wire(&self, migrates: bool) -> usize {
        let copy = if migrates { longest_copy(self.format, &self.body) } else { 0 };
        self.body.len() + copy
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Full,
    Closed,
}

impl SendQueue {
    /// Adds to what is to be sent. It need not go out before `flush`, so that messages which come together go out together.
    ///
    /// # Errors
    /// [`Refusal`], when too much waits already, or the run ends.
    pub fn append(&self, draft: Draft) -> Result<(), Refusal> {
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
        let is_much = state.waiting.len() == MAX_UNFLUSHED || bytes > MAX_BATCH_BYTES;
        drop(state);
        if is_much {
            self.flush();
        }
        Ok(())
    }

    /// Has what was appended sent.
    pub fn flush(&self) {
        self.filled.notify_one();
    }

    /// Nothing more is taken in; what waits still goes out.
    pub fn close(&self) {
        self.state().is_closed = true;
        self.filled.notify_one();
    }

    /// The next batch of at most so many bytes, as `weigh` counts them; empty once the queue is closed and empty. Without a limit, the first
    /// message may be of any length. Cancelling it loses nothing.
    async fn take_batch(
        &self,
        limit: Option<usize>,
        weigh: impl Fn(&Draft) -> usize,
    ) -> (Vec<Draft>, usize) {
        let longest = limit.map_or(MAX_BATCH_BYTES, |limit| limit.min(MAX_BATCH_BYTES));
        loop {
            {
                let mut state = self.state();
                let (mut count, mut bytes) = (0, 0);
                for draft in state.waiting.iter().take(MAX_BATCH) {
                    let with = bytes + weigh(draft);
                    if with > longest && (count > 0 || limit.is_some()) {
                        break;
                    }
                    bytes = with;
                    count += 1;
                }
                if count > 0 || (state.is_closed && state.waiting.is_empty()) {
                    let batch: Vec<Draft> = state.waiting.drain(..count).collect();
                    state.bytes -= batch.iter().map(|draft| draft.body.len()).sum::<usize>();
                    return (batch, bytes);
                }
            }
            self.filled.notified().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic holds the lock")
    }
}

/// Sends what comes through `queue` until it is closed and empty. Batches are handed over one after the other, so the order holds.
pub async fn publish_all<M: Medium, S: Sink>(
    medium: Arc<M>,
    queue: Arc<SendQueue>,
    mut letters: Letters,
    sink: Arc<S>,
    metrics: Arc<Metrics>,
) {
    let mut last = 0;
    let mut is_open = true;
    let mut bytes_under_way = 0;
    let mut under_way = FuturesOrdered::new();
    let migrates = letters.migrates;
    let weigh = |draft: &Draft| draft.bytes_on_the_wire(migrates);
    while is_open || !under_way.is_empty() {
        let limit =
            (!under_way.is_empty()).then(|| MAX_BYTES_UNDER_WAY.saturating_sub(bytes_under_way));
        tokio::select! {
            // A batch is handed over at its first poll: before the next one is taken.
            biased;
            Some((output, bytes)) = under_way.next() => {
                bytes_under_way -= bytes;
                sink.put(output);
            }
            (drafts, bytes) = queue.take_batch(limit, weigh), if is_open && under_way.len() < MAX_BATCHES_UNDER_WAY => {
                if drafts.is_empty() {
                    is_open = false;
                    continue;
                }
                let (first, up_to) = (last + 1, last + drafts.len() as u64);
                last = up_to;
                bytes_under_way += bytes;
                let batch = letters.write(&drafts, |channel| medium.channel_name(channel));
                let (medium, metrics) = (medium.clone(), metrics.clone());
                // Unconstrained: tokio must not put off the first poll because this task has done much in its turn. In a
                // box: the queue holds the room of one from the start, and most candidates of a process never send.
                under_way.push_back(Box::pin(unconstrained(async move {
                    let output = match medium.publish(batch).await {
                        Ok(()) => {
                            metrics.messages.sent.add(up_to + 1 - first);
                            Output::Sent { up_to }
                        }
                        Err(error) => Output::Unsent { from: first, up_to, failure: error.into() },
                    };
                    (output, bytes)
                })));
            }
        }
    }
}

/// Puts messages into envelopes.
pub struct Letters {
    holder: Holder,
    tenure: Arc<Tenure>,
    authenticator: Option<Arc<Authenticator>>,
    /// Whether each message goes out on the wire of another library as well.
    migrates: bool,
    numbering: Numbering,
    dating: Dating,
}

impl Letters {
    pub fn new(
        holder: Holder,
        tenure: Arc<Tenure>,
        authenticator: Option<Arc<Authenticator>>,
        migrates: bool,
    ) -> Self {
        let (numbering, dating) = (Numbering::default(), Dating::default());
        Self { holder, tenure, authenticator, migrates, numbering, dating }
    }

    /// Short messages in JSON to one addressee that follow one another go in one envelope: whatever is done once for a publication,
    /// here, in the server and in each receiver, is then done once for all of them.
    fn write(
        &mut self,
        drafts: &[Draft],
        name_of: impl Fn(&Channel) -> String,
    ) -> Vec<(Channel, Vec<u8>)> {
        let leads = self.tenure.is_valid(clock::now);
        let letterhead = Letterhead::new(self.holder.as_str(), self.tenure.term().0, leads);
        let copies = if self.migrates { self.copies(drafts, leads) } else { Vec::new() };
        let letters = drafts
            .chunk_by(|one, next| one.is_line() && next.is_line() && one.to == next.to)
            .map(|drafts| {
                let channel = drafts[0].to.channel();
                let seq = self.numbering.next(&channel, drafts.len() as u64);
                let at = self.authenticator.as_ref().map(|_| self.dating.next(clock::wall_us()));
                let mut payload = match drafts {
                    [one] => letterhead.encode(seq, one.format, at, &one.body),
                    _ => letterhead.encode_lines(seq, at, drafts.iter().map(|draft| &*draft.body)),
                };
                if let Some(authenticator) = &self.authenticator {
                    authenticator.sign(&name_of(&channel), &mut payload);
                }
                (channel, payload)
            });
        letters.chain(copies).collect()
    }

    /// The same messages for the instances of the other library, in the same order. An id that is none of theirs would name a channel of a
    /// role, or of another kind.
    fn copies(&self, drafts: &[Draft], leads: bool) -> Vec<(Channel, Vec<u8>)> {
        let own = self.holder.instance();
        let copy = |Draft { to, format, body }: &Draft| {
            if matches!(to, Addressee::Instance(id) if !is_id(id.as_str())) {
                return None;
            }
            let leads = (*to != Addressee::Leader).then_some(leads);
            let payload = encode_message(&own, *format, body, leads);
            Some((Channel::Legacy(to.legacy_channel()), payload))
        };
        drafts.iter().filter_map(copy).collect()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::election::InstanceId;
    use crate::messaging::LegacyChannel;
    use crate::wire::decode_message;

    fn queue_of(sizes: &[usize]) -> SendQueue {
        let queue = SendQueue::default();
        for size in sizes {
            let body = vec![b'0'; *size];
            queue.append(Draft { to: Addressee::All, format: Format::Bytes, body }).unwrap();
        }
        queue
    }

    /// The sizes of the next batch; `None` when it waits.
    fn next(queue: &SendQueue, limit: Option<usize>) -> Option<Vec<usize>> {
        let (drafts, bytes) = queue.take_batch(limit, |draft| draft.body.len()).now_or_never()?;
        let sizes: Vec<usize> = drafts.iter().map(|draft| draft.body.len()).collect();
        assert_eq!(bytes, sizes.iter().sum::<usize>());
        Some(sizes)
    }

    #[test]
    fn a_batch_is_bounded_in_number_and_in_bytes() {
        let queue = queue_of(&[1; MAX_BATCH + 5]);
        assert_eq!(next(&queue, None).unwrap().len(), MAX_BATCH);
        assert_eq!(next(&queue, None).unwrap().len(), 5);
        let half = MAX_BATCH_BYTES / 2;
        let queue = queue_of(&[half, half, 1]);
        assert_eq!(next(&queue, None), Some(vec![half, half]));
        assert_eq!(next(&queue, None), Some(vec![1]));
    }

    #[test]
    fn a_long_message_goes_alone_and_only_when_nothing_is_under_way() {
        let long = MAX_BYTES_UNDER_WAY + 1;
        let queue = queue_of(&[1, long, 1]);
        assert_eq!(next(&queue, Some(100)), Some(vec![1]));
        assert_eq!(next(&queue, Some(MAX_BYTES_UNDER_WAY - 1)), None);
        assert_eq!(next(&queue, None), Some(vec![long]));
        assert_eq!(next(&queue, Some(0)), None);
        assert_eq!(next(&queue, Some(1)), Some(vec![1]));
    }

    #[test]
    fn a_closed_queue_gives_what_waits_and_then_nothing() {
        let queue = queue_of(&[1]);
        assert_eq!(next(&queue, Some(0)), None);
        queue.close();
        assert_eq!(next(&queue, Some(0)), None);
        assert_eq!(next(&queue, None), Some(vec![1]));
        assert_eq!(next(&queue, None), Some(vec![]));
    }

    #[test]
    fn beside_another_library_a_batch_is_bounded_with_the_copies() {
        let size = MAX_BATCH_BYTES / 8;
        let queue = queue_of(&[size, size, size]);
        let weigh = |draft: &Draft| draft.bytes_on_the_wire(true);
        let (batch, bytes) = queue.take_batch(None, weigh).now_or_never().unwrap();
        assert_eq!(batch.len(), 1, "two of them and their copies are more than fits");
        assert!(bytes >= 5 * size);
        let (batch, _) = queue.take_batch(Some(5 * size), weigh).now_or_never().unwrap_or_default();
        assert!(batch.is_empty(), "its copy would not fit");
        assert_eq!(next(&queue, None), Some(vec![size, size]));
    }

    #[test]
    fn a_copy_goes_to_no_channel_but_those_of_the_old_instances_of_the_kind() {
        let holder = Holder::new(&InstanceId::new("a"), 1);
        let copied = |to: Addressee| {
            let draft = Draft { to, format: Format::Json, body: b"1".to_vec() };
            let letters = Letters::new(holder.clone(), Arc::default(), None, true)
                .write(&[draft], |_| unreachable!("nothing is authenticated"));
            let channels = letters.into_iter().map(|(channel, _)| channel);
            let legacy = channels.filter(|channel| matches!(channel, Channel::Legacy(_)));
            legacy.collect::<Vec<Channel>>()
        };
        let to = |id: &str| Addressee::Instance(InstanceId::new(id));
        let name = "0123456789abcdefghijkl";
        let known = Channel::Legacy(LegacyChannel::Instance(InstanceId::new(name)));
        assert_eq!(copied(to(name)), [known]);
        assert_eq!(copied(Addressee::Leader), [Channel::Legacy(LegacyChannel::Leader)]);
        for strange in ["leader", "followers", "a:leader", "a:0123456789abcdefghijkl", "", "*"] {
            assert_eq!(copied(to(strange)), [], "{strange}");
        }
    }

    /// What is published of such drafts: the first number, the format, and the body of each publication.
    fn published(drafts: &[(Addressee, Format, &str)]) -> Vec<(Channel, u64, Format, String)> {
        let draft = |(to, format, body): &(Addressee, Format, &str)| {
            let (to, body) = (to.clone(), body.as_bytes().to_vec());
            Draft { to, format: *format, body }
        };
        let drafts: Vec<Draft> = drafts.iter().map(draft).collect();
        let holder = Holder::new(&InstanceId::new("a"), 1);
        Letters::new(holder, Arc::default(), None, false)
            .write(&drafts, |_| unreachable!("nothing is authenticated"))
            .into_iter()
            .map(|(channel, payload)| {
                let (envelope, body) = decode_message(&payload).unwrap();
                let body = String::from_utf8(body.to_vec()).unwrap();
                (channel, envelope.seq, envelope.format, body)
            })
            .collect()
    }

    #[test]
    fn short_messages_in_json_to_one_addressee_share_an_envelope() {
        let (all, leader, json) = (Addressee::All, Addressee::Leader, Format::Json);
        let long = format!("\"{}\"", "x".repeat(MAX_LINE));
        let drafts = [
            (all.clone(), json, "1"),
            (all.clone(), json, "[2]"),
            (leader.clone(), json, "3"),
            (all.clone(), json, "4"),
            (all.clone(), Format::Bytes, "5"),
            (all.clone(), json, "{\n}"),
            (all.clone(), json, &long),
            (all.clone(), json, "8"),
            (all.clone(), json, "9"),
        ];
        let expected = [
            (Channel::All, 1, Format::Lines, "1\n[2]"),
            (Channel::Leader, 1, json, "3"),
            (Channel::All, 3, json, "4"),
            (Channel::All, 4, Format::Bytes, "5"),
            (Channel::All, 5, json, "{\n}"),
            (Channel::All, 6, json, &long),
            (Channel::All, 7, Format::Lines, "8\n9"),
        ];
        let expected =
            expected.map(|(channel, seq, format, body)| (channel, seq, format, body.to_owned()));
        assert_eq!(published(&drafts), expected);
    }

    #[test]
    fn what_is_too_much_is_refused_until_some_has_gone() {
        let queue = queue_of(&[MAX_QUEUED_BYTES]);
        let draft = || Draft { to: Addressee::All, format: Format::Bytes, body: vec![0] };
        assert_eq!(queue.append(draft()), Err(Refusal::Full));
        next(&queue, None).unwrap();
        assert_eq!(queue.append(draft()), Ok(()));
    }
}
