//! The way in of what the process asks: a queue that any thread fills, for one run.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

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
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Request>,
    has_ended: bool,
    /// Of whoever found nothing.
    waker: Option<Waker>,
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
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
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
        poll_fn(|context| {
            let mut state = self.shared.state();
            let Some(request) = state.waiting.pop_front() else {
                wait(&mut state.waker, context.waker());
                return Poll::Pending;
            };
            if state.waiting.is_empty() {
                // Nearly always nothing is asked, so nothing is kept.
                state.waiting = VecDeque::new();
            }
            Poll::Ready(request)
        })
        .await
    }
}

impl Drop for RequestQueue {
    fn drop(&mut self) {
        *self.shared.state() = State { has_ended: true, ..State::default() };
    }
}

/// Puts a waker in its place, if it is not there already.
fn wait(place: &mut Option<Waker>, waker: &Waker) {
    match place {
        Some(present) => present.clone_from(waker),
        None => *place = Some(waker.clone()),
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
            other => panic!("nobody asked for {other:?}"),
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
