//! The bounded queues between a medium and a candidate's driver.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use super::Notice;

/// Messages that wait for the driver, in number and in bytes; what comes beyond is dropped, counted, and shows as a gap.
const MAX_MESSAGES: usize = 65_536;
const MAX_MESSAGE_BYTES: usize = 64 << 20;
/// Announcements that wait. They are hints, so dropping some costs time only.
const MAX_ANNOUNCEMENTS: usize = 4_096;
/// Changes of the registry that wait. One that is dropped shows as a hole in the revisions.
const MAX_CHANGES: usize = 4_096;
/// What an empty queue may keep of its room. A process may hold thousands of queues, nearly all of them empty nearly always.
const KEPT_ROOM: usize = 16;

/// Notices in four queues, so that a flood of messages, of joining instances, or of forged announcements holds up nothing that steers.
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
    /// Something was put into an empty mailbox.
    filled: Notify,
    dropped: AtomicU64,
    malformed: AtomicU64,
}

#[derive(Debug, Default)]
struct Queues {
    /// Without a limit: at most a few per attempt to connect.
    links: VecDeque<Notice>,
    announcements: VecDeque<Notice>,
    changes: VecDeque<Notice>,
    messages: VecDeque<Notice>,
    message_bytes: usize,
    is_closed: bool,
}

impl MailboxSender {
    /// Never waits. What finds its queue full is dropped and counted.
    pub fn send(&self, notice: Notice) {
        if self.shared.queues().put(notice) {
            self.shared.filled.notify_one();
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
    /// The next notice: of the link first, then announcements, then changes, then messages if `takes_messages`.
    /// Cancelling it loses nothing.
    pub async fn next(&mut self, takes_messages: bool) -> Notice {
        loop {
            if let Some(notice) = self.shared.queues().take(takes_messages) {
                return notice;
            }
            self.shared.filled.notified().await;
        }
    }

    /// A change of the registry that waits already, if any.
    pub fn try_next_change(&mut self) -> Option<Notice> {
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
        let (queue, limit) = match &notice {
            Notice::Message { payload, .. } => {
                let bytes = self.message_bytes + payload.len();
                if bytes > MAX_MESSAGE_BYTES || self.messages.len() >= MAX_MESSAGES {
                    return false;
                }
                self.message_bytes = bytes;
                (&mut self.messages, MAX_MESSAGES)
            }
            Notice::Announced(_) => (&mut self.announcements, MAX_ANNOUNCEMENTS),
            Notice::Registry(_) => (&mut self.changes, MAX_CHANGES),
            _ => (&mut self.links, usize::MAX),
        };
        let has_room = queue.len() < limit;
        if has_room {
            queue.push_back(notice);
        }
        has_room
    }

    fn take(&mut self, takes_messages: bool) -> Option<Notice> {
        take_from(&mut self.links)
            .or_else(|| take_from(&mut self.announcements))
            .or_else(|| take_from(&mut self.changes))
            .or_else(|| if takes_messages { self.take_message() } else { None })
    }

    fn take_message(&mut self) -> Option<Notice> {
        let notice = take_from(&mut self.messages)?;
        if let Notice::Message { payload, .. } = &notice {
            self.message_bytes -= payload.len();
        }
        Some(notice)
    }
}

fn take_from(queue: &mut VecDeque<Notice>) -> Option<Notice> {
    let notice = queue.pop_front()?;
    if queue.is_empty() && queue.capacity() > KEPT_ROOM {
        *queue = VecDeque::new();
    }
    Some(notice)
}
