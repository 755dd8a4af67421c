//! The changes of role, one verb each, and the end of a run.

use super::*;

impl Election {
    pub(super) fn become_leader(
        &mut self,
        term: Term,
        sent: Instant,
        ends_with_connection: bool,
        checkpoint: Option<Checkpoint>,
    ) {
        let valid_until = sent + self.timing.validity();
        self.reign = Some(Reign {
            term,
            beat: 0,
            valid_until,
            next_renewal: sent + self.timing.renewal_interval(),
            assert_over: None,
            drained: false,
            renewed_at: sent,
            heir: None,
            told_register_lost: false,
            ends_with_connection,
            withheld: Some(Withheld { checkpoint }),
        });
        self.precedence.note_holder(self.instance.clone());
        self.become_candidate();
        self.role = Role::Leader;
        if !self.withholds {
            self.proclaim();
        } else if let Some((_, term)) = self.leader {
            // Whoever led before does so no more.
            self.forget_leader(term);
        }
    }

    /// From here on this node is the leader for all, by its clock.
    pub(super) fn proclaim(&mut self) {
        let Some(reign) = &mut self.reign else { return };
        let Some(Withheld { checkpoint }) = reign.withheld.take() else { return };
        let term = reign.term;
        self.tenure.begin(term, reign.valid_until);
        self.leader = Some((self.instance.clone(), term));
        self.events.push_back(Event::Elected { term, checkpoint });
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
            self.precedence.note_leader();
            self.events.push_back(Event::LeaderChanged { leader: Some(leader), term });
        }
    }

    /// Whoever waits for a release that is under way, or over, waits for nothing new.
    pub(super) fn give_up(&mut self, now: Instant, reason: Loss) -> bool {
        self.expire(now);
        let leads = self.role == Role::Leader;
        if leads {
            self.tenure.resign();
            self.become_draining(reason);
            self.lose(None, reason);
        } else if self.role != Role::Draining {
            self.events.push_back(Event::Released);
        }
        leads
    }

    pub(super) fn become_draining(&mut self, reason: Loss) {
        let Some(reign) = &mut self.reign else { return };
        self.role = Role::Draining;
        if reign.withheld.is_some() {
            // Nobody was told of it, so there is no work to wait for.
            reign.drained = true;
            return;
        }
        self.events.push_back(Event::Draining { term: reign.term, reason });
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
        } else if self.role == Role::Leader && reign.withheld.is_none() && self.tenure.was_latched()
        {
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
        let term = reign.term;
        if self.role == Role::Leader {
            self.owed = Some(Owed { holder: self.holder.clone(), term, heir: None });
            self.lose(None, reason);
        } else {
            // The loss was told when the draining began; whoever waits for its end need wait no longer.
            self.events.push_back(Event::Released);
            self.let_lapse(reign);
        }
        self.role = self.told;
        self.forget_leader(term);
        self.limit_stopping(now);
    }

    /// The reign ended while its work goes on. It is released once its lease has run out for all, and a moment later, so that the release
    /// does not get into the way of a take.
    pub(super) fn let_lapse(&mut self, reign: Reign) {
        let Reign { term, renewed_at, drained, .. } = reign;
        self.tenure.end();
        if !drained {
            let lapse = self.timing.lease() + self.timing.renewal_interval();
            self.overrun = Some((term, renewed_at + lapse));
        }
        self.owed = Some(Owed { holder: self.holder.clone(), term, heir: None });
    }

    /// Not before then may what names us with `term` be released.
    pub(super) fn lapse_of(&self, term: Term) -> Instant {
        self.overrun.filter(|(of, _)| *of == term).map_or(Instant::default(), |(_, lapse)| lapse)
    }

    /// The register names us, and we do not lead.
    pub(super) fn owe(&mut self, now: Instant, holder: &Holder, term: Term) {
        let lapses_by_itself =
            matches!(self.phase, Phase::Stopping { .. }) && now < self.lapse_of(term);
        if self.owed.is_none() && !lapses_by_itself {
            self.owed = Some(Owed { holder: holder.clone(), term, heir: None });
        }
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
        let turn = self.crowd.turn_to_look();
        let at = self.hints.use_one(now, self.timing.renewal_interval()) + turn;
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
            self.precedence.defer_to_heir(now + self.timing.renewal_interval());
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
            // What is to lapse need not be waited for.
            self.owed = self.owed.take().filter(|owed| now >= self.lapse_of(owed.term));
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
