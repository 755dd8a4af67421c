//! The suite that every medium must pass. A case is a situation; a medium's tests bring a [`Fixture`] and run all of them by
//! `conformance_suite!`.

mod fencing;
mod messages;
mod register;
mod registry;

use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::timeout;

use super::{Channel, Enrolment, Mailbox, MailboxSender, Medium, MediumError, Notice, mailbox};
use crate::election::{
    Announcement, Checkpoint, Command, Holder, Identity, InstanceId, Record, Reply, Seen, Shown,
    Stamp, Term,
};
use crate::random;
use crate::wire::InstanceRecord;

pub use fencing::*;
pub use messages::*;
pub use register::*;
pub use registry::*;

/// What a medium's tests bring along. The kinds of two fixtures never meet.
pub trait Fixture {
    type Medium: Medium;

    /// Opens a medium. It need not be connected yet.
    fn open(&self, kind: &str, instance: &InstanceId, mailbox: MailboxSender) -> Self::Medium;

    /// Forgets all data of the kind, behind the back of whoever has it open.
    fn wipe(&self, kind: &str);

    /// Gives the server of the kind another identity, under standing connections, and keeps the data.
    fn change_identity(&self, kind: &str);
}

/// Runs every case on `$fixture`, an expression that gives a new one.
macro_rules! conformance_suite {
    ($fixture:expr) => {
        $crate::medium::conformance::conformance_suite! { $fixture;
            a_missing_register_is_shown_as_a_placeholder
            a_placeholder_stays_until_it_is_taken
            two_placeholders_differ_even_by_the_same_command
            nothing_is_granted_where_the_register_is_missing
            a_placeholder_is_taken_when_it_was_watched
            a_placeholder_is_not_taken_at_sight
            a_held_register_is_taken_when_it_was_watched
            a_held_register_is_not_taken_at_sight
            a_take_of_what_has_changed_is_refused
            a_vacancy_is_taken_at_sight
            a_vacancy_is_not_taken_at_sight_under_another_identity
            a_take_that_names_another_identity_is_refused
            a_term_is_above_the_stored_one
            a_term_is_above_the_floor
            a_term_is_at_least_the_time
            a_take_clears_the_heir
            a_renewal_with_a_higher_beat_is_granted
            a_renewal_with_an_old_beat_is_refused
            a_renewal_of_another_holder_or_term_is_refused
            a_renewal_keeps_server_and_lease
            a_leader_asserts_itself_over_a_placeholder
            a_leader_asserts_itself_under_another_identity
            a_leader_does_not_assert_itself_over_anything_else
            a_release_leaves_a_vacancy
            a_release_by_another_holder_or_term_is_refused
            a_second_release_is_refused
            what_is_granted_is_announced
            what_is_refused_is_not_announced
            a_release_is_announced_with_its_heir
            the_lease_in_the_register_is_the_takers

            the_first_leader_finds_no_checkpoint
            a_checkpoint_comes_with_the_next_grant
            a_checkpoint_outlives_a_release
            who_was_replaced_leaves_no_checkpoint
            who_has_released_leaves_no_checkpoint
            nobody_leaves_a_checkpoint_where_the_register_is_missing
            under_another_identity_a_leader_has_to_assert_itself_first

            an_instance_that_enrolls_is_announced_and_listed
            a_new_record_replaces_the_old_one
            an_instance_that_withdraws_is_announced_and_gone
            withdrawing_twice_is_announced_once
            a_silent_instance_is_swept_by_another
            an_instance_that_refreshes_is_not_swept
            an_unknown_instance_is_told_to_enroll
            a_wiped_registry_is_noticed
            the_revision_rises_by_one_with_each_change
            a_refresh_shows_the_register
            a_roster_shows_the_register
            the_registrys_placeholder_is_no_sight

            a_message_reaches_all_who_subscribed
            a_message_to_another_channel_is_not_heard
            messages_over_several_channels_keep_their_order
            batches_keep_their_order
            nothing_is_heard_before_the_subscription
            nothing_is_heard_after_unsubscribing
            a_channel_can_be_left_and_joined_again_and_again
            two_members_of_a_process_both_hear_one_channel
            one_member_leaves_a_channel_to_the_other
            a_payload_of_any_bytes_passes_unchanged
            instances_with_strange_ids_are_told_apart
            kinds_that_look_alike_do_not_touch
        }
    };
    ($fixture:expr; $($case:ident)+) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::medium::conformance::$case(&$fixture).await;
            }
        )+
    };
}
pub(crate) use conformance_suite;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const LEASE: Duration = Duration::from_millis(800);

/// One instance with its medium, connected.
pub struct Node<M: Medium> {
    pub medium: M,
    pub mailbox: Mailbox,
    pub instance: InstanceId,
    /// The token of its only run.
    pub holder: Holder,
}

/// Opens a medium and waits until commands pass.
pub async fn join<F: Fixture>(fixture: &F, kind: &str, id: &str) -> Node<F::Medium> {
    let (sender, mailbox) = mailbox();
    let instance = InstanceId::new(id);
    let medium = fixture.open(kind, &instance, sender);
    let holder = Holder::new(&instance, random::bits());
    let mut node = Node { medium, mailbox, instance, holder };
    node.wait_for(|notice| matches!(notice, Notice::Connected).then_some(())).await;
    node
}

impl<M: Medium> Node<M> {
    /// Waits for a notice that `pick` takes, and drops those before it.
    pub async fn wait_for<T>(&mut self, mut pick: impl FnMut(Notice) -> Option<T>) -> T {
        let search = async {
            loop {
                let notice = self.mailbox.next(true).await;
                if let Some(found) = pick(notice) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search).await.expect("what is waited for comes")
    }

    /// The next loss of the connection for commands, or failed attempt to make it.
    pub async fn next_disconnection(&mut self) -> MediumError {
        self.wait_for(|notice| match notice {
            Notice::Disconnected(error) => Some(error),
            _ => None,
        })
        .await
    }

    pub async fn next_announcement(&mut self) -> Announcement {
        self.wait_for(|notice| match notice {
            Notice::Announced(announcement) => Some(announcement),
            _ => None,
        })
        .await
    }

    pub async fn next_message(&mut self) -> (Channel, Vec<u8>) {
        self.wait_for(|notice| match notice {
            Notice::Message { channel, payload } => Some((channel, payload)),
            _ => None,
        })
        .await
    }

    /// Subscribes, also where the medium is still about to connect.
    pub async fn listen(&mut self, channels: impl Into<Vec<Channel>>) {
        if self.medium.subscribe(channels.into()).await.is_err() {
            self.wait_for(|notice| matches!(notice, Notice::Subscribed).then_some(())).await;
        }
    }

    pub async fn execute(&self, command: Command) -> Reply {
        self.medium.execute(command).await.expect("the medium answers")
    }

    pub async fn peek(&self) -> Reply {
        self.execute(Command::Peek { stamp: stamp() }).await
    }

    /// The register as one who may take it has seen it: present, whoever holds it.
    pub async fn sight(&self) -> Reply {
        let reply = self.peek().await;
        if reply.missing { self.peek().await } else { reply }
    }

    /// Takes the register, whoever holds it, as after a whole lease.
    pub async fn take(&self) -> Record {
        let sight = self.sight().await;
        let reply = self.execute(self.taking(&sight, true)).await;
        assert!(reply.granted, "{reply:?}");
        reply.shown.record
    }

    /// The take of what `sight` shows.
    pub fn taking(&self, sight: &Reply, watched: bool) -> Command {
        self.taking_seen(seen(sight, watched))
    }

    pub fn taking_seen(&self, seen: Seen) -> Command {
        let holder = self.holder.clone();
        Command::Take { seen, holder, floor: Term::ZERO, stamp: stamp(), lease: LEASE }
    }

    pub fn renewing(&self, term: Term, beat: u64) -> Command {
        let holder = self.holder.clone();
        Command::Renew { holder, term, beat, stamp: stamp(), lease: LEASE, over: None }
    }

    pub fn asserting(&self, term: Term, beat: u64, shown: Shown) -> Command {
        let holder = self.holder.clone();
        Command::Renew { holder, term, beat, stamp: stamp(), lease: LEASE, over: Some(shown) }
    }

    pub fn releasing(&self, term: Term) -> Command {
        Command::Release { holder: self.holder.clone(), term, stamp: stamp(), heir: None }
    }

    pub fn record(&self, meta: &str) -> InstanceRecord {
        let meta = RawValue::from_string(meta.to_owned()).expect("the meta is JSON");
        InstanceRecord::new(&self.holder, meta.into())
    }

    pub async fn enroll(&self, meta: &str) -> Enrolment {
        self.medium.enroll(&self.record(meta)).await.expect("the medium answers")
    }

    pub async fn refresh(&self) -> Enrolment {
        self.medium.refresh().await.expect("the medium answers")
    }

    pub async fn publish(&self, batch: &[(Channel, &[u8])]) {
        let batch = batch.iter().map(|(channel, payload)| (channel.clone(), payload.to_vec()));
        self.medium.publish(batch.collect()).await.expect("the medium publishes");
    }
}

pub fn stamp() -> Stamp {
    Stamp::new(random::bits())
}

pub fn seen(sight: &Reply, watched: bool) -> Seen {
    let record = &sight.shown.record;
    Seen {
        identity: sight.shown.identity.clone(),
        holder: record.holder.clone(),
        term: record.term,
        stamp: record.stamp.clone(),
        watched,
        gone: false,
    }
}

pub fn shown(reply: &Reply) -> Shown {
    let record = &reply.shown.record;
    Shown { identity: reply.shown.identity.clone(), term: record.term, stamp: record.stamp.clone() }
}

fn other_identity() -> Identity {
    Identity::server("0123456789012345678901234567890123456789")
}

mod memory {
    use super::super::memory::MemoryMedium;
    use super::*;

    /// The kinds of a process are shared, so each fixture prefixes its own.
    struct MemoryFixture(String);

    impl MemoryFixture {
        fn new() -> Self {
            Self(format!("{:016x}/", random::bits()))
        }

        fn aside(&self, kind: &str) -> MemoryMedium {
            self.open(kind, &InstanceId::new("aside"), mailbox().0)
        }
    }

    impl Fixture for MemoryFixture {
        type Medium = MemoryMedium;

        fn open(&self, kind: &str, instance: &InstanceId, mailbox: MailboxSender) -> MemoryMedium {
            MemoryMedium::open(&format!("{}{kind}", self.0), instance, mailbox)
        }

        fn wipe(&self, kind: &str) {
            self.aside(kind).wipe();
        }

        fn change_identity(&self, kind: &str) {
            self.aside(kind).restart();
        }
    }

    conformance_suite!(MemoryFixture::new());
}
