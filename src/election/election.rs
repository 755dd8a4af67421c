//! The election's one state machine. `handle_*` tells it what happened, `poll_*` asks it what follows.

mod answers;
mod crowd;
mod hints;
mod precedence;
mod transitions;

use std::cmp::{max, min};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::candidacy::{Candidacy, Priority};
use super::command::{Announcement, Command, Reply, Request, RequestId, Seen, Shown};
use super::event::{Event, Loss};
use super::record::{
    Checkpoint, Holder, Identity, InstanceId, Observation, Record, Role, Stamp, Term,
};
use super::tenure::Tenure;
use super::timing::{Instant, Timing};
use super::watch::{Permit, Watch};
use crowd::Crowd;
use hints::HintAllowance;
use precedence::Precedence;

/// One instance's part in the election of its kind.
///
/// It decides by level, not by edge: [`poll_command`](Self::poll_command) looks at the whole state and names the one command
/// that is due. So no error can lose a wake-up; whatever failed is simply still due, a renewal interval later.
pub struct Election {
    instance: InstanceId,
    timing: Timing,
    candidacy: Candidacy,
    draw: Box<dyn FnMut() -> u64 + Send>,
    tenure: Arc<Tenure>,

    phase: Phase,
    holder: Holder,
    role: Role,
    /// The role as told by the last `RoleChanged`: a draining leader is told as what it will be.
    told: Role,
    reign: Option<Reign>,
    /// The register names this token of ours, or may, and we do not lead: it is to be released, never taken or adopted.
    owed: Option<Owed>,
    /// Whose work did not settle in time, and when its lease has run out for all. It outlives stop and start.
    overrun: Option<(Term, Instant)>,
    /// The leader as told by the last `LeaderChanged`.
    leader: Option<(InstanceId, Term)>,

    watch: Watch,
    /// At least every term that was read from the register or granted to us; it outlives stop and start.
    floor: Term,
    /// The longest lease that was read from the register, or our own.
    patience: Duration,
    /// Whether the medium's subscription stands.
    subscribed: bool,
    /// Whether a heartbeat was missed since the last one that came.
    missed_heartbeat: bool,
    warned_of_lease: Duration,

    outstanding: Option<Outstanding>,
    next_request: u64,
    /// A take was sent and its answer never came: it may have been granted, or be granted yet.
    take_in_doubt: bool,
    /// Standing back: no take before.
    no_take_before: Instant,
    /// After a failed command, none but a renewal before.
    retry_at: Instant,
    peek_at: Option<Instant>,
    hints: HintAllowance,
    crowd: Crowd,
    precedence: Precedence,
    /// How many instances are known, this one included.
    instances: usize,
    /// When to look next whether the leader's connection stands.
    presence_at: Instant,
    /// No take of a deserted register before.
    no_replacing_before: Instant,
    /// The last answer was that the register was missing.
    was_missing: bool,
    /// The process does not answer, so it must not lead.
    suspended: bool,
    /// Whether a grant is kept to itself until [`Election::handle_admission`].
    withholds: bool,

    events: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Running,
    /// Until the moment given, what is owed is released; then it lapses. `None` while a draining leader's work settles.
    Stopping {
        until: Option<Instant>,
    },
}

#[derive(Debug)]
struct Reign {
    term: Term,
    /// Of the last renewal sent.
    beat: u64,
    valid_until: Instant,
    next_renewal: Instant,
    /// What to renew over, after a refusal that is no defeat.
    assert_over: Option<Shown>,
    drained: bool,
    /// When the last command was sent that may have renewed it.
    renewed_at: Instant,
    /// Whom it is to be left to.
    heir: Option<InstanceId>,
    /// Whether `RegisterLost` was told.
    told_register_lost: bool,
    /// The register names the connection, so that others may take as soon as it is gone.
    ends_with_connection: bool,
    /// It is renewed like any other, and nobody was told of it yet: not the process, nor the tenure.
    withheld: Option<Withheld>,
}

/// What is to be told with a reign.
#[derive(Debug)]
struct Withheld {
    checkpoint: Option<Checkpoint>,
}

/// A token of ours in the register that does not lead.
#[derive(Clone, Debug)]
struct Owed {
    holder: Holder,
    term: Term,
    heir: Option<InstanceId>,
}

#[derive(Debug)]
struct Outstanding {
    id: RequestId,
    sent: Instant,
    command: Command,
    /// A connection was lost since it was sent.
    is_severed: bool,
}

impl Election {
    /// `draw` gives 64 random bits at each call; they must be unpredictable and never repeat over restarts of the process.
    pub fn new(
        instance: InstanceId,
        timing: Timing,
        tenure: Arc<Tenure>,
        mut draw: Box<dyn FnMut() -> u64 + Send>,
    ) -> Self {
        let holder = Holder::new(&instance, draw());
        Self {
            instance,
            timing,
            candidacy: Candidacy::default(),
            draw,
            tenure,
            phase: Phase::Idle,
            holder,
            role: Role::Follower,
            told: Role::Follower,
            reign: None,
            owed: None,
            overrun: None,
            leader: None,
            watch: Watch::default(),
            floor: Term::ZERO,
            patience: timing.lease(),
            subscribed: false,
            missed_heartbeat: false,
            warned_of_lease: Duration::ZERO,
            outstanding: None,
            next_request: 1,
            take_in_doubt: false,
            no_take_before: Instant::default(),
            retry_at: Instant::default(),
            peek_at: None,
            hints: HintAllowance::default(),
            crowd: Crowd::default(),
            precedence: Precedence::default(),
            instances: 1,
            presence_at: Instant::default(),
            no_replacing_before: Instant::default(),
            was_missing: false,
            suspended: false,
            withholds: false,
            events: VecDeque::new(),
        }
    }

    /// From now on a grant makes this instance the leader only with `handle_admission`. Until then it holds the register, and renews it, and leads
    /// by nobody's account, its own included. What that costs, and for how long, is for the caller to answer for; safe it is, for
    /// whoever says later that it leads, leads for less.
    pub fn withhold_grants(&mut self) {
        self.withholds = true;
    }

    pub fn with_candidacy(self, candidacy: Candidacy) -> Self {
        Self { candidacy, ..self }
    }

    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether this instance would take the register if it were free.
    pub fn seeks(&self) -> bool {
        self.phase == Phase::Running
            && !self.suspended
            && self.candidacy.is_eligible
            && self.instances >= self.candidacy.min_instances
    }

    /// The leader that this instance knows of, itself included.
    pub fn leader(&self) -> Option<(&InstanceId, Term)> {
        self.leader.as_ref().map(|(id, term)| (id, *term))
    }

    /// Whether the register was read in this run.
    pub fn has_looked(&self) -> bool {
        self.watch.sight().is_some()
    }

    /// Whether this instance holds the register, and waits for its admission to lead.
    pub fn awaits_admission(&self) -> bool {
        self.reign.as_ref().is_some_and(|reign| reign.withheld.is_some())
            && self.role == Role::Leader
    }

    /// The term of this instance's own reign, also while it drains or waits for its admission.
    pub fn reign(&self) -> Option<Term> {
        self.reign.as_ref().map(|reign| reign.term)
    }

    pub fn candidacy(&self) -> &Candidacy {
        &self.candidacy
    }

    /// This run's token.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    // ---- What happened ----------------------------------------------------------------------------------------------

    /// Begins a run, with a token of its own; [`Tenure::open`] was called before. The medium's subscription stands already, or `handle_subscribed` will tell.
    pub fn handle_start(&mut self, now: Instant) {
        if self.phase != Phase::Idle {
            return;
        }
        let nonce = (self.draw)();
        self.holder = Holder::new(&self.instance, nonce);
        self.phase = Phase::Running;
        self.watch.forget();
        self.owed = None;
        self.take_in_doubt = false;
        self.missed_heartbeat = false;
        self.suspended = false;
        self.no_take_before = now;
        self.retry_at = now;
        self.peek_at = Some(now);
        self.precedence.reset(now);
    }

    /// Ends the run. A leader drains first: `handle_drained` goes on from there.
    pub fn handle_stop(&mut self, now: Instant) {
        self.expire(now);
        if self.phase != Phase::Running {
            return;
        }
        self.phase = Phase::Stopping { until: None };
        self.tenure.close();
        if self.role == Role::Leader {
            self.become_draining(Loss::Stopped);
        }
        self.lose(None, Loss::Stopped);
        if self.reign.is_none() {
            self.role = Role::Follower;
            self.limit_stopping(now);
        }
    }

    /// A grant that was withheld may be told: this instance leads, if its reign still stands. Without effect otherwise.
    pub fn handle_admission(&mut self, now: Instant) {
        self.expire(now);
        if self.awaits_admission() && !self.tenure.is_closed() {
            self.proclaim();
        }
    }

    /// Gives the leadership up and contends again after standing back for one renewal interval. Without effect on others.
    pub fn handle_reelect(&mut self, now: Instant) {
        self.expire(now);
        if self.role == Role::Leader {
            self.tenure.resign();
            self.become_draining(Loss::Reelected);
            self.tell(Role::Candidate);
        } else if self.role != Role::Draining {
            self.events.push_back(Event::Released);
        }
    }

    /// Hands the leadership over: `heir` comes first, and the others after one renewal interval. Without effect on others.
    pub fn handle_transfer(&mut self, now: Instant, heir: InstanceId) {
        if self.give_up(now, Loss::Transferred)
            && let Some(reign) = &mut self.reign
        {
            reign.heir = Some(heir);
        }
    }

    /// Gives the leadership up for `reason`, which is told at once.
    pub fn handle_resign(&mut self, now: Instant, reason: Loss) {
        self.give_up(now, reason);
    }

    /// The process has not answered for too long: the leadership goes, and none is sought, until `handle_resumed`.
    pub fn handle_stalled(&mut self, now: Instant) {
        self.expire(now);
        self.suspended = true;
        if self.role == Role::Leader {
            self.give_up(now, Loss::Stalled);
        }
    }

    pub fn handle_resumed(&mut self, now: Instant) {
        self.suspended = false;
        self.precedence.begin_to_seek(now);
    }

    /// So many instances are known, this one included. A large fleet takes turns, so that it does not come all at once.
    pub fn handle_fleet_size(&mut self, now: Instant, instances: usize) {
        let sought = self.seeks();
        self.instances = instances;
        if self.seeks() && !sought {
            self.precedence.begin_to_seek(now);
        }
        let draw = &mut self.draw;
        self.crowd.resize(instances, self.timing.lease() / 4, draw);
    }

    /// The living eligible instances of a higher priority than this one's.
    pub fn handle_rivals(&mut self, rivals: Vec<(InstanceId, Priority)>) {
        self.precedence.set_rivals(rivals);
    }

    /// The work of a draining leader has not settled, and is waited for no longer. To release would let a successor begin beside it, so the
    /// lease lapses: nothing is renewed, and nothing is released before it has run out for all.
    pub fn handle_drain_overrun(&mut self, now: Instant) {
        self.expire(now);
        let is_draining = self.role == Role::Draining;
        let Some(reign) = self.reign.take_if(|reign| is_draining && !reign.drained) else { return };
        let term = reign.term;
        self.events.push_back(Event::Overrun { term });
        self.let_lapse(reign);
        self.role = self.told;
        self.forget_leader(term);
        self.limit_stopping(now);
        self.finish_stopping(now);
    }

    /// The work of a draining leader has settled: it may release.
    pub fn handle_drained(&mut self, now: Instant) {
        self.expire(now);
        if let Some(reign) = &mut self.reign
            && self.role == Role::Draining
        {
            reign.drained = true;
        }
    }

    /// The answer to a command. It must have come on the connection that carried the command, and `now` must have been
    /// read after its bytes arrived.
    pub fn handle_reply(&mut self, now: Instant, id: RequestId, reply: Reply) {
        self.expire(now);
        let Some(Outstanding { sent, command, is_severed, .. }) =
            self.outstanding.take_if(|outstanding| outstanding.id == id)
        else {
            return;
        };
        match command {
            Command::Peek { .. } => self.see(now, reply),
            Command::Renew { beat, .. } => self.conclude_renewal(now, sent, beat, reply),
            Command::Take { seen, stamp, .. } => {
                let was_in_time = !is_severed || reply.shown.record.presence.is_none();
                self.conclude_take(now, sent, &stamp, &seen, was_in_time, reply)
            }
            Command::Release { .. } => self.conclude_release(now, reply),
        }
        self.finish_stopping(now);
    }

    /// A command failed, or was not answered in time. It may have been applied all the same, or be applied yet.
    pub fn handle_failure(&mut self, now: Instant, id: RequestId) {
        self.expire(now);
        let Some(Outstanding { sent, command, .. }) =
            self.outstanding.take_if(|outstanding| outstanding.id == id)
        else {
            return;
        };
        self.retry_at = max(now, sent + self.timing.renewal_interval());
        match command {
            Command::Take { .. } => {
                self.take_in_doubt = true;
                self.peek_at = Some(self.retry_at);
                self.forget_silent_leader(now);
                if self.phase == Phase::Running && self.leader.is_none() {
                    self.become_candidate();
                }
            }
            Command::Peek { .. } => {
                self.peek_at = Some(self.retry_at);
                self.forget_silent_leader(now);
                if matches!(self.phase, Phase::Stopping { .. }) {
                    // One try is what a take in doubt gets at the end; else it lapses.
                    self.take_in_doubt = false;
                }
            }
            // Whoever waits for a release waits for one try; what is owed stays owed.
            Command::Release { .. } => self.events.push_back(Event::Released),
            Command::Renew { .. } => {}
        }
        self.finish_stopping(now);
    }

    /// Commands pass no more. A reign that depends on its connection is over; to go on takes another grant.
    pub fn handle_disconnected(&mut self, now: Instant) {
        self.expire(now);
        if let Some(outstanding) = &mut self.outstanding {
            outstanding.is_severed = true;
        }
        if self.reign.as_ref().is_some_and(|reign| reign.ends_with_connection) {
            self.end_reign(now, Loss::Disconnected);
        }
        self.finish_stopping(now);
    }

    /// Commands pass again: what is due need not wait for its next turn.
    pub fn handle_connected(&mut self, now: Instant) {
        self.expire(now);
        self.retry_at = now;
        if let Some(reign) = &mut self.reign {
            reign.next_renewal = now;
        }
        if self.reign.is_none() && self.phase == Phase::Running {
            self.peek_at = Some(now);
        }
    }

    /// The subscription stands, for the first time or again. What was announced meanwhile is lost, so the register is read.
    pub fn handle_subscribed(&mut self, now: Instant) {
        self.subscribed = true;
        self.missed_heartbeat = false;
        if self.phase == Phase::Running {
            self.peek_at = Some(now);
        }
    }

    pub fn handle_unsubscribed(&mut self, now: Instant) {
        self.subscribed = false;
        if self.phase == Phase::Running {
            self.peek_at = Some(now);
        }
    }

    /// The register as it was read beside something else. It must have been read on the present connection.
    pub fn handle_observation(&mut self, now: Instant, reply: Reply) {
        self.expire(now);
        // While a take is under way, a read cannot tell an unwanted grant from the one that is about to be answered.
        let is_taking =
            self.outstanding.as_ref().is_some_and(|o| matches!(o.command, Command::Take { .. }));
        if self.phase == Phase::Running && !is_taking {
            self.see(now, reply);
        }
    }

    /// What the register announced, or somebody in its name.
    pub fn handle_announcement(&mut self, now: Instant, announcement: Announcement) {
        self.expire(now);
        let is_own =
            self.outstanding.as_ref().is_some_and(|o| o.command.stamp() == announcement.stamp());
        if self.phase != Phase::Running || self.reign.is_some() || is_own {
            return;
        }
        match announcement {
            Announcement::Heartbeat { holder, term, beat, stamp } => {
                if self.watch.confirms(&holder, term) {
                    if beat > 0 {
                        self.precedence.note_renewal(now);
                    }
                    self.watch.hear(now, stamp, beat);
                    self.missed_heartbeat = false;
                } else {
                    self.heed_hint(now);
                }
            }
            Announcement::Vacancy { stamp, .. } if self.watch.shows(&stamp) => {}
            Announcement::Vacancy { term, stamp, heir } => {
                let window = self.timing.renewal_interval();
                // Whoever stands back for an heir, or a higher priority, may as well look: a forged heir then puts nothing off.
                let is_for_us = match &heir {
                    Some(heir) => *heir == self.instance,
                    None => self.precedence.predecessors() == 0,
                };
                if is_for_us
                    && self.seeks()
                    && self.hints.has_left(now, window)
                    && self.watch.announce(now, term, stamp, heir)
                {
                    self.hints.use_one(now, window);
                } else {
                    self.heed_hint(now);
                }
            }
        }
    }

    // ---- What follows -----------------------------------------------------------------------------------------------

    /// The command that is due now, if any. `now` must be read before the command is handed to the socket: a grant is
    /// dated from it. The caller answers with `handle_reply` or `handle_failure`, always, within the command timeout.
    pub fn poll_command(&mut self, now: Instant) -> Option<Request> {
        self.expire(now);
        self.finish_stopping(now);
        let command = self.next_command(now)?;
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.outstanding =
            Some(Outstanding { id, sent: now, command: command.clone(), is_severed: false });
        Some(Request { id, command })
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call `poll_command` again, if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let expiry = self.reign.as_ref().map(|reign| reign.valid_until);
        let lapse = match self.phase {
            Phase::Stopping { until } => until,
            _ => None,
        };
        let command = if self.outstanding.is_some() { None } else { self.next_command_at() };
        [expiry, lapse, command].into_iter().flatten().min()
    }

    /// The whole decision, in the order in which it counts.
    fn next_command(&mut self, now: Instant) -> Option<Command> {
        // 1. One command at a time, so that answers come in the order of the register's states.
        if self.outstanding.is_some() || self.next_command_at().is_none_or(|at| now < at) {
            return None;
        }
        let stamp = Stamp::new((self.draw)());
        // 2. A drained leader's reign ends before its release is sent: no later answer can extend it.
        if let Some(reign) = self.reign.take_if(|reign| reign.drained) {
            self.tenure.end();
            self.owed =
                Some(Owed { holder: self.holder.clone(), term: reign.term, heir: reign.heir });
            self.forget_leader(reign.term);
            self.role = self.told;
            self.limit_stopping(now);
        }
        // 3. A leader renews, over whatever it was shown if that is no defeat.
        if let Some(reign) = &mut self.reign {
            reign.beat += 1;
            reign.renewed_at = now;
            reign.next_renewal = now + self.timing.renewal_interval();
            // An assert may name the connection that it goes out on, also where its answer never comes.
            reign.ends_with_connection |=
                reign.assert_over.is_some() && self.timing.watches_connections();
            return Some(Command::Renew {
                holder: self.holder.clone(),
                term: reign.term,
                beat: reign.beat,
                stamp,
                lease: self.timing.lease(),
                over: reign.assert_over.take(),
            });
        }
        // 4. What names us wrongly is released.
        if let Some(Owed { holder, term, heir }) = self.owed.clone() {
            return Some(Command::Release { holder, term, stamp, heir });
        }
        // 5. A vacancy, or a leader that gave no sign of life for its lease, is taken.
        if let Some((at, seen)) = self.next_take()
            && now >= at
            && !self.looks_first()
        {
            self.watch.drop_announcement();
            self.crowd.draw_turn(&mut self.draw);
            return Some(Command::Take {
                seen,
                holder: self.holder.clone(),
                floor: self.floor,
                stamp,
                lease: self.timing.lease(),
            });
        }
        // 6. Otherwise it is time to look.
        self.peek_at = None;
        if !self.seeks() {
            self.watch.drop_announcement();
        }
        self.crowd.note_look(now, &mut self.draw);
        Some(Command::Peek { stamp })
    }

    fn next_command_at(&self) -> Option<Instant> {
        if self.phase == Phase::Idle {
            return None;
        }
        if let Some(reign) = &self.reign {
            return Some(if reign.drained { Instant::default() } else { reign.next_renewal });
        }
        if let Some(owed) = &self.owed {
            return Some(max(self.retry_at, self.lapse_of(owed.term)));
        }
        let take =
            self.next_take().map(|(at, _)| if self.looks_first() { self.spread(at) } else { at });
        let look = self.next_peek();
        [take, look].into_iter().flatten().min().map(|at| max(at, self.retry_at))
    }

    fn next_take(&self) -> Option<(Instant, Seen)> {
        let Observation { record, identity } = &self.watch.sight()?.observation;
        let is_ours = record.holder.as_ref().is_some_and(|h| h.belongs_to(&self.instance));
        if !self.seeks() || is_ours && record.names_server(identity) {
            return None;
        }
        let watched = self.watch.permit(self.patience, self.hears());
        let permit = [
            watched.map(|permit| self.defer(permit, self.crowd.turn())),
            // Without a turn: the looks are spread already.
            self.permit_to_replace_deserter().map(|permit| self.defer(permit, Duration::ZERO)),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|permit| permit.at)?;
        Some((max(permit.at, self.no_take_before), permit.seen))
    }

    /// An heir comes first, then the higher priorities, each in its turn.
    fn defer(&self, permit: Permit, turn: Duration) -> Permit {
        if permit.heir.as_ref() == Some(&self.instance) {
            return permit;
        }
        let step = max(self.timing.renewal_interval(), self.crowd.spread());
        let at = self.precedence.earliest(permit.at, self.patience, step);
        Permit { at: at + turn, ..permit }
    }

    fn permit_to_replace_deserter(&self) -> Option<Permit> {
        if !self.timing.watches_connections() {
            return None;
        }
        let permit = self.watch.permit_to_replace_deserter(self.timing.presence_grace())?;
        Some(Permit { at: max(permit.at, self.no_replacing_before), ..permit })
    }

    /// In a crowd, whoever has heard that another was faster looks before it takes, once.
    fn looks_first(&self) -> bool {
        self.crowd.takes_turns() && self.watch.is_doubted()
    }

    fn next_peek(&self) -> Option<Instant> {
        // A node that cannot hear looks instead.
        let poll = match self.watch.sight() {
            Some(sight) if !self.hears() && self.phase == Phase::Running => {
                Some(sight.latest + self.timing.poll_interval())
            }
            _ => None,
        };
        let presence = self.looks_at_presence().then_some(self.presence_at);
        let due = [self.peek_at, poll, presence, self.next_farewell()];
        due.into_iter().flatten().min().map(|at| self.spread(at))
    }

    /// In a crowd, no look follows another too soon.
    fn spread(&self, look: Instant) -> Instant {
        match self.phase {
            Phase::Running => max(look, self.crowd.no_look_before()),
            _ => look,
        }
    }

    /// Others see by their takes that a leader fell silent. Whoever does not take looks, a lease after the register was first seen as it is.
    fn next_farewell(&self) -> Option<Instant> {
        let is_onlooker = self.phase == Phase::Running && !self.seeks() && self.leader.is_some();
        let permit = is_onlooker.then(|| self.watch.permit(self.patience, self.hears()));
        let permitted = permit.flatten()?.at;
        self.watch.sight().map(|sight| max(permitted, sight.since + self.patience))
    }

    fn looks_at_presence(&self) -> bool {
        self.timing.watches_connections() && self.seeks() && self.watch.names_presence()
    }

    fn hears(&self) -> bool {
        self.subscribed && !self.missed_heartbeat
    }
}
