//! Giving a leadership up and handing it over, what only the leader may do, and what is counted on the way.

use super::*;

/// One that leads, with work to wait for, and one that follows it.
async fn leader_with_work(kind: &str, drain_limit: Duration) -> (Node, Node) {
    let setup = Setup { holds_work: true, drain_limit, ..Setup::default() };
    let first = start_as(kind, setup).started().await;
    let second = start(kind).started().await;
    assert!(first.leads());
    (first, second)
}

async fn with_priority(kind: &str, priority: i32) -> Node {
    let candidacy = Candidacy { priority, ..Candidacy::default() };
    start_as(kind, Setup { candidacy, preempt: true, ..Setup::default() }).started().await
}

impl Node {
    fn drained(&self, term: Term) {
        self.requests.send(Request::Drained(term)).unwrap();
    }

    async fn drains(&self) -> (Term, Loss) {
        let told = |o: &Output| match o {
            Output::Draining { term, reason } => Some((*term, *reason)),
            _ => None,
        };
        self.ear.until("Draining", told).await
    }

    async fn loses(&self) -> (Loss, Option<Term>) {
        let told = |o: &Output| match o {
            Output::Defeated { reason, term, .. } => Some((*reason, *term)),
            _ => None,
        };
        self.ear.until("Defeated", told).await
    }

    async fn overruns(&self) -> Term {
        let told = |o: &Output| match o {
            Output::Overrun { term, .. } => Some(*term),
            _ => None,
        };
        self.ear.until("Overrun", told).await
    }

    async fn is_elected_with(&self) -> Option<String> {
        let told = |o: &Output| match o {
            Output::Elected { checkpoint, .. } => {
                Some(checkpoint.as_ref().map(|left| left.value.to_string()))
            }
            _ => None,
        };
        self.ear.until("Elected", told).await
    }

    async fn successor(&self, wanted: u64) -> InstanceId {
        let told = |o: &Output| match o {
            Output::Answer { question, answer: Ok(Answer::Successor(id)) }
                if *question == wanted =>
            {
                Some(id.clone())
            }
            _ => None,
        };
        self.ear.until("successor", told).await
    }

    fn has_answered(&self, wanted: u64) -> bool {
        let is_it =
            |o: &Output| matches!(o, Output::Answer { question, .. } if *question == wanted);
        self.ear.position(is_it).is_some()
    }
}

// ---- Draining -------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_reelection_waits_for_the_work_and_nobody_else_begins_before() {
    let (first, second) = leader_with_work("lead-drain", Duration::from_secs(20)).await;
    let term = first.tenure.term();
    first.ask(1, Question::Reelect);
    assert_eq!(first.drains().await, (term, Loss::Reelected));
    assert!(!first.leads());
    tokio::time::sleep(3 * LEASE).await;
    assert!(!second.leads() && !first.has_answered(1));
    first.drained(Term(term.0 - 1));
    tokio::time::sleep(LEASE).await;
    assert!(!second.leads(), "the work of an earlier reign is none of this one's");
    first.drained(term);
    assert_eq!(first.answer(1).await, Ok(()));
    eventually("the other leads", || second.leads()).await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn work_that_does_not_settle_is_told_and_the_lease_runs_out() {
    let (first, second) = leader_with_work("lead-overrun", Duration::from_millis(50)).await;
    let term = first.tenure.term();
    first.ask(1, Question::Reelect);
    assert_eq!(first.overruns().await, term);
    assert!(
        matches!(first.answer(1).await, Err(Failure::DrainTimeout(text)) if text.contains("50"))
    );
    eventually("the other leads", || second.leads()).await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_stop_waits_for_the_work_no_longer_than_it_may() {
    let (first, second) = leader_with_work("lead-stop", Duration::from_millis(50)).await;
    let term = first.tenure.term();
    first.stop().await;
    assert_eq!(first.overruns().await, term);
    assert_eq!(first.loses().await, (Loss::Stopped, Some(term)));
    eventually("the other leads", || second.leads()).await;
    second.stop().await;
}

#[tokio::test]
async fn a_stop_ends_once_the_work_has_settled() {
    let (first, second) = leader_with_work("lead-stop-soon", Duration::from_secs(20)).await;
    first.requests.send(Request::Stop).unwrap();
    let (term, reason) = first.drains().await;
    assert_eq!(reason, Loss::Stopped);
    first.drained(term);
    first.ear.until("Stopped", |o| matches!(o, Output::Stopped).then_some(())).await;
    eventually("the other leads", || second.leads()).await;
    second.stop().await;
}

#[tokio::test]
async fn one_that_stops_with_much_to_do_stays_listed() {
    let (first, second) = leader_with_work("lead-listed", Duration::from_secs(20)).await;
    first.requests.send(Request::Stop).unwrap();
    let (term, _) = first.drains().await;
    tokio::time::sleep(Duration::from_millis(2600)).await;
    assert_eq!(second.ear.count(|o| matches!(o, Output::Left(_))), 0);
    first.drained(term);
    second.ear.until("Left", |o| matches!(o, Output::Left(_)).then_some(())).await;
    second.stop().await;
}

#[tokio::test]
async fn who_resigns_tells_why() {
    let first = start("lead-resign").started().await;
    let term = first.tenure.term();
    first.ask(1, Question::Resign(Loss::Expired));
    assert_eq!(first.answer(1).await, Ok(()));
    assert_eq!(first.loses().await, (Loss::Expired, Some(term)));
    first.stop().await;
}

#[tokio::test]
async fn a_process_that_does_not_answer_is_not_waited_for_and_its_stall_is_told() {
    let limit = Some(Duration::from_millis(400));
    let setup = Setup { holds_work: true, max_stall: limit, ..Setup::default() };
    let first = start_as("lead-stall", setup).started().await;
    first.ear.is_blocked.store(true, Ordering::SeqCst);
    assert_eq!(first.loses().await.0, Loss::Stalled);
    let second = start("lead-stall").started().await;
    assert!(second.leads(), "the leadership was released meanwhile");
    assert_eq!(first.ear.count(|o| matches!(o, Output::Stall(_))), 0);
    first.ear.is_blocked.store(false, Ordering::SeqCst);
    let told = |o: &Output| match o {
        Output::Stall(length) => Some(*length),
        _ => None,
    };
    let length = first.ear.until("Stall", told).await;
    assert!(length >= Duration::from_millis(400), "{length:?}");
    let stalls = first.metrics.stalls();
    assert_eq!((stalls.count, stalls.longest), (1, length));
    first.stop().await;
    second.stop().await;
}

// ---- Handing over ---------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_leader_hands_over_to_the_chosen_one() {
    let first = start("lead-transfer").started().await;
    let (second, third) =
        (start("lead-transfer").started().await, start("lead-transfer").started().await);
    let term = first.tenure.term();
    first.ask(1, Question::Transfer(third.instance.clone()));
    assert_eq!(first.successor(1).await, third.instance);
    assert!(third.leads());
    assert_eq!(first.loses().await, (Loss::Transferred, Some(term)));
    for node in [first, second, third] {
        node.stop().await;
    }
}

#[tokio::test]
async fn a_transfer_that_cannot_be_is_refused_and_the_leader_stays() {
    let first = start("lead-refused").started().await;
    let second = start("lead-refused").started().await;
    let candidacy = Candidacy { is_eligible: false, ..Candidacy::default() };
    let never = start_as("lead-refused", Setup { candidacy, ..Setup::default() }).started().await;
    for (question, (to, words)) in [
        (first.instance.clone(), "leads already"),
        (never.instance.clone(), "not eligible"),
        (InstanceId::new("nobody"), second.instance.as_str()),
    ]
    .into_iter()
    .enumerate()
    {
        first.ask(question as u64, Question::Transfer(to));
        let Err(Failure::Unfit(text)) = first.answer(question as u64).await else {
            panic!("{words}: it was done")
        };
        assert!(text.contains(words), "{text}");
    }
    second.ask(9, Question::Transfer(first.instance.clone()));
    assert!(matches!(second.answer(9).await, Err(Failure::NotLeader(_))));
    first.meddling.is_cut.store(true, Ordering::SeqCst);
    first.ask(9, Question::Transfer(second.instance.clone()));
    assert!(matches!(first.answer(9).await, Err(Failure::Medium(_))));
    first.meddling.is_cut.store(false, Ordering::SeqCst);
    assert!(first.leads());
    assert_eq!(first.ear.count(|o| matches!(o, Output::Draining { .. })), 0);
    for node in [first, second, never] {
        node.stop().await;
    }
}

#[tokio::test]
async fn a_transfer_whose_work_does_not_settle_fails() {
    let (first, second) = leader_with_work("lead-late", Duration::from_millis(50)).await;
    first.ask(1, Question::Transfer(second.instance.clone()));
    assert!(matches!(first.answer(1).await, Err(Failure::DrainTimeout(_))));
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_stop_ends_a_transfer_that_is_under_way() {
    let (first, second) = leader_with_work("lead-stopped", Duration::from_secs(20)).await;
    first.ask(1, Question::Transfer(second.instance.clone()));
    let (term, _) = first.drains().await;
    first.requests.send(Request::Stop).unwrap();
    first.drained(term);
    first.ear.until("Stopped", |o| matches!(o, Output::Stopped).then_some(())).await;
    assert!(first.has_answered(1));
    second.stop().await;
}

#[tokio::test]
async fn a_vacancy_goes_to_the_highest_priority() {
    let first = start("lead-priority").started().await;
    let low = with_priority("lead-priority", 1).await;
    let high = with_priority("lead-priority", 7).await;
    let middle = with_priority("lead-priority", 3).await;
    let size = || low.metrics.instances() == 4 && middle.metrics.instances() == 4;
    eventually("all know of each other", size).await;
    first.stop().await;
    high.ear.until("Elected", |o| is_elected(o).then_some(())).await;
    assert_eq!(low.ear.count(is_elected) + middle.ear.count(is_elected), 0);
    for node in [low, middle, high] {
        node.stop().await;
    }
}

#[tokio::test]
async fn a_leader_hands_over_to_a_higher_priority_only_where_it_is_to() {
    let first = with_priority("lead-preempt", 1).await;
    assert!(first.leads());
    let elected = clock::now();
    let second = with_priority("lead-preempt", 2).await;
    eventually("the other leads", || second.leads()).await;
    assert!(clock::now().since(elected) > Duration::from_millis(1500), "it led for a while");
    assert_eq!(first.loses().await.0, Loss::Transferred);
    let candidacy = Candidacy { priority: 3, ..Candidacy::default() };
    let third = start_as("lead-stays", Setup { candidacy, ..Setup::default() }).started().await;
    let fourth = with_priority("lead-stays", 9).await;
    // Longer than it took the other. Of a leadership that expired meanwhile, on a busy machine, it is told otherwise.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let is_transfer = |o: &Output| matches!(o, Output::Defeated { reason: Loss::Transferred, .. });
    assert_eq!(third.ear.count(is_transfer), 0);
    for node in [first, second, third, fourth] {
        node.stop().await;
    }
}

// ---- Who may lead ---------------------------------------------------------------------------------------------------

#[tokio::test]
async fn one_that_never_leads_has_started_although_nobody_leads() {
    let candidacy = Candidacy { is_eligible: false, ..Candidacy::default() };
    let never = start_as("lead-never", Setup { candidacy, ..Setup::default() }).started().await;
    assert_eq!(never.ear.count(|o| matches!(o, Output::RoleChanged(_))), 0);
    let first = start("lead-never").started().await;
    assert!(first.leads());
    let told =
        |o: &Output| matches!(o, Output::LeaderChanged { leader: Some(_), .. }).then_some(());
    never.ear.until("LeaderChanged", told).await;
    first.stop().await;
    never.stop().await;
}

#[tokio::test]
async fn nobody_is_elected_before_enough_are_there() {
    let setup = || {
        let candidacy = Candidacy { min_instances: 2, ..Candidacy::default() };
        Setup { candidacy, ..Setup::default() }
    };
    let first = start_as("lead-enough", setup()).started().await;
    tokio::time::sleep(3 * LEASE).await;
    assert!(!first.leads());
    let second = start_as("lead-enough", setup()).started().await;
    eventually("one leads", || first.leads() || second.leads()).await;
    first.stop().await;
    second.stop().await;
}

// ---- What only the leader may do ------------------------------------------------------------------------------------

#[tokio::test]
async fn a_checkpoint_comes_with_the_next_election_and_only_the_leader_leaves_one() {
    let (first, second) = leader_with_work("lead-checkpoint", Duration::from_secs(20)).await;
    assert_eq!(first.is_elected_with().await, None);
    second.ask(1, leave("1", None));
    assert!(matches!(second.answer(1).await, Err(Failure::NotLeader(_))));
    first.ask(1, leave("[1]", None));
    assert_eq!(first.answer(1).await, Ok(()));
    first.requests.send(Request::Stop).unwrap();
    let (term, _) = first.drains().await;
    first.ask(2, leave("[2]", None));
    assert_eq!(first.answer(2).await, Ok(()), "work may be brought to an end");
    first.drained(term);
    assert_eq!(second.is_elected_with().await.as_deref(), Some("[2]"));
    second.ask(3, Question::Checkpoint);
    let told = |o: &Output| match o {
        Output::Answer { question: 3, answer: Ok(Answer::Checkpoint(left)) } => left.clone(),
        _ => None,
    };
    let left = second.ear.until("checkpoint", told).await;
    assert_eq!((left.term, &*left.value), (term, "[2]"));
    second.stop().await;
}

#[tokio::test]
async fn what_is_meant_for_another_term_is_not_left() {
    let first = start("lead-term").started().await;
    let term = first.tenure.term();
    first.ask(1, leave("1", Some(Term(term.0 - 1))));
    assert!(
        matches!(first.answer(1).await, Err(Failure::NotLeader(text)) if text.contains("in term"))
    );
    first.ask(2, leave("2", Some(term)));
    assert_eq!(first.answer(2).await, Ok(()));
    first.stop().await;
}

fn leave(value: &str, term: Option<Term>) -> Question {
    Question::SetCheckpoint { value: value.into(), term }
}

#[tokio::test]
async fn a_medium_without_data_of_the_users_says_so() {
    let first = start("lead-fenced").started().await;
    let work = || Work { commands: vec![vec![b"PING".to_vec()]], checkpoint: None };
    let ping = || Question::Fenced { work: work(), term: None, as_bytes: false };
    first.ask(1, ping());
    let Err(Failure::Medium(error)) = first.answer(1).await else { panic!("it was done") };
    assert_eq!(error.kind, MediumErrorKind::Unfit);
    let second = start("lead-fenced").started().await;
    second.ask(1, ping());
    assert!(matches!(second.answer(1).await, Err(Failure::NotLeader(_))));
    first.stop().await;
    second.stop().await;
}

// ---- What is counted ------------------------------------------------------------------------------------------------

#[tokio::test]
async fn what_happens_is_counted() {
    let first = start("lead-metrics").started().await;
    let metrics = &first.metrics;
    eventually("it has renewed", || metrics.renewals.granted.get() >= 3).await;
    assert_eq!((metrics.takeovers.get(), metrics.reconnects.get()), (1, 0));
    assert_eq!(metrics.leader(), Some(first.instance.clone()));
    assert!(metrics.round_trips().is_some() && metrics.is_connected() && metrics.is_subscribed());
    assert!(metrics.leaderless(clock::now()) >= LEASE, "the first start waits for a lease");
    let draft = Draft { to: Addressee::All, format: Format::Json, body: b"1".to_vec() };
    let second = start("lead-metrics").started().await;
    first.queue.append(draft).unwrap();
    first.queue.flush();
    eventually("it came in", || second.metrics.messages.received.get() == 1).await;
    assert_eq!(metrics.messages.sent.get(), 1);
    first.meddling.is_cut.store(true, Ordering::SeqCst);
    eventually("renewals fail", || metrics.renewals.failed.get() > 0).await;
    first.stop().await;
    assert!(!metrics.is_connected() && metrics.leader().is_none());
    second.stop().await;
}

// ---- At the request of somebody else --------------------------------------------------------------------------------

async fn taking_requests(kind: &str) -> Node {
    start_as(kind, Setup { accepts_requests: true, ..Setup::default() }).started().await
}

impl Node {
    fn is_asked(&self, body: &str) {
        self.hears_on(Channel::Requests, body);
    }

    /// As if it had come in from somebody who is no instance.
    fn hears_on(&self, channel: Channel, body: &str) {
        let envelope =
            r#"{"v":1,"from":"outside:1","term":0,"leads":false,"seq":1,"format":"json"}"#;
        let payload = format!("{envelope}\n{body}").into_bytes();
        self.outbox.send(Notice::Message { channel, payload });
    }
}

#[tokio::test]
async fn a_leader_that_takes_requests_goes_when_it_is_asked_to() {
    let first = taking_requests("lead-asked").await;
    let second = taking_requests("lead-asked").await;
    assert!(first.leads());
    first.is_asked(r#"{"request":"abdicate"}"#);
    first.is_asked(r#"{"request":"transfer","to":"nobody"}"#);
    first.is_asked(r#"{"request":"reelect"}"#);
    assert_eq!(first.drains().await.1, Loss::Reelected);
    eventually("the other leads", || second.leads()).await;
    assert_eq!(first.ear.count(|o| matches!(o, Output::Message(_))), 0, "it is no message");
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_leader_that_is_asked_again_and_again_goes_once() {
    let only = taking_requests("lead-pestered").await;
    only.is_asked(r#"{"request":"reelect"}"#);
    let (term, _) = only.drains().await;
    only.drained(term);
    eventually("it leads again", || only.leads()).await;
    for _ in 0..10 {
        only.is_asked(r#"{"request":"reelect"}"#);
    }
    only.hears_on(Channel::All, "\"the last\"");
    let heard = |o: &Output| matches!(o, Output::Message(_)).then_some(());
    only.ear.until("the message after them", heard).await;
    assert!(only.leads());
    assert_eq!(only.ear.count(|o| matches!(o, Output::Draining { .. })), 1);
    only.stop().await;
}

#[tokio::test]
async fn a_leader_hands_over_to_whom_it_is_asked_to() {
    let first = taking_requests("lead-named").await;
    let others = [taking_requests("lead-named").await, taking_requests("lead-named").await];
    let heir = others[1].instance.clone();
    first.is_asked(&format!(r#"{{"request":"transfer","to":"{}"}}"#, heir.as_str()));
    assert_eq!(first.loses().await.0, Loss::Transferred);
    eventually("the heir leads", || others[1].leads()).await;
    first.stop().await;
    for node in others {
        node.stop().await;
    }
}
