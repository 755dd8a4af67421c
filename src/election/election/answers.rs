//! What follows from the register's answers.

use super::*;

impl Election {
    pub(super) fn conclude_take(
        &mut self,
        now: Instant,
        sent: Instant,
        stamp: &Stamp,
        seen: &Seen,
        was_in_time: bool,
        reply: Reply,
    ) {
        let record = &reply.shown.record;
        let is_granted = reply.granted
            && record.holder.as_ref() == Some(&self.holder)
            && record.stamp == *stamp
            && record.term > self.floor
            && record.term < Term::LIMIT;
        if !is_granted {
            let shows_another =
                record.holder.as_ref().is_some_and(|h| !h.belongs_to(&self.instance));
            let shown = record.holder.as_ref().map(|holder| (holder.instance(), record.term));
            if shows_another && shown == self.leader {
                // The leader goes on, and we did not hear it.
                self.missed_heartbeat |= seen.watched;
            } else if self.phase == Phase::Running {
                self.become_candidate();
            }
            if seen.gone {
                // Refused where it looked free: perhaps our own connection does not show. Others may be luckier.
                self.no_replacing_before = now + self.timing.renewal_interval();
            }
            if !shows_another {
                // No race against a register that goes on changing, or a server that goes on refusing.
                let pause = self.timing.renewal_interval() / 4;
                self.no_take_before = max(self.no_take_before, now + pause);
            }
            return self.see(now, reply);
        }
        let (term, valid_until) = (record.term, sent + self.timing.validity());
        let ends_with_connection = record.presence.is_some();
        self.floor = term;
        self.take_in_doubt = false;
        self.watch.forget();
        // A `stop()` that this task has still to hear of counts already.
        let is_running = self.phase == Phase::Running && !self.tenure.is_closed();
        if is_running && !self.suspended && was_in_time && now < valid_until {
            self.become_leader(term, sent, ends_with_connection, reply.checkpoint);
        } else {
            // Granted too late, or to one that no longer wants it: void for good.
            self.owed = Some(Owed { holder: self.holder.clone(), term, heir: None });
            if is_running {
                self.forget_leader(term);
                self.become_candidate();
            }
        }
    }

    pub(super) fn conclude_renewal(
        &mut self,
        now: Instant,
        sent: Instant,
        beat: u64,
        reply: Reply,
    ) {
        let Some(reign) = &mut self.reign else {
            // The reign ended meanwhile; the answer extends nothing, and shows the register.
            return self.see(now, reply);
        };
        let Observation { record, identity } = &reply.shown;
        let shown =
            || Shown { identity: identity.clone(), term: record.term, stamp: record.stamp.clone() };
        let is_ours = record.holder.as_ref() == Some(&self.holder) && record.term == reign.term;
        if reply.granted && is_ours {
            let until = max(reign.valid_until, sent + self.timing.validity());
            let is_led = self.role == Role::Leader && reign.withheld.is_none();
            if is_led && !self.tenure.extend(reign.valid_until, until) {
                // Somebody asked in between, and was told that the leadership has expired.
                return self.end_reign(now, Loss::Expired);
            }
            reign.valid_until = until;
            self.precedence.note_renewal(now);
            reign.ends_with_connection = record.presence.is_some();
            if matches!(identity, Identity::Server(_)) && !record.was_granted_under(identity) {
                reign.assert_over = Some(shown());
            }
        } else if record.term < reign.term {
            // Lost data, or an older snapshot: what we were granted still stands, so we say so over exactly this.
            reign.assert_over = Some(shown());
            reign.next_renewal = now;
            if !std::mem::replace(&mut reign.told_register_lost, true) {
                self.events.push_back(Event::RegisterLost);
            }
        } else if is_ours && record.beat >= beat {
            // A doubled delivery was refused; the first one counts.
        } else if is_ours {
            // It went out on another connection than the one that the reign depends on.
            self.end_reign(now, Loss::Disconnected);
        } else {
            self.end_reign_replaced(now, reply);
        }
    }

    pub(super) fn conclude_release(&mut self, now: Instant, reply: Reply) {
        if reply.granted {
            self.no_take_before = max(self.no_take_before, now + self.timing.renewal_interval());
        }
        self.settle_owed();
        self.see(now, reply);
    }

    /// Takes note of the register as it was read.
    pub(super) fn see(&mut self, now: Instant, reply: Reply) {
        if self.reign.is_some() {
            // A leader learns from its renewals alone: a read may be older than its own grant.
            return;
        }
        if reply.missing {
            // The placeholder was written by this very command: no sight. Another read makes it one.
            self.watch.forget();
            let pause =
                if self.was_missing { self.timing.renewal_interval() } else { Duration::ZERO };
            self.was_missing = true;
            self.peek_at = Some(now + pause);
            return;
        }
        self.was_missing = false;
        let record = reply.shown.record.clone();
        let names_this_server = record.names_server(&reply.shown.identity);
        // A server that has lost what was written last shows an earlier reign, which may be over for long: it names a leader once it goes on.
        let names_leader = record.term >= self.floor || self.watch.shows_to_go_on(&reply.shown);
        self.take_in_doubt = false;
        self.floor = max(self.floor, record.term);
        self.patience = max(self.patience, record.lease);
        self.warn_of_lease(&record);
        let is_new = self.watch.read(now, reply.shown);
        self.watch.note_presence(now, reply.is_present);
        self.plan_look_at_presence(now);
        match &record.holder {
            Some(holder) if holder.belongs_to(&self.instance) => {
                // An answer that came too late, an expiry, or an earlier run of ours. One of another server is watched, as the others watch it: they
                // would have to begin anew if it was released.
                if names_this_server {
                    self.owe(now, holder, record.term);
                }
                if self.phase == Phase::Running {
                    self.forget_silent_leader(now);
                }
            }
            Some(holder) => {
                let leader = holder.instance();
                self.precedence.note_holder(leader.clone());
                if is_new && record.beat > 0 {
                    self.precedence.note_renewal(now);
                }
                if self.phase != Phase::Running {
                    return;
                }
                let is_known = self.leader.as_ref() == Some(&(leader.clone(), record.term));
                if !self.seeks() && self.watch.has_stood_still(self.patience) {
                    self.forget_leader(record.term);
                } else if names_leader || is_known {
                    self.become_follower(now, leader, record.term);
                } else {
                    self.forget_silent_leader(now);
                }
            }
            // A placeholder says nothing of the leader, who will assert itself; a vacancy says that it released.
            None if record.is_placeholder() => self.forget_silent_leader(now),
            None => {
                if is_new {
                    self.defer_to(now, record.heir.as_ref());
                }
                self.forget_leader(record.term);
            }
        }
    }
}
