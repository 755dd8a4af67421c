//! The bounded queues between a medium and a candidate's driver.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

use super::{Notice, RegistryChange};
use crate::election::Announcement;

/// Messages that wait for the driver, in number and in bytes; what comes beyond is dropped, counted, and shows as a gap.
const MAX_MESSAGES: usize = 65_536;
const MAX_MESSAGE_BYTES: usize = 64 << 20;
/// Announcements that wait. They are hints, so dropping some costs time only.
const MAX_ANNOUNCEMENTS: usize = 4_096;
/// Changes of the registry that wait. One that is dropped shows as a hole in the revisions.
const MAX_CHANGES: usize = 4_096;
/// Ballots of another library that wait. Its election bears a loss.
const MAX_BALLOTS: usize = 4_096;
/// What an empty queue may keep of its room. A process may hold thousands of queues, nearly all of them empty nearly always.
const KEPT_ROOM: usize = 16;

/// Notices in queues of their own, so that a flood of messages, of joining instances, or of forged announcements holds up nothing that steers.
pub fn mailbox() -> (MailboxSender, Mailbox) {
    let shared = Arc::new(Shared::default());
    (MailboxSender { shared: shared.clone() }, Mailbox { shared })
}

#[derive(Clone, Debug)]
pub struct MailboxSender {
    shared: Arc<Shared>,
}

/// The one who reads. Once it is dropped, whatever is sent is dropped as well.
pub struct Mailbox {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queues: Mutex<Queues>,
    dropped: AtomicU64,
    malformed: AtomicU64,
}

#[derive(Debug, Default)]
struct Queues {
    /// Without a limit: at most a few per attempt to connect.
    links: VecDeque<Notice>,
    announcements: VecDeque<Announcement>,
    /// Those of a large fleet that starts wait for every candidate of a process, a million of them.
    changes: VecDeque<RegistryChange>,
    ballots: VecDeque<Vec<u8>>,
    messages: VecDeque<Notice>,
    message_bytes: usize,
    is_closed: bool,
    /// Of whoever found nothing to take.
    waker: Option<Waker>,
}

impl MailboxSender {
    /// Never waits. What finds its queue full is dropped and counted.
    pub fn send(&self, notice: Notice) {
        let mut queues = self.shared.queues();
        if queues.put(notice) {
            let waker = queues.waker.take();
            drop(queues);
            if let Some(waker) = waker {
                waker.wake();
            }
        } else {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts something received that could not be understood.
    pub fn count_malformed(&self) {
        self.shared.count_malformed();
    }
}

impl Mailbox {
    /// The next notice: of the link first, then announcements, then changes, then ballots, then messages if `takes_messages`.
    /// Cancelling it loses nothing.
    pub async fn next(&mut self, takes_messages: bool) -> Notice {
        poll_fn(|context| {
            let mut queues = self.shared.queues();
            match queues.take(takes_messages) {
                Some(notice) => Poll::Ready(notice),
                None => {
                    queues.wait(context.waker());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// A change of the registry that waits already, if any.
    pub fn try_next_change(&mut self) -> Option<RegistryChange> {
        take_from(&mut self.shared.queues().changes)
    }

    /// A message that waits already, if any.
    pub fn try_next_message(&mut self) -> Option<Notice> {
        self.shared.queues().take_message()
    }

    /// Counts something received that could not be understood.
    pub fn count_malformed(&self) {
        self.shared.count_malformed();
    }

    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    pub fn malformed(&self) -> u64 {
        self.shared.malformed.load(Ordering::Relaxed)
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        *self.shared.queues() = Queues { is_closed: true, ..Queues::default() };
    }
}

impl Shared {
    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().expect("no panic holds the lock")
    }

    fn count_malformed(&self) {
        self.malformed.fetch_add(1, Ordering::Relaxed);
    }
}

impl Queues {
    /// False when there is no room for it.
    fn put(&mut self, notice: Notice) -> bool {
        if self.is_closed {
            return false;
        }
        match notice {
            Notice::Message { ref payload, .. } => {
                let bytes = self.message_bytes + payload.len();
                if bytes > MAX_MESSAGE_BYTES || self.messages.len() >= MAX_MESSAGES {
                    return false;
                }
                self.message_bytes = bytes;
                self.messages.push_back(notice);
                true
            }
            Notice::Announced(announcement) => {
                put_into(&mut self.announcements, announcement, MAX_ANNOUNCEMENTS)
            }
            Notice::Registry(change) => put_into(&mut self.changes, change, MAX_CHANGES),
            Notice::Ballot(ballot) => put_into(&mut self.ballots, ballot, MAX_BALLOTS),
            _ => put_into(&mut self.links, notice, usize::MAX),
        }
    }

    fn take(&mut self, takes_messages: bool) -> Option<Notice> {
        take_from(&mut self.links)
            .or_else(|| take_from(&mut self.announcements).map(Notice::Announced))
            .or_else(|| take_from(&mut self.changes).map(Notice::Registry))
            .or_else(|| take_from(&mut self.ballots).map(Notice::Ballot))
            .or_else(|| if takes_messages { self.take_message() } else { None })
    }

    fn wait(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(present) => present.clone_from(waker),
            None => self.waker = Some(waker.clone()),
        }
    }

    fn take_message(&mut self) -> Option<Notice> {
        let notice = take_from(&mut self.messages)?;
        if let Notice::Message { payload, .. } = &notice {
            self.message_bytes -= payload.len();
        }
        Some(notice)
    }
}

fn put_into<T>(queue: &mut VecDeque<T>, item: T, limit: usize) -> bool {
    let has_room = queue.len() < limit;
    if has_room {
        queue.push_back(item);
    }
    has_room
}

fn take_from<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let item = queue.pop_front()?;
    if queue.is_empty() && queue.capacity() > KEPT_ROOM {
        *queue = VecDeque::new();
    }
    Some(item)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::medium::{Change, Channel};

    fn message(bytes: usize) -> Notice {
        Notice::Message { channel: Channel::All, payload: vec![0; bytes] }
    }

    fn change(revision: u64) -> Notice {
        let change = Change::Left(crate::election::InstanceId::new("a"));
        Notice::Registry(RegistryChange { revision, change })
    }

    #[tokio::test]
    async fn whatever_another_thread_sends_comes_in_order_though_waits_are_cancelled() {
        const COUNT: u64 = 10_000;
        let (sender, mut mailbox) = mailbox();
        let sending = std::thread::spawn(move || {
            for revision in 0..COUNT {
                while sender.shared.queues().changes.len() >= MAX_CHANGES {
                    std::thread::yield_now();
                }
                sender.send(change(revision));
            }
        });
        for expected in 0..COUNT {
            // Every other one is waited for twice.
            let is_eager = expected % 2 == 0;
            let early = if is_eager { mailbox.next(true).now_or_never() } else { None };
            let notice = match early {
                Some(notice) => notice,
                None => mailbox.next(true).await,
            };
            assert!(matches!(notice, Notice::Registry(change) if change.revision == expected));
        }
        sending.join().expect("it ends");
        assert_eq!(mailbox.dropped(), 0);
    }

    #[tokio::test]
    async fn what_steers_comes_before_messages_that_wait() {
        let (sender, mut mailbox) = mailbox();
        sender.send(message(1));
        assert!(mailbox.next(false).now_or_never().is_none(), "there is no room for messages");
        sender.send(change(1));
        sender.send(Notice::Connected);
        assert!(matches!(mailbox.next(true).await, Notice::Connected));
        assert!(matches!(mailbox.next(true).await, Notice::Registry(_)));
        assert!(matches!(mailbox.next(true).await, Notice::Message { .. }));
    }

    #[tokio::test]
    async fn each_queue_has_a_limit_of_its_own_and_what_is_dropped_is_counted() {
        let (sender, mut mailbox) = mailbox();
        for revision in 0..=MAX_CHANGES as u64 {
            sender.send(change(revision));
        }
        sender.send(message(MAX_MESSAGE_BYTES));
        sender.send(message(1));
        assert_eq!(mailbox.dropped(), 2);
        let first = mailbox.try_next_change().expect("the first ones are kept");
        assert_eq!(first.revision, 0);
        assert!(mailbox.try_next_message().is_some());
        sender.send(message(MAX_MESSAGE_BYTES));
        assert!(mailbox.try_next_message().is_some(), "what was taken makes room");
    }

    #[test]
    fn nothing_is_kept_for_whoever_has_gone() {
        let (sender, mailbox) = mailbox();
        sender.send(change(1));
        drop(mailbox);
        sender.send(change(2));
        assert!(sender.shared.queues().changes.is_empty());
    }
}
