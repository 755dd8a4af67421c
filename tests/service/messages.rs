use incumbent::{Bytes, Candidate, Channel, ErrorCode, Event, Message, SenderRole};
use serde::{Deserialize, Serialize};

use crate::kit::{in_memory, kind, next, pair, secret, soon, text};

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Job {
    name: String,
    size: u32,
}

fn message(event: Event) -> Option<Message> {
    if let Event::Message(message) = event { Some(message) } else { None }
}

#[tokio::test]
async fn a_message_comes_to_whom_it_was_sent() {
    let (leader, follower) = pair().await;
    let (mut to_leader, mut to_follower) = (leader.events(), follower.events());
    follower.message_leader("to the leader").await.unwrap();
    let received = next("it comes", &mut to_leader, message).await;
    assert_eq!((received.from(), received.channel()), (follower.id(), Channel::Leader));
    assert_eq!(received.sender_role(), Some(SenderRole::Follower));
    assert_eq!(received.json::<&str>().unwrap(), "to the leader");

    leader.message_followers("to the followers").await.unwrap();
    leader.message_to(follower.id(), "to one").await.unwrap();
    leader.message_all("to all").await.unwrap();
    for expected in ["to the followers", "to one", "to all"] {
        assert_eq!(next("it comes", &mut to_follower, text).await, expected);
    }
    leader.message_to("nobody", "lost").await.unwrap();
}

#[tokio::test]
async fn values_and_bytes_arrive_as_what_they_were() {
    let (leader, follower) = pair().await;
    let mut events = follower.events();
    let job = Job { name: "resize".into(), size: 7 };
    leader.message_all(&job).await.unwrap();
    leader.message_all(Bytes(vec![0xff, 0])).await.unwrap();
    leader.message_all(&()).await.unwrap();

    let received = next("it comes", &mut events, message).await;
    assert_eq!(received.json::<Job>().unwrap(), job);
    assert_eq!(received.json::<u32>().unwrap_err().code(), ErrorCode::InvalidMessage);
    assert_eq!(received.bytes(), None);

    let received = next("it comes", &mut events, message).await;
    assert_eq!(received.bytes(), Some([0xff, 0].as_slice()));
    assert_eq!(received.json::<Vec<u8>>().unwrap_err().code(), ErrorCode::InvalidMessage);

    let received = next("it comes", &mut events, message).await;
    assert_eq!(received.json::<Option<Job>>().unwrap(), None);
}

#[tokio::test]
async fn what_is_sent_without_waiting_comes_in_order_and_each_is_answered() {
    const COUNT: usize = 1000;
    let (leader, follower) = pair().await;
    let mut events = follower.events();
    let sent: Vec<_> = (0..COUNT).map(|number| leader.message_all(&number)).collect();
    for one in sent {
        soon("it is taken", one).await.unwrap();
    }
    for expected in 0..COUNT {
        let received = next("it comes", &mut events, message).await;
        assert_eq!(received.json::<usize>().unwrap(), expected);
    }
    assert_eq!(leader.stats().messages.sent, COUNT as u64);
}

#[tokio::test]
async fn what_a_receiver_would_drop_is_refused_at_once() {
    let (leader, _follower) = pair().await;
    let too_large = leader.message_all(&"x".repeat(1 << 20)).await.unwrap_err();
    assert_eq!(too_large.code(), ErrorCode::LimitExceeded);
    let deep: serde_json::Value =
        serde_json::from_str(&format!("{}{}", "[".repeat(127), "]".repeat(127))).unwrap();
    let deep = serde_json::json!([[deep]]);
    assert_eq!(leader.message_all(&deep).await.unwrap_err().code(), ErrorCode::LimitExceeded);
    let long_id = leader.message_to(&"x".repeat(129), "hello").await.unwrap_err();
    assert_eq!(long_id.code(), ErrorCode::LimitExceeded);
    let unspeakable = std::collections::HashMap::from([(vec![1], 1)]);
    let error = leader.message_all(&unspeakable).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidMessage);
}

#[tokio::test]
async fn with_a_secret_only_those_who_share_it_are_heard() {
    let kind = kind();
    let with = |secret: &str| Candidate::new(in_memory(&kind).message_secret(secret)).unwrap();
    let (first, second, stranger) =
        (with(&secret("ours")), with(&secret("ours")), with(&secret("theirs")));
    for one in [&first, &second, &stranger] {
        one.start().await.unwrap();
    }
    let mut events = second.events();
    stranger.message_all("forged").await.unwrap();
    first.message_all("true").await.unwrap();
    let warned = next("it is told", &mut events, |event| match event {
        Event::Warning(warning) => Some(warning.code()),
        _ => None,
    });
    assert_eq!(warned.await, ErrorCode::MessageDropped);
    assert_eq!(next("it comes", &mut events, text).await, "true");
}
