//! Who is subscribed to what, and who is told: the plan alone, without a connection.

use futures_util::FutureExt;
use tokio::sync::oneshot;

use crate::election::InstanceId;
use crate::medium::redis::routing::{Plan, Routing};
use crate::medium::{Channel, Mailbox, MediumError, MediumErrorKind, Notice, mailbox};
use crate::messaging::{Format, LegacyChannel};
use crate::migration::wire::encode_message;
use crate::wire::{MAX_ENVELOPE_BYTES, MAX_MESSAGE_BYTES};

type Answer = oneshot::Receiver<Result<(), MediumError>>;

fn routing_of<const N: usize>() -> (Routing, [Mailbox; N]) {
    let mut routing = Routing::default();
    let mailboxes = std::array::from_fn(|member| {
        let (sender, mailbox) = mailbox();
        routing.join(member as u64, sender);
        mailbox
    });
    (routing, mailboxes)
}

fn want(routing: &mut Routing, member: u64, names: &[&str]) -> Answer {
    let (done, answer) = oneshot::channel();
    let channels = names.iter().map(|&name| (name.to_owned(), Channel::All)).collect();
    routing.want(member, channels, done);
    answer
}

/// What a connection does: all that the plan says.
fn carry_out(routing: &mut Routing) -> Plan {
    let mut plan = routing.plan();
    plan.subscribe.sort();
    plan.unsubscribe.sort();
    routing.subscribed(&plan.subscribe);
    routing.unsubscribed(&plan.unsubscribe);
    routing.settle();
    plan
}

fn plan(subscribe: &[&str], unsubscribe: &[&str]) -> Plan {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Plan { subscribe: owned(subscribe), unsubscribe: owned(unsubscribe) }
}

fn error() -> MediumError {
    MediumError::new(MediumErrorKind::Unreachable, "gone")
}

fn link_notice(mailbox: &mut Mailbox) -> Option<Notice> {
    mailbox.next(false).now_or_never()
}

#[test]
fn a_channel_is_subscribed_at_the_first_wish_and_unsubscribed_at_the_last() {
    let (mut routing, _mailboxes) = routing_of::<2>();
    routing.connected(1);
    let mut first = want(&mut routing, 0, &["x"]);
    assert!(first.try_recv().is_err(), "it does not stand yet");
    assert_eq!(carry_out(&mut routing), plan(&["x"], &[]));
    assert_eq!(first.try_recv(), Ok(Ok(())));
    let mut second = want(&mut routing, 1, &["x"]);
    assert_eq!(carry_out(&mut routing), plan(&[], &[]));
    assert_eq!(second.try_recv(), Ok(Ok(())));
    routing.unwant(0, "x");
    assert_eq!(carry_out(&mut routing), plan(&[], &[]));
    routing.leave(1);
    assert_eq!(carry_out(&mut routing), plan(&[], &["x"]));
}

#[test]
fn a_channel_left_and_wanted_again_meanwhile_stays_subscribed() {
    let (mut routing, _mailboxes) = routing_of::<1>();
    routing.connected(1);
    want(&mut routing, 0, &["x"]);
    carry_out(&mut routing);
    routing.unwant(0, "x");
    let mut again = want(&mut routing, 0, &["x"]);
    assert_eq!(carry_out(&mut routing), plan(&[], &[]));
    assert_eq!(again.try_recv(), Ok(Ok(())));
}

#[test]
fn what_came_on_an_older_connection_is_dropped() {
    let (mut routing, [mut mailbox]) = routing_of::<1>();
    routing.connected(1);
    want(&mut routing, 0, &["x"]);
    carry_out(&mut routing);
    routing.deliver(1, "x", b"in time".to_vec());
    routing.disconnected(&error());
    routing.deliver(1, "x", b"late".to_vec());
    routing.connected(2);
    routing.deliver(1, "x", b"later".to_vec());
    routing.deliver(2, "x", b"new".to_vec());
    for expected in ["in time", "new"] {
        let Some(Notice::Message { payload, .. }) = mailbox.try_next_message() else {
            panic!("{expected} comes")
        };
        assert_eq!(payload, expected.as_bytes());
    }
    assert!(mailbox.try_next_message().is_none());
}

#[test]
fn after_a_loss_all_is_subscribed_again_and_told_once() {
    let (mut routing, [mut mailbox]) = routing_of::<1>();
    routing.connected(1);
    let _call = want(&mut routing, 0, &["x", "y"]);
    carry_out(&mut routing);
    assert!(link_notice(&mut mailbox).is_none(), "the call itself told it");
    routing.disconnected(&error());
    assert!(matches!(link_notice(&mut mailbox), Some(Notice::Unsubscribed(_))));
    routing.connected(2);
    assert_eq!(carry_out(&mut routing), plan(&["x", "y"], &[]));
    assert!(matches!(link_notice(&mut mailbox), Some(Notice::Subscribed)));
    carry_out(&mut routing);
    assert!(link_notice(&mut mailbox).is_none());
}

#[test]
fn a_wish_in_an_outage_fails_and_is_fulfilled_afterwards() {
    let (mut routing, [mut mailbox]) = routing_of::<1>();
    routing.disconnected(&error());
    link_notice(&mut mailbox);
    let mut wish = want(&mut routing, 0, &["x"]);
    assert_eq!(wish.try_recv(), Ok(Err(error())));
    routing.connected(1);
    assert_eq!(carry_out(&mut routing), plan(&["x"], &[]));
    assert!(matches!(link_notice(&mut mailbox), Some(Notice::Subscribed)));
}

#[test]
fn a_wish_that_is_not_waited_for_is_told_when_it_stands() {
    let (mut routing, [mut mailbox]) = routing_of::<1>();
    routing.connected(1);
    drop(want(&mut routing, 0, &["x"]));
    carry_out(&mut routing);
    assert!(matches!(link_notice(&mut mailbox), Some(Notice::Subscribed)));
}

#[test]
fn a_wish_whose_time_is_up_is_told_when_it_stands() {
    let (mut routing, [mut mailbox]) = routing_of::<1>();
    routing.connected(1);
    let wish = want(&mut routing, 0, &["x"]);
    assert!(!routing.give_up(0, &["x".to_owned()]));
    drop(wish);
    carry_out(&mut routing);
    assert!(matches!(link_notice(&mut mailbox), Some(Notice::Subscribed)));
    assert!(routing.give_up(0, &["x".to_owned()]), "by now it succeeded");
}

#[test]
fn a_refused_channel_fails_its_own_wishes_alone() {
    let (mut routing, [_, mut other]) = routing_of::<2>();
    routing.connected(1);
    let mut refused = want(&mut routing, 0, &["x", "forbidden"]);
    let mut granted = want(&mut routing, 1, &["x"]);
    routing.subscribed(&["x".to_owned()]);
    routing.refused("forbidden", error());
    assert_eq!(routing.plan(), plan(&[], &[]), "it is not asked for at once again");
    routing.settle();
    assert_eq!(refused.try_recv(), Ok(Err(error())));
    assert_eq!(granted.try_recv(), Ok(Ok(())));
    assert!(link_notice(&mut other).is_none());
    routing.retry_refused();
    assert_eq!(routing.plan(), plan(&["forbidden"], &[]));
}

#[test]
fn the_copy_of_a_new_instances_message_is_dropped_and_not_counted_however_long() {
    let (mut routing, [mut mailbox]) = routing_of::<1>();
    routing.connected(1);
    let (done, _answer) = oneshot::channel();
    routing.want(0, vec![("x".to_owned(), Channel::Legacy(LegacyChannel::All))], done);
    carry_out(&mut routing);
    let bytes = vec![0xFF; MAX_MESSAGE_BYTES];
    let copy = encode_message(&InstanceId::new("a1"), Format::Bytes, &bytes, Some(true));
    assert!(copy.len() > 3 * MAX_MESSAGE_BYTES);
    routing.deliver(1, "x", copy);
    assert!(mailbox.next(true).now_or_never().is_none());
    assert_eq!(mailbox.malformed(), 0);

    let by_an_old_one = br#"{"from":"b","message":",\"incumbent\":\"a"}"#;
    routing.deliver(1, "x", by_an_old_one.to_vec());
    let notice = mailbox.next(true).now_or_never();
    assert!(matches!(notice, Some(Notice::Message { .. })), "{notice:?}");
    routing.deliver(1, "x", vec![b'1'; MAX_ENVELOPE_BYTES + 1]);
    assert_eq!(mailbox.malformed(), 1);
}
