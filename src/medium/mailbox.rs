//! The bounded queues between a medium and a candidate's driver.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::Notice;

/// Messages that wait for the driver, in number and in bytes; what comes beyond is dropped, counted, and shows as a gap.
const MAX_MESSAGES: usize = 65_536;
const MAX_MESSAGE_BYTES: usize = 64 << 20;
/// Announcements that wait. They are hints, so dropping some costs time only.
const MAX_ANNOUNCEMENTS: usize = 4_096;
/// Changes of the registry that wait. One that is dropped shows as a hole in the revisions.
const MAX_CHANGES: usize = 4_096;

/// Notices in four queues, so that a flood of messages, of joining instances, or of forged announcements holds up nothing that steers.
pub fn mailbox() -> (MailboxSender, Mailbox) {
    let (links, link_queue) = mpsc::unbounded_channel();
    let (announcements, announcement_queue) = mpsc::channel(MAX_ANNOUNCEMENTS);
    let (changes, change_queue) = mpsc::channel(MAX_CHANGES);
    let (messages, message_queue) = mpsc::channel(MAX_MESSAGES);
    let counts = Arc::new(Counts::default());
    (
        MailboxSender { links, announcements, changes, messages, counts: counts.clone() },
        Mailbox { link_queue, announcement_queue, change_queue, message_queue, counts },
    )
}

#[derive(Clone, Debug)]
pub struct MailboxSender {
    /// Unbounded: at most a few per attempt to connect.
    links: mpsc::UnboundedSender<Notice>,
    announcements: mpsc::Sender<Notice>,
    changes: mpsc::Sender<Notice>,
    messages: mpsc::Sender<Notice>,
    counts: Arc<Counts>,
}

pub struct Mailbox {
    link_queue: mpsc::UnboundedReceiver<Notice>,
    announcement_queue: mpsc::Receiver<Notice>,
    change_queue: mpsc::Receiver<Notice>,
    message_queue: mpsc::Receiver<Notice>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    message_bytes: AtomicUsize,
    dropped: AtomicU64,
    malformed: AtomicU64,
}

impl MailboxSender {
    /// Never waits. What finds its queue full is dropped and counted.
    pub fn send(&self, notice: Notice) {
        let is_full = match &notice {
            Notice::Message { payload, .. } => {
                let bytes = payload.len();
                let waiting = self.counts.message_bytes.fetch_add(bytes, Ordering::Relaxed);
                let is_full =
                    waiting + bytes > MAX_MESSAGE_BYTES || self.messages.try_send(notice).is_err();
                if is_full {
                    self.counts.message_bytes.fetch_sub(bytes, Ordering::Relaxed);
                }
                is_full
            }
            Notice::Announced(_) => self.announcements.try_send(notice).is_err(),
            Notice::Registry(_) => self.changes.try_send(notice).is_err(),
            _ => self.links.send(notice).is_err(),
        };
        if is_full {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts something received that could not be understood.
    pub fn count_malformed(&self) {
        self.counts.malformed.fetch_add(1, Ordering::Relaxed);
    }
}

impl Mailbox {
    /// The next notice: of the link first, then announcements, then changes, then messages if `takes_messages`.
    /// Never ends while a sender lives; cancelling it loses nothing.
    pub async fn next(&mut self, takes_messages: bool) -> Option<Notice> {
        tokio::select! {
            biased;
            notice = self.link_queue.recv() => notice,
            notice = self.announcement_queue.recv() => notice,
            notice = self.change_queue.recv() => notice,
            notice = self.message_queue.recv(), if takes_messages => self.settle(notice),
        }
    }

    /// A change of the registry that waits already, if any.
    pub fn try_next_change(&mut self) -> Option<Notice> {
        self.change_queue.try_recv().ok()
    }

    /// A message that waits already, if any.
    pub fn try_next_message(&mut self) -> Option<Notice> {
        let notice = self.message_queue.try_recv().ok();
        self.settle(notice)
    }

    /// Counts something received that could not be understood.
    pub fn count_malformed(&self) {
        self.counts.malformed.fetch_add(1, Ordering::Relaxed);
    }

    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    pub fn malformed(&self) -> u64 {
        self.counts.malformed.load(Ordering::Relaxed)
    }

    fn settle(&self, notice: Option<Notice>) -> Option<Notice> {
        if let Some(Notice::Message { payload, .. }) = &notice {
            self.counts.message_bytes.fetch_sub(payload.len(), Ordering::Relaxed);
        }
        notice
    }
}
