//! Messages and channels.

use super::*;
use crate::wire::MAX_ENVELOPE_BYTES;

/// What `node` hears up to the message `last`, which is published now.
async fn heard_until<M: Medium>(
    node: &mut Node<M>,
    publisher: &Node<M>,
    channel: Channel,
    last: &[u8],
) -> Vec<Vec<u8>> {
    publisher.publish(&[(channel, last)]).await;
    let mut heard = Vec::new();
    loop {
        let (_, payload) = node.next_message().await;
        if payload == last {
            return heard;
        }
        heard.push(payload);
    }
}

pub async fn a_message_reaches_all_who_subscribed<F: Fixture>(fixture: &F) {
    let (mut a, mut b) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    a.listen([Channel::All, Channel::Leader]).await;
    b.listen([Channel::All]).await;
    a.publish(&[(Channel::All, b"hello")]).await;
    for node in [&mut a, &mut b] {
        assert_eq!(node.next_message().await, (Channel::All, b"hello".to_vec()));
    }
}

pub async fn a_message_to_another_channel_is_not_heard<F: Fixture>(fixture: &F) {
    let (a, mut b) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    let own = Channel::Instance(b.instance.clone());
    b.listen([own.clone(), Channel::Followers]).await;
    let others = Channel::Instance(a.instance.clone());
    a.publish(&[(Channel::All, b"1"), (Channel::Leader, b"2"), (others, b"3")]).await;
    assert!(heard_until(&mut b, &a, own, b"last").await.is_empty());
}

pub async fn messages_over_several_channels_keep_their_order<F: Fixture>(fixture: &F) {
    let (a, mut b) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    let own = Channel::Instance(b.instance.clone());
    let channels = [Channel::All, Channel::Leader, Channel::Followers, own];
    b.listen(channels.clone()).await;
    let batch: Vec<(Channel, Vec<u8>)> = (0..400)
        .map(|number| (channels[number * 7 % 4].clone(), number.to_string().into_bytes()))
        .collect();
    a.medium.publish(batch.clone()).await.expect("the medium publishes");
    for expected in batch {
        assert_eq!(b.next_message().await, expected);
    }
}

pub async fn batches_keep_their_order<F: Fixture>(fixture: &F) {
    let (a, mut b) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    b.listen([Channel::All]).await;
    let batch = |number: u8| vec![(Channel::All, vec![number, 0]), (Channel::All, vec![number, 1])];
    // Three at once: their order is that in which they are handed over.
    let (one, two, three) = tokio::join!(
        a.medium.publish(batch(1)),
        a.medium.publish(batch(2)),
        a.medium.publish(batch(3))
    );
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    for number in 1..=3 {
        for half in 0..=1 {
            assert_eq!(b.next_message().await.1, [number, half]);
        }
    }
}

pub async fn nothing_is_heard_before_the_subscription<F: Fixture>(fixture: &F) {
    let (a, mut b) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    a.publish(&[(Channel::All, b"early")]).await;
    b.listen([Channel::All]).await;
    assert!(heard_until(&mut b, &a, Channel::All, b"last").await.is_empty());
}

pub async fn nothing_is_heard_after_unsubscribing<F: Fixture>(fixture: &F) {
    let (a, mut b) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    b.listen([Channel::All, Channel::Leader]).await;
    b.medium.unsubscribe(Channel::Leader);
    a.publish(&[(Channel::Leader, b"late")]).await;
    assert!(heard_until(&mut b, &a, Channel::All, b"last").await.is_empty());
}

pub async fn a_channel_can_be_left_and_joined_again_and_again<F: Fixture>(fixture: &F) {
    let mut a = join(fixture, "svc", "a").await;
    for round in 0..50u8 {
        a.listen([Channel::Leader]).await;
        a.publish(&[(Channel::Leader, &[round])]).await;
        assert_eq!(a.next_message().await, (Channel::Leader, vec![round]));
        a.medium.unsubscribe(Channel::Leader);
    }
}

pub async fn two_members_of_a_process_both_hear_one_channel<F: Fixture>(fixture: &F) {
    let (mut a, mut b) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    a.listen([Channel::Election, Channel::All]).await;
    b.listen([Channel::Election, Channel::All]).await;
    let taken = a.take().await;
    for node in [&mut a, &mut b] {
        let announcement = node.next_announcement().await;
        assert!(matches!(announcement, Announcement::Heartbeat { term, .. } if term == taken.term));
    }
}

pub async fn one_member_leaves_a_channel_to_the_other<F: Fixture>(fixture: &F) {
    let (mut a, mut b) = (join(fixture, "svc", "a").await, join(fixture, "svc", "b").await);
    let c = join(fixture, "svc", "c").await;
    for node in [&mut a, &mut b] {
        node.listen([Channel::All, Channel::Leader]).await;
    }
    a.medium.unsubscribe(Channel::All);
    c.publish(&[(Channel::All, b"to b")]).await;
    assert_eq!(b.next_message().await.1, b"to b");
    drop(b);
    assert!(heard_until(&mut a, &c, Channel::Leader, b"last").await.is_empty());
}

pub async fn a_payload_of_any_bytes_passes_unchanged<F: Fixture>(fixture: &F) {
    let mut a = join(fixture, "svc", "a").await;
    a.listen([Channel::All]).await;
    let all_bytes: Vec<u8> = (0..=255).collect();
    let largest = vec![0xA5; MAX_ENVELOPE_BYTES];
    for payload in [b"".to_vec(), b"\r\n$-1\r\n".to_vec(), all_bytes, largest] {
        a.publish(&[(Channel::All, &payload)]).await;
        assert!(a.next_message().await.1 == payload, "{} bytes", payload.len());
    }
}

pub async fn instances_with_strange_ids_are_told_apart<F: Fixture>(fixture: &F) {
    let ids = ["", "%", "leader", "all", "a:b", "a", "a*", "?", "{a}", "ä", "A"];
    let sender = join(fixture, "svc", "sender").await;
    let mut nodes = Vec::new();
    for id in ids {
        let mut node = join(fixture, "svc", id).await;
        node.listen([Channel::Instance(node.instance.clone()), Channel::Leader]).await;
        nodes.push(node);
    }
    for id in ids {
        sender.publish(&[(Channel::Instance(InstanceId::new(id)), id.as_bytes())]).await;
    }
    for node in &mut nodes {
        let id = node.instance.as_str().as_bytes().to_vec();
        let heard = heard_until(node, &sender, Channel::Leader, b"last").await;
        assert_eq!(heard, [id], "{:?}", node.instance);
    }
}

pub async fn kinds_that_look_alike_do_not_touch<F: Fixture>(fixture: &F) {
    let kinds =
        ["svc", "svc:a", "svc*", "svcother", "{", "}", "{svc}", "", "%", "%25", "SVC", "sv?"];
    let mut nodes = Vec::new();
    for kind in kinds {
        let mut node = join(fixture, kind, "a").await;
        node.listen([Channel::Election, Channel::Registry, Channel::All]).await;
        nodes.push(node);
    }
    for (kind, node) in kinds.iter().zip(&mut nodes) {
        assert!(node.peek().await.missing, "the register of {kind:?} is its own");
        let held = node.take().await;
        assert_eq!(
            node.next_announcement().await,
            Announcement::Heartbeat {
                holder: node.holder.clone(),
                term: held.term,
                beat: 0,
                stamp: held.stamp,
            }
        );
        node.enroll(&format!("{kind:?}")).await;
        let roster = node.medium.roster().await.expect("the medium answers");
        assert_eq!(roster.instances, [node.record(&format!("{kind:?}"))]);
        node.publish(&[(Channel::All, kind.as_bytes())]).await;
    }
    for (kind, node) in kinds.iter().zip(&mut nodes) {
        assert_eq!(node.next_message().await.1, kind.as_bytes());
        assert!(node.mailbox.try_next_message().is_none(), "{kind:?} hears its own alone");
    }
}
