//! What the driver tells: each becomes an event, or the end of somebody's waiting. Runs on the driver's task and never waits.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use super::event::{Event, Gap};
use super::instance::{Instance, State};
use super::message::Message;
use super::reign::{LossReason, Reign};
use super::shared::Shared;
use crate::driver::{Output, Request, Sink};
use crate::election::{Checkpoint, InstanceId, Loss, Term};
use crate::error::{Error, ErrorCode};

/// Of one run.
pub struct Listener {
    shared: Arc<Shared>,
    told: Mutex<Told>,
    ear: Arc<Ear>,
}

/// Whether a listener is there, for whoever starts the run.
#[derive(Default)]
pub struct Ear(AtomicU8);

impl Ear {
    const ATTACHED: u8 = 1;
    const GONE: u8 = 2;

    /// From here on an end of the listener is told. False where it has ended already, which was not.
    pub fn attach(&self) -> bool {
        self.0.compare_exchange(0, Self::ATTACHED, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// What was told last, so that an end without words is told as well.
struct Told {
    state: State,
    leader: Option<String>,
    term: Option<Term>,
    is_stopped: bool,
}

impl Listener {
    pub fn new(shared: Arc<Shared>) -> (Self, Arc<Ear>) {
        let told = Told { state: State::Follower, leader: None, term: None, is_stopped: false };
        let ear = Arc::<Ear>::default();
        (Self { shared, told: Mutex::new(told), ear: ear.clone() }, ear)
    }

    fn tell(&self, event: Event) {
        self.shared.broadcast.put(&event);
    }

    fn elect(&self, term: Term, checkpoint: Option<Checkpoint>) {
        self.told().term = Some(term);
        let weak = Arc::downgrade(&self.shared);
        let reign = self.shared.leadership.begin(&weak, term, checkpoint);
        self.tell(Event::Elected(Reign::new(reign, None)));
        self.shared.leadership.run_tasks();
    }

    fn drain(&self, term: Term, reason: Loss) {
        let why = LossReason::of(reason).unwrap_or(LossReason::Expired);
        if self.shared.leadership.drain(term, why) {
            // A run that has ended waits for nothing.
            let _ = self.shared.request(Request::Drained(term));
        }
    }

    /// Tokens are over before anybody is told.
    fn defeat(&self, leader: Option<InstanceId>, term: Option<Term>, loss: Loss) {
        let reason = LossReason::of(loss);
        if let (Some(term), Some(reason)) = (term, reason) {
            self.shared.leadership.lose(term, reason);
        }
        self.told().term = None;
        let leader = leader.map(|id| id.as_str().to_owned());
        self.tell(Event::Defeated { leader, term: term.map(|term| term.0), reason });
    }

    fn set_state(&self, state: State) {
        self.told().state = state;
        *self.shared.since.lock().expect("no panic holds the lock") = SystemTime::now();
        self.tell(Event::StateChanged(state));
    }

    fn set_leader(&self, leader: Option<String>, term: Term) {
        self.told().leader = leader.clone();
        // Of a run that ends this is late news: whoever waits now waits for the next one.
        if self.shared.is_up() {
            self.shared.leader.send_modify(|known| known.leader.clone_from(&leader));
        }
        self.tell(Event::LeaderChanged { leader, term: term.0 });
    }

    fn overrun(&self, term: Term, after_ms: u128) {
        self.shared.leadership.end_drain();
        if !self.shared.answers.hear_overrun() {
            let text = format!(
                "what was given to lead() did not end within drainMs ({after_ms} ms) in term {}; nothing is released, and the others take over when the lease has run out",
                term.0
            );
            self.shared.tell_error(Error::new(ErrorCode::DrainTimeout, text));
        }
    }

    /// The run is over, whatever it still had to say.
    fn end(&self) {
        let (state, leader, term) = {
            let mut told = self.told();
            if std::mem::replace(&mut told.is_stopped, true) {
                return;
            }
            (told.state, told.leader.take(), told.term)
        };
        if state != State::Follower {
            self.defeat(None, term, Loss::Stopped);
            self.set_state(State::Follower);
        }
        if leader.is_some() {
            let term = self.shared.candidate.term();
            self.tell(Event::LeaderChanged { leader: None, term: term.0 });
        }
        self.shared.handle_stopped();
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("no panic holds the lock")
    }
}

impl Sink for Listener {
    fn append(&self, output: Output) {
        let shared = &self.shared;
        match output {
            Output::Message(message) => {
                Message::all_of(message).into_iter().for_each(|one| self.tell(Event::Message(one)));
            }
            Output::Started => shared.handle_started(),
            Output::Stopped => self.end(),
            Output::RoleChanged(role) => self.set_state(role.into()),
            Output::Elected { term, checkpoint } => self.elect(term, checkpoint),
            Output::Draining { term, reason } => self.drain(term, reason),
            Output::Defeated { leader, reason, term } => self.defeat(leader, term, reason),
            Output::Overrun { term, after } => self.overrun(term, after.as_millis()),
            Output::Released => shared.leadership.end_drain(),
            Output::Reconnected => self.tell(Event::Reconnected),
            Output::LeaderChanged { leader, term } => {
                self.set_leader(leader.map(|id| id.as_str().to_owned()), term);
            }
            Output::Joined(view) => self.tell(Event::Joined(Instance::of(&view))),
            Output::Left(view) => self.tell(Event::Left(Instance::of(&view))),
            Output::Gap { from, channel, missed } => {
                let from = from.as_str().to_owned();
                self.tell(Event::Gap(Gap { from, channel: channel.into(), missed }));
            }
            Output::Error(failure) => shared.tell_error(failure.into()),
            Output::Warning(failure) => self.tell(Event::Warning(failure.into())),
            Output::Answer { question, answer } => {
                shared.answers.answer(question, answer.map_err(Error::from));
            }
            Output::Sent { up_to } => shared.with_outbox(|outbox| outbox.sent(up_to)),
            Output::Unsent { from, up_to, failure } => {
                let error = failure.into();
                shared.with_outbox(|outbox| outbox.unsent(from, up_to, &error));
            }
            // Neither is asked for.
            // The last comes only with the option `migrate`, which Rust does not have.
            Output::Stall(_) | Output::Debug(_) | Output::LegacyGone => {}
        }
    }
}

/// A runtime that ends takes the run with it, without a word.
impl Drop for Listener {
    fn drop(&mut self) {
        if self.ear.0.swap(Ear::GONE, Ordering::SeqCst) == Ear::ATTACHED {
            self.end();
        }
    }
}
