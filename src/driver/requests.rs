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
