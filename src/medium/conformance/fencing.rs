//! What only the leader may do, and the checkpoint that it leaves.

use super::*;
use crate::medium::fencing::Fenced;

async fn leave<M: Medium>(node: &Node<M>, term: Term, value: &str) -> Fenced<()> {
    let checkpoint = Checkpoint { term, value: value.into() };
    node.medium.set_checkpoint(&node.holder, checkpoint).await.expect("the medium answers")
}

async fn recall<M: Medium>(node: &Node<M>) -> Option<(u64, String)> {
    let checkpoint = node.medium.checkpoint().await.expect("the medium answers");
    checkpoint.map(|left| (left.term.0, left.value.to_string()))
}

/// Takes the register, and says which checkpoint came with it.
async fn take<M: Medium>(node: &Node<M>) -> (Term, Option<Checkpoint>) {
    let sight = node.sight().await;
    let reply = node.execute(node.taking(&sight, true)).await;
    assert!(reply.granted, "{reply:?}");
    (reply.shown.record.term, reply.checkpoint)
}

pub async fn the_first_leader_finds_no_checkpoint<F: Fixture>(fixture: &F) {
    let node = join(fixture, "svc", "a").await;
    assert_eq!(take(&node).await.1, None);
    assert_eq!(recall(&node).await, None);
}

pub async fn a_checkpoint_comes_with_the_next_grant<F: Fixture>(fixture: &F) {
    let a = join(fixture, "svc", "a").await;
    let b = join(fixture, "svc", "b").await;
    let (term, _) = take(&a).await;
    for value in ["1", r#"{"cursor":42,"text":"ö \" \\ "}"#] {
        assert_eq!(leave(&a, term, value).await, Fenced::Done(()));
        assert_eq!(recall(&b).await, Some((term.0, value.to_owned())));
    }
    let left = Checkpoint { term, value: r#"{"cursor":42,"text":"ö \" \\ "}"#.into() };
    assert_eq!(take(&b).await.1, Some(left.clone()));
    let (_, again) = take(&a).await;
    assert_eq!(again, Some(left), "it stays until another is left");
}

pub async fn a_checkpoint_outlives_a_release<F: Fixture>(fixture: &F) {
    let a = join(fixture, "svc", "a").await;
    let (term, _) = take(&a).await;
    leave(&a, term, "[1]").await;
    a.execute(a.releasing(term)).await;
    assert_eq!(take(&a).await.1.map(|left| left.value.to_string()).as_deref(), Some("[1]"));
}

pub async fn who_was_replaced_leaves_no_checkpoint<F: Fixture>(fixture: &F) {
    let a = join(fixture, "svc", "a").await;
    let b = join(fixture, "svc", "b").await;
    let (first, _) = take(&a).await;
    let (second, _) = take(&b).await;
    leave(&b, second, "2").await;
    assert_eq!(leave(&a, first, "1").await, Fenced::NotLeader);
    assert_eq!(leave(&a, second, "1").await, Fenced::NotLeader, "the term is another's");
    assert_eq!(leave(&b, first, "1").await, Fenced::NotLeader, "the term is over");
    assert_eq!(recall(&a).await, Some((second.0, "2".to_owned())));
}

pub async fn who_has_released_leaves_no_checkpoint<F: Fixture>(fixture: &F) {
    let a = join(fixture, "svc", "a").await;
    let (term, _) = take(&a).await;
    a.execute(a.releasing(term)).await;
    assert_eq!(leave(&a, term, "1").await, Fenced::NotLeader);
    assert_eq!(recall(&a).await, None);
}

pub async fn nobody_leaves_a_checkpoint_where_the_register_is_missing<F: Fixture>(fixture: &F) {
    let a = join(fixture, "svc", "a").await;
    let (term, _) = take(&a).await;
    fixture.wipe("svc");
    assert_eq!(leave(&a, term, "1").await, Fenced::NotLeader);
    assert_eq!(recall(&a).await, None);
}

pub async fn under_another_identity_a_leader_has_to_assert_itself_first<F: Fixture>(fixture: &F) {
    let a = join(fixture, "svc", "a").await;
    let (term, _) = take(&a).await;
    fixture.change_identity("svc");
    assert_eq!(leave(&a, term, "1").await, Fenced::Unconfirmed);
    assert_eq!(recall(&a).await, None);
    let sight = a.sight().await;
    assert!(a.execute(a.asserting(term, 9, shown(&sight))).await.granted);
    assert_eq!(leave(&a, term, "1").await, Fenced::Done(()));
}
