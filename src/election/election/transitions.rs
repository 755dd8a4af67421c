//! The changes of role, one verb each, and the end of a run.

use super::*;

impl Election {
    pub(super) fn become_leader(
        &mut self,
        term: Term,
        valid_until: Instant,
        next_renewal: Instant,
        ends_with_connection: bool,
    ) {
        self.reign = Some(Reign {
            term,
            beat: 0,
            valid_until,
            next_renewal,
            assert_over: None,
            drained: false,
            told_register_lost: false,
            ends_with_connection,
        });
        self.become_candidate();
        self.role = Role::Leader;
        self.tenure.begin(term, valid_until);
        self.leader = Some((self.instance.clone(), term));
        self.events.push_back(Event::Elected { term });
        self.tell(Role::Leader);
        self.events.push_back(Event::LeaderChanged { leader: Some(self.instance.clone()), term });
    }

    pub(super) fn become_candidate(&mut self) {
        self.role = Role::Candidate;
        self.tell(Role::Candidate);
    }

    pub(super) fn become_follower(&mut self, now: Instant, leader: InstanceId, term: Term) {
        self.role = Role::Follower;
        self.lose(Some(leader.clone()), Loss::Lost);
        let is_known = self.leader.as_ref() == Some(&(leader.clone(), term));
        if !is_known {
            self.tenure.know(term);
            self.leader = Some((leader.clone(), term));
            self.missed_heartbeat = false;
            // Whoever stood back so that another comes first has done so.
            self.no_take_before = now;
            self.events.push_back(Event::LeaderChanged { leader: Some(leader), term });
        }
    }

    pub(super) fn become_draining(&mut self) {
        self.role = Role::Draining;
        self.events.push_back(Event::Draining);
    }

    pub(super) fn tell(&mut self, role: Role) {
        if self.told != role {
            self.told = role;
            self.tenure.set_candidacy(role == Role::Candidate);
            self.events.push_back(Event::RoleChanged(role));
        }
    }

    /// Tells a loss, once: whoever was told to be a follower has nothing to lose.
    pub(super) fn lose(&mut self, leader: Option<InstanceId>, reason: Loss) {
        if self.told != Role::Follower {
            self.events.push_back(Event::Defeated { leader, reason });
            self.tell(Role::Follower);
        }
    }

    /// Ends the reign whose deadline has passed. Every entrance calls it first, so nothing acts on a reign that is over.
    pub(super) fn expire(&mut self, now: Instant) {
        let Some(reign) = &self.reign else { return };
        if now >= reign.valid_until {
            self.end_reign(now, Loss::Expired);
        } else if self.role == Role::Leader && self.tenure.was_latched() {
            // Seen to be over before its time: what it was bound to does not hold, or the clock was read a moment later than `now`.
            let reason =
                if reign.ends_with_connection { Loss::Disconnected } else { Loss::Expired };
            self.end_reign(now, reason);
        }
    }

    /// The reign is over and the register may still name us.
    pub(super) fn end_reign(&mut self, now: Instant, reason: Loss) {
        let Some(reign) = self.reign.take() else { return };
        self.tenure.end();
        self.owed = Some((self.holder.clone(), reign.term));
        if self.role == Role::Leader {
            self.lose(None, reason);
        } else {
            // The loss was told when the draining began; whoever waits for its end need wait no longer.
            self.events.push_back(Event::Released);
        }
        self.role = self.told;
        self.forget_leader(reign.term);
        self.limit_stopping(now);
    }

    /// The reign is over and the register names another.
    pub(super) fn end_reign_replaced(&mut self, now: Instant, reply: Reply) {
        let leader = crate::election::register::leader_of(&reply.shown.record);
        self.reign = None;
        self.tenure.end();
        if self.role == Role::Leader {
            self.lose(leader.clone(), Loss::Replaced);
        }
        self.role = self.told;
        self.settle_owed();
        self.limit_stopping(now);
        if leader.is_none() {
            self.forget_leader(reply.shown.record.term);
        }
        self.see(now, reply);
    }

    pub(super) fn settle_owed(&mut self) {
        self.owed = None;
        self.events.push_back(Event::Released);
    }

    pub(super) fn forget_leader(&mut self, term: Term) {
        if self.leader.take().is_some() {
            self.events.push_back(Event::LeaderChanged { leader: None, term });
        }
    }

    /// Forgets a leader that has given no sign of life for a whole lease.
    pub(super) fn forget_silent_leader(&mut self, now: Instant) {
        let is_silent =
            self.watch.last_sign_of_life().is_none_or(|seen| now >= seen + self.patience);
        if let Some((_, term)) = self.leader
            && is_silent
        {
            self.forget_leader(term);
        }
    }

    /// A hint that the register has changed is followed by a read, at once while hints are few and so are the instances.
    pub(super) fn heed_hint(&mut self, now: Instant) {
        let at = self.hints.use_one(now, self.timing.renewal_interval()) + self.crowd.turn();
        self.peek_at = Some(self.peek_at.map_or(at, |planned| min(planned, at)));
        self.watch.doubt();
    }

    /// At no fixed distance, so that those who began together do not go on looking together.
    pub(super) fn plan_look_at_presence(&mut self, now: Instant) {
        if self.looks_at_presence() {
            let interval = self.timing.presence_interval(self.instances);
            let share = u32::try_from((self.draw)() >> 32).expect("32 bits are left");
            self.presence_at =
                now + interval / 2 + interval.mul_f64(f64::from(share) / 2_f64.powi(32));
        }
    }

    pub(super) fn defer_to(&mut self, now: Instant, heir: Option<&InstanceId>) {
        if heir.is_some_and(|heir| *heir != self.instance) {
            self.no_take_before = max(self.no_take_before, now + self.timing.renewal_interval());
        }
    }

    pub(super) fn warn_of_lease(&mut self, record: &Record) {
        let theirs = record.lease;
        let is_unequal = record.holder.is_some() && theirs != self.timing.lease();
        if is_unequal && theirs != self.warned_of_lease {
            self.warned_of_lease = theirs;
            self.events.push_back(Event::UnequalLease { theirs });
        }
    }

    // ---- The end of a run -------------------------------------------------------------------------------------------

    /// From here on a stop takes no longer than our own record would stand, and two answers.
    pub(super) fn limit_stopping(&mut self, now: Instant) {
        if let Phase::Stopping { until: until @ None } = &mut self.phase {
            *until = Some(now + self.timing.validity() + 2 * self.timing.command_timeout());
            if self.take_in_doubt {
                self.peek_at = Some(max(self.retry_at, now));
            }
        }
    }

    pub(super) fn finish_stopping(&mut self, now: Instant) {
        let Phase::Stopping { until: Some(until) } = self.phase else { return };
        let is_settled = self.reign.is_none()
            && self.owed.is_none()
            && self.outstanding.is_none()
            && !self.take_in_doubt;
        if is_settled || now >= until {
            self.phase = Phase::Idle;
            self.role = Role::Follower;
            self.reign = None;
            self.outstanding = None;
            self.owed = None;
            self.leader = None;
            self.tenure.end();
            self.peek_at = None;
            self.subscribed = false;
            self.events.push_back(Event::Stopped);
        }
    }
}
