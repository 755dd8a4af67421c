//! Beside the instances of another library, which the medium plays.

use super::*;
use crate::migration::LegacyState;
use crate::migration::wire::Record;

fn mover(meddling: &Arc<Meddling>) -> Setup {
    Setup { meddling: meddling.clone(), migrates: true, ..Setup::default() }
}

fn not_eligible() -> Candidacy {
    Candidacy { is_eligible: false, ..Candidacy::default() }
}

async fn leader_by(node: &Node) -> Option<InstanceId> {
    node.ask(1, Question::Leader);
    let answer = |output: &Output| match output {
        Output::Answer { answer: Ok(Answer::Leader(leader)), .. } => {
            Some(leader.as_ref().map(|view| view.record.id.clone()))
        }
        _ => None,
    };
    node.ear.until("answer", answer).await
}

#[tokio::test]
async fn each_call_that_is_refused_is_told_once_however_often_they_alternate() {
    let meddling = Arc::new(Meddling::default());
    meddling.refuses_old_records.store(true, Ordering::SeqCst);
    let node = start_as("driver-refused-of-old", mover(&meddling)).started().await;
    eventually("calls are tried again", || meddling.old_calls.load(Ordering::SeqCst) >= 8).await;
    let errors = node.ear.count(|output| matches!(output, Output::Error(_)));
    assert_eq!(errors, 2, "one of SCAN, and one of what writes its own record");
    node.stop().await;
}

#[tokio::test]
async fn who_may_not_lead_knows_the_old_leader_once_it_has_started() {
    let meddling = Arc::new(Meddling::default());
    let meta = RawValue::from_string("1".into()).unwrap();
    let text = format!("{{\"ts\":{},\"meta\":{meta},\"state\":\"leader\"}}", clock::wall_ms());
    let old = InstanceId::new("0123456789abcdefghijkl");
    assert_eq!(Record::decode(text.as_bytes()).unwrap().state, LegacyState::Leader);
    meddling.old_records.lock().unwrap().insert(old.clone(), text.into_bytes());
    let setup = Setup { candidacy: not_eligible(), ..mover(&meddling) };
    let node = start_as("driver-under-an-old-leader", setup).started().await;
    assert_eq!(leader_by(&node).await, Some(old));
    node.stop().await;
}

#[tokio::test]
async fn who_may_not_lead_starts_where_nobody_leads_on_either_side() {
    let setup = Setup { candidacy: not_eligible(), ..mover(&Arc::default()) };
    let node = start_as("driver-under-nobody", setup).started().await;
    assert_eq!(leader_by(&node).await, None);
    node.stop().await;
}

#[tokio::test]
async fn whoever_cannot_tell_the_old_ones_leaves_the_leadership_to_one_that_can() {
    let kind = "mute";
    let meddling = Arc::new(Meddling::default());
    meddling.is_mute.store(true, Ordering::SeqCst);
    let mute = start_as(kind, mover(&meddling));
    let observer = start_as(kind, Setup { candidacy: not_eligible(), ..Setup::default() });
    let id = mute.instance.clone();
    let is_mute = move |o: &Output| matches!(o, Output::LeaderChanged { leader, .. } if leader.as_ref() == Some(&id));
    observer.ear.until("LeaderChanged", |o| is_mute(o).then_some(())).await;

    let other = start_as(kind, mover(&Arc::default()));
    eventually("the other leads", || other.leads()).await;
    assert_eq!(mute.ear.count(is_elected), 0);
    assert_eq!(mute.ear.count(|o| matches!(o, Output::Defeated { .. })), 1, "it stands back");
    for node in [other, observer, mute] {
        node.stop().await;
    }
}
