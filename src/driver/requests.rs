//! The way in of what the process asks: a queue that any thread fills, for one run.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use super::Request;

pub fn requests() -> (RequestSender, RequestQueue) {
    let shared = Arc::new(Shared::default());
    (RequestSender { shared: shared.clone() }, RequestQueue { shared })
}

/// Dropping it asks for the end of the run.
pub struct RequestSender {
    shared: Arc<Shared>,
}

/// The driver's end. Once it is dropped, nothing is taken in.
pub struct RequestQueue {
    shared: Arc<Shared>,
}

/// The run has ended.
#[derive(Debug)]
pub struct Ended;

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    filled: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Request>,
    has_ended: bool,
}

impl RequestSender {
    /// # Errors
    /// [`Ended`], when nobody is there to be asked any more.
    pub fn send(&self, request: Request) -> Result<(), Ended> {
        let mut state = self.shared.state();
        if state.has_ended {
            return Err(Ended);
        }
        state.waiting.push_back(request);
        self.shared.filled.notify_one();
        Ok(())
    }
}

impl Drop for RequestSender {
    fn drop(&mut self) {
        // An error means that what is asked for is so already.
        let _ = self.send(Request::Stop);
    }
}

impl RequestQueue {
    /// The next request. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Request {
        loop {
            if let Some(request) = self.take() {
                return request;
            }
            self.shared.filled.notified().await;
        }
    }

    fn take(&mut self) -> Option<Request> {
        let mut state = self.shared.state();
        let request = state.waiting.pop_front();
        if state.waiting.is_empty() {
            // Nearly always nothing is asked, so nothing is kept.
            state.waiting = VecDeque::new();
        }
        request
    }
}

impl Drop for RequestQueue {
    fn drop(&mut self) {
        *self.shared.state() = State { waiting: VecDeque::new(), has_ended: true };
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic holds the lock")
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::driver::Question;

    const COUNT: u64 = 10_000;

    fn question(number: u64) -> Request {
        Request::Ask { question: number, what: Question::Leader }
    }

    /// The number of the next question; `None` for a stop.
    async fn next(queue: &mut RequestQueue) -> Option<u64> {
        match queue.next().await {
            Request::Ask { question, .. } => Some(question),
            Request::Stop => None,
        }
    }

    #[tokio::test]
    async fn whatever_another_thread_asks_comes_in_order_though_waits_are_cancelled() {
        let (sender, mut queue) = requests();
        let asking = std::thread::spawn(move || {
            for number in 0..COUNT {
                sender.send(question(number)).expect("the queue is there");
            }
        });
        for number in 0..COUNT {
            // Every other one is waited for twice.
            let early = if number % 2 == 0 { next(&mut queue).now_or_never() } else { None };
            let asked = match early {
                Some(asked) => asked,
                None => next(&mut queue).await,
            };
            assert_eq!(asked, Some(number));
        }
        assert_eq!(next(&mut queue).await, None, "whoever lets go of it asks for a stop");
        asking.join().expect("it ends");
    }

    #[tokio::test]
    async fn nothing_is_taken_in_for_a_run_that_has_ended() {
        let (sender, queue) = requests();
        sender.send(question(1)).expect("the queue is there");
        drop(queue);
        assert!(sender.send(question(2)).is_err());
    }
}
