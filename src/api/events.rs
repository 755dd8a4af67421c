//! The streams of events: each has a bounded queue of its own, so one that is not read keeps nothing from the others, nor from the candidate.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll, Waker};

use futures_util::Stream;

use super::event::Event;

/// Messages, and bytes of them, that may wait.
const MAX_MESSAGES: usize = 16_384;
const MAX_MESSAGE_BYTES: usize = 16 << 20;
/// All else that may wait before what is outdated gives way.
const MAX_NEWS: usize = 4096;

/// The events of a candidate from [`Candidate::events`](crate::Candidate::events) on, over every stop and start. It ends when the candidate was dropped and is
/// released. Holding it does not keep the candidate.
///
/// It is a [`Stream`](futures_util::Stream); [`next`](Self::next) does without the extension traits.
///
/// # When it is not read
///
/// Its memory is bounded, and the candidate waits for nobody:
///
/// - Of messages, 16 384 or 16 MiB may wait. Those that come beyond are left out.
/// - Of all else, 4096 may wait. Beyond, errors, gaps and warnings are left out, and what later events have outdated gives way: reigns that have begun and
///   ended meanwhile, states and leaders but for the last one, instances that came and went.
///
/// [`Event::Lagged`] stands where something is missing, with the number of events. What this instance is, is never lost: whoever reads on to the end knows
/// whether it leads, by whom it is led, and who is there. For a decision ask [`Candidate::is_leader`](crate::Candidate::is_leader), which looks at the clock.
#[derive(Debug)]
pub struct Events {
    queue: Arc<Queue>,
}

impl Events {
    /// The next event; `None` once the candidate was dropped and is released. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.queue.poll(context)).await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.queue.poll(context)
    }
}

/// All streams of a candidate.
#[derive(Debug, Default)]
pub struct Broadcast {
    queues: Mutex<Queues>,
}

#[derive(Debug, Default)]
struct Queues {
    open: Vec<Weak<Queue>>,
    is_closed: bool,
}

impl Broadcast {
    pub fn subscribe(&self) -> Events {
        let queue = Arc::new(Queue::default());
        let mut queues = lock(&self.queues);
        if queues.is_closed {
            queue.close();
        } else {
            queues.open.retain(|queue| queue.strong_count() > 0);
            queues.open.push(Arc::downgrade(&queue));
        }
        Events { queue }
    }

    pub fn put(&self, event: &Event) {
        for queue in self.open() {
            queue.push(event.clone());
        }
    }

    /// Nothing will be told any more.
    pub fn close(&self) {
        lock(&self.queues).is_closed = true;
        for queue in self.open() {
            queue.close();
        }
    }

    fn open(&self) -> Vec<Arc<Queue>> {
        lock(&self.queues).open.iter().filter_map(Weak::upgrade).collect()
    }
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Event>,
    messages: usize,
    message_bytes: usize,
    /// How many were left by the last clearing; the next one is due when there are twice as many.
    lasting: usize,
    is_closed: bool,
    waker: Option<Waker>,
}

impl Queue {
    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut state = lock(&self.state);
        if let Some(event) = state.waiting.pop_front() {
            if let Event::Message(message) = &event {
                state.messages -= 1;
                state.message_bytes -= message.size();
            }
            return Poll::Ready(Some(event));
        }
        if state.is_closed {
            return Poll::Ready(None);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn push(&self, event: Event) {
        let mut state = lock(&self.state);
        state.push(event);
        self.wake(state);
    }

    fn close(&self) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        self.wake(state);
    }

    /// Whoever is woken may look at once.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl State {
    fn push(&mut self, event: Event) {
        if let Event::Message(message) = &event {
            let bytes = self.message_bytes + message.size();
            if self.messages >= MAX_MESSAGES || bytes > MAX_MESSAGE_BYTES {
                return self.leave_out(1);
            }
            self.messages += 1;
            self.message_bytes = bytes;
        } else if self.waiting.len() - self.messages >= MAX_NEWS.max(2 * self.lasting) {
            if is_passing(&event) {
                return self.leave_out(1);
            }
            self.clear_outdated();
        }
        self.waiting.push_back(event);
    }

    fn leave_out(&mut self, count: u64) {
        match self.waiting.back_mut() {
            Some(Event::Lagged(missed)) => *missed += count,
            _ => self.waiting.push_back(Event::Lagged(count)),
        }
    }

    /// Leaves what a reader has to know to be up to date; messages stay where they are.
    fn clear_outdated(&mut self) {
        let is_lasting = lasting(&self.waiting);
        let mut missed = 0;
        let mut place = 0;
        self.waiting.retain(|event| {
            place += 1;
            match event {
                Event::Lagged(count) => missed += count,
                _ if !is_lasting[place - 1] => missed += 1,
                _ => {}
            }
            is_lasting[place - 1]
        });
        self.lasting = self.waiting.len() - self.messages;
        self.waiting.push_front(Event::Lagged(missed));
    }
}

/// For each event whether it lasts, that is, whether somebody who reads what lasts, and nothing else, comes to know all that holds in the end.
fn lasting(events: &VecDeque<Event>) -> Vec<bool> {
    let mut lasts: Vec<bool> =
        events.iter().map(|event| matches!(event, Event::Message(_))).collect();
    let mut last_state = None;
    let mut last_leader = None;
    let mut reigns = Vec::new();
    let mut instances: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::StateChanged(_) => last_state = Some(at),
            Event::LeaderChanged { .. } => last_leader = Some(at),
            Event::Elected(_) | Event::Defeated { .. } => reigns.push(at),
            Event::Joined(instance) | Event::Left(instance) => {
                instances.entry(instance.id()).or_default().push(at);
            }
            _ => {}
        }
    }
    lasts.iter_mut().enumerate().for_each(|(at, lasts)| {
        *lasts |= Some(at) == last_state || Some(at) == last_leader;
    });
    // The end of a reign that the reader knows of, and the beginning of the one that lasts.
    let is_elected = |at: &usize| matches!(events[*at], Event::Elected(_));
    if let Some(first) = reigns.first().filter(|at| !is_elected(at)) {
        lasts[*first] = true;
    }
    if let Some(last) = reigns.last().filter(|at| is_elected(at)) {
        lasts[*last] = true;
    }
    for places in instances.values() {
        let (first, last) = (places[0], places[places.len() - 1]);
        let came = matches!(events[first], Event::Joined(_));
        let went = matches!(events[last], Event::Left(_));
        // One that went and came back is told as both: its meta may be another one.
        lasts[last] = !(came && went);
        lasts[first] |= !came && !went;
    }
    lasts
}

/// Whether an event says nothing that holds on.
fn is_passing(event: &Event) -> bool {
    matches!(event, Event::Gap(_) | Event::Error(_) | Event::Warning(_) | Event::Reconnected)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic holds the lock")
}
