//! What comes in from the medium: notices, answers, messages.

use super::{Done, Driver, Failure, InstanceView, Message, Output, REFRESH_INTERVAL, Sink, Stage};
use crate::authentication::Fault;
use crate::clock;
use crate::election::{Instant, Reply, RequestId, Role};
use crate::medium::{Channel, Enrolment, Medium, MediumError, MediumErrorKind, Notice};
use crate::membership::MembershipEvent;
use crate::wire;

/// Messages, and bytes of them, that begin to be handled in one turn of the loop.
const MESSAGES_PER_TURN: u64 = 256;
const BYTES_PER_TURN: usize = 1 << 20;
/// The same for changes of the registry. A large fleet that starts brings thousands of them, to all candidates of a process at once, and
/// they share a thread with whoever has to renew in time.
const CHANGES_PER_TURN: usize = 8;

impl<M: Medium, S: Sink> Driver<M, S> {
    pub(super) fn handle_notice(&mut self, notice: Notice) {
        let now = clock::now();
        match notice {
            Notice::Connected => {
                self.debug(|| "connected".into());
                self.note_connection(now);
                self.election.handle_connected(now);
                if let Some(mover) = &mut self.mover {
                    mover.migration.handle_connected(now);
                }
                if self.is_taking_part() {
                    self.refresh_at = Some(now);
                    if !self.is_subscribed {
                        self.subscribe();
                    }
                }
            }
            Notice::Disconnected(error) => {
                self.settings.metrics.set_connected(false);
                self.election.handle_disconnected(now);
                self.settings.lifeline.heed();
                self.sink.put(Output::Error(error.into()));
            }
            Notice::Subscribed => self.handle_subscribed(),
            Notice::Unsubscribed(error) => {
                self.is_subscribed = false;
                self.settings.metrics.set_subscribed(false);
                self.election.handle_unsubscribed(now);
                if let Some(mover) = &mut self.mover {
                    mover.migration.handle_deaf();
                }
                self.sink.put(Output::Error(error.into()));
            }
            Notice::Ballot(bytes) => self.handle_ballot(&bytes),
            Notice::Late(round_trip) => self.tell_late(round_trip),
            Notice::Advice(text) => self.sink.put(Output::Warning(Failure::Advice(text))),
            Notice::Announced(announcement) => {
                self.election.handle_announcement(now, announcement);
            }
            Notice::Registry(change) => {
                self.membership.handle_change(now, change);
                self.handle_waiting_changes(now);
            }
            Notice::Message { channel, payload } => {
                self.handle_messages(channel, payload);
                // One wake-up for all of them.
                self.sink.flush();
            }
        }
    }

    pub(super) fn handle_done(&mut self, done: Done) {
        match done {
            Done::Executed(id, result) => self.handle_executed(id, result),
            Done::Enrolled(question, result) => self.handle_enrolled(question, result),
            Done::Refreshed(result) => self.handle_refreshed(result),
            Done::Fetched(inquiry, result) => self.handle_roster(inquiry, result),
            Done::Ran { question, as_bytes, result } => self.handle_ran(question, as_bytes, result),
            Done::Left(question, result) => self.handle_left(question, result),
            Done::Recalled(question, result) => self.handle_recalled(question, result),
            Done::Subscribed(Ok(())) => self.handle_subscribed(),
            Done::Subscribed(Err(error)) => {
                self.resubscribe_at = Some(clock::now() + self.election.timing().lease());
                self.tell_error(error);
            }
            Done::Heard(result) => self.handle_heard(result),
            Done::JoinedRole => self.hold_until = None,
            Done::Legacy(settled) => self.handle_settled(settled),
            Done::Withdrawn => {
                if let Stage::Closing { is_withdrawn, .. } = &mut self.stage {
                    *is_withdrawn = true;
                }
            }
            Done::Published => {
                if let Stage::Closing { is_published, .. } = &mut self.stage {
                    *is_published = true;
                }
            }
        }
    }

    fn handle_subscribed(&mut self) {
        if !self.is_taking_part() {
            return;
        }
        self.is_subscribed = true;
        self.settings.metrics.set_subscribed(true);
        self.resubscribe_at = None;
        self.membership.handle_gap();
        self.election.handle_subscribed(clock::now());
        if let Some(mover) = &mut self.mover {
            mover.migration.handle_listening(clock::now());
        }
    }

    /// The channel that a leader had left.
    fn handle_heard(&mut self, result: Result<(), MediumError>) {
        match result {
            // Who leads again by now has left it again.
            _ if self.role == Role::Leader || !self.is_taking_part() => {}
            Ok(()) => self.election.handle_subscribed(clock::now()),
            Err(error) => {
                self.election.handle_unsubscribed(clock::now());
                self.resubscribe_at = Some(clock::now() + self.election.timing().lease());
                self.tell_error(error);
            }
        }
    }

    fn handle_executed(&mut self, id: RequestId, result: Result<Reply, MediumError>) {
        // Read after the answer's bytes arrived, before they are acted on.
        let now = clock::now();
        self.count_outcome(now, id, &result);
        match result {
            Ok(reply) => {
                self.told_late = false;
                self.debug(|| format!("answer {reply:?}"));
                self.election.handle_reply(now, id, reply);
            }
            Err(error) => {
                self.debug(|| format!("failed: {error}"));
                self.election.handle_failure(now, id);
                self.tell_error(error);
            }
        }
    }

    fn count_outcome(&mut self, now: Instant, id: RequestId, result: &Result<Reply, MediumError>) {
        let under_way = self.under_way.take_if(|(number, ..)| *number == id);
        let Some((_, sent, is_renewal)) = under_way else { return };
        let metrics = &self.settings.metrics;
        if result.is_ok() {
            metrics.note_round_trip(now, now.since(sent));
        }
        if is_renewal {
            let counter = match result {
                Ok(reply) if reply.granted => &metrics.renewals.granted,
                Ok(_) => &metrics.renewals.refused,
                Err(_) => &metrics.renewals.failed,
            };
            counter.add(1);
        }
    }

    fn note_connection(&mut self, now: Instant) {
        let metrics = &self.settings.metrics;
        metrics.set_connected(true);
        metrics.note_heard(now);
        if std::mem::replace(&mut self.has_connected, true) {
            metrics.reconnects.add(1);
            self.sink.put(Output::Reconnected);
        }
    }

    fn handle_enrolled(&mut self, question: Option<u64>, result: Result<Enrolment, MediumError>) {
        match result {
            Ok(enrolment) => {
                self.is_enrolled = true;
                self.note_enrolment(enrolment);
                self.answer_done(question);
            }
            Err(error) => {
                self.refresh_at = Some(clock::now() + REFRESH_INTERVAL);
                match question {
                    Some(question) => self.answer_failure(question, error.into()),
                    None => self.tell_error(error),
                }
            }
        }
    }

    fn handle_refreshed(&mut self, result: Result<Enrolment, MediumError>) {
        match result {
            Ok(enrolment) => {
                self.is_enrolled = enrolment.is_enrolled;
                self.note_enrolment(enrolment);
                if !self.is_enrolled {
                    // The registry was lost, or swept us while we could not be heard.
                    self.refresh_at = Some(clock::now());
                }
            }
            Err(error) => {
                self.refresh_at = Some(clock::now() + REFRESH_INTERVAL);
                self.tell_error(error);
            }
        }
    }

    fn note_enrolment(&mut self, enrolment: Enrolment) {
        let now = clock::now();
        self.refresh_at = Some(now + REFRESH_INTERVAL);
        self.settings.metrics.note_heard(now);
        self.count_losses();
        self.membership.handle_revision(now, enrolment.revision);
        self.membership.share(|members| self.medium.common(members));
        self.election.handle_observation(now, enrolment.register);
    }

    fn handle_waiting_changes(&mut self, now: Instant) {
        for _ in 1..CHANGES_PER_TURN {
            match self.mailbox.try_next_change() {
                Some(change) => self.membership.handle_change(now, change),
                None => return,
            }
        }
    }

    // ---- Messages ---------------------------------------------------------------------------------------------------

    /// Handles a notice of messages, and those that wait behind it, as far as one turn reaches.
    fn handle_messages(&mut self, channel: Channel, payload: Vec<u8>) {
        let mut bytes = payload.len();
        let mut count = self.handle_publication(channel, payload);
        while count < MESSAGES_PER_TURN && bytes < BYTES_PER_TURN && self.sink.has_room() {
            match self.mailbox.try_next_message() {
                Some(Notice::Message { channel, payload }) => {
                    bytes += payload.len();
                    count += self.handle_publication(channel, payload);
                }
                _ => return,
            }
        }
    }

    /// How many messages it was.
    fn handle_publication(&mut self, channel: Channel, payload: Vec<u8>) -> u64 {
        if let Channel::Legacy(channel) = &channel {
            return self.handle_legacy_message(channel, &payload);
        }
        let Some((envelope, body)) = wire::decode_envelope(&payload) else {
            self.mailbox.count_malformed();
            return 1;
        };
        if self.reception.is_own(&envelope.from) {
            return 1;
        }
        let Some(count) = wire::count_sound(envelope.format, body) else {
            self.mailbox.count_malformed();
            return 1;
        };
        if let Some(authenticator) = &self.settings.authenticator {
            let name = self.medium.channel_name(&channel);
            let (now, channel) = ((clock::now(), clock::wall_us()), (&channel, &*name));
            if let Err(fault) = authenticator.admit(now, channel, &payload, &envelope) {
                self.refuse_message(fault);
                return 1;
            }
        }
        if channel == Channel::Requests {
            let petition = wire::decode_petition(envelope.format, body);
            match petition {
                Some(petition) => self.obey(petition),
                None => self.mailbox.count_malformed(),
            }
            return 1;
        }
        let leads = self.tenure.is_valid(clock::now);
        let Some(delivery) = self.reception.handle_messages(&channel, &envelope, count, leads)
        else {
            return count;
        };
        let (format, body_at) = (envelope.format, payload.len() - body.len());
        let (from, missed) = (delivery.from, delivery.missed);
        if missed > 0 {
            self.settings.metrics.messages.gaps.add(missed);
            let (from, channel) = (from.clone(), channel.clone());
            self.sink.append(Output::Gap { from, channel, missed });
        }
        if delivery.is_for_us {
            self.settings.metrics.messages.received.add(count);
            let role = delivery.role;
            let message = Message { from, role, channel, format, payload, body_at };
            self.sink.append(Output::Message(message));
        }
        count
    }

    fn refuse_message(&mut self, fault: Fault) {
        self.settings.metrics.messages.unauthenticated.add(1);
        self.debug(|| fault.to_string());
        // One sentence for each run: whoever forges could else fill a log.
        if !std::mem::replace(&mut self.told_of_forgery, true) {
            self.sink.put(Output::Warning(Failure::Unauthenticated(fault.to_string())));
        }
    }

    /// What the mailbox has counted since the last time.
    pub(super) fn count_losses(&mut self) {
        let metrics = &self.settings.metrics;
        let (dropped, malformed) = (self.mailbox.dropped(), self.mailbox.malformed());
        let (dropped_before, malformed_before) =
            std::mem::replace(&mut self.counted_losses, (dropped, malformed));
        metrics.messages.dropped.add(dropped - dropped_before);
        metrics.malformed.add(malformed - malformed_before);
    }

    // ---- Telling ----------------------------------------------------------------------------------------------------

    pub(super) fn tell_membership(&mut self, event: MembershipEvent) {
        let output = match event {
            MembershipEvent::Joined(record) => Output::Joined(self.view(record)),
            MembershipEvent::Left(record) => {
                self.reception.forget_sender(&record.id);
                Output::Left(InstanceView { record, role: Role::Follower })
            }
        };
        self.sink.put(output);
    }

    /// A lost connection is told by its own notice, once for each attempt; a call that failed for want of one adds nothing.
    pub(super) fn tell_error(&self, error: MediumError) {
        if error.kind != MediumErrorKind::Unreachable {
            self.sink.put(Output::Error(error.into()));
        }
    }

    fn tell_late(&mut self, round_trip: std::time::Duration) {
        if !self.told_late {
            self.told_late = true;
            let interval = self.election.timing().renewal_interval();
            let text = format!(
                "a round trip to the server took {} ms, which is longer than the renewal interval of {} ms; \
                 raise leaseMs to at least {}",
                round_trip.as_millis(),
                interval.as_millis(),
                // Two round trips in each interval of a fifth of the lease.
                10 * round_trip.as_millis()
            );
            self.sink.put(Output::Error(Failure::RoundTripTooLong(text)));
        }
    }
}
