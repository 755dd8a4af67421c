use incumbent::{Candidate, ErrorCode, Event, Options, Reply, Writes};

use crate::kit::{candidate, eventually, in_memory, kind, next, soon};
use crate::redis_server::RedisServer;

#[tokio::test]
async fn the_next_leader_finds_what_the_last_one_left() {
    let kind = kind();
    let (first, second) = (candidate(&kind), candidate(&kind));
    first.start().await.unwrap();
    assert_eq!(first.checkpoint::<u32>().await.unwrap(), None);
    first.set_checkpoint(&7).await.unwrap();
    let mut events = second.events();
    second.start().await.unwrap();
    assert_eq!(second.set_checkpoint(&8).await.unwrap_err().code(), ErrorCode::NotLeader);
    first.stop().await;
    let elected = |event| if let Event::Elected(reign) = event { Some(reign) } else { None };
    let reign = next("it is elected", &mut events, elected).await;
    assert_eq!(reign.checkpoint::<u32>().unwrap(), Some(7));
    assert_eq!(reign.checkpoint::<String>().unwrap_err().code(), ErrorCode::InvalidMessage);
    reign.set_checkpoint(&9).await.unwrap();
    assert_eq!(second.checkpoint::<u32>().await.unwrap(), Some(9));
    second.reelect().await.unwrap();
    assert_eq!(reign.set_checkpoint(&10).await.unwrap_err().code(), ErrorCode::NotLeader);
}

#[tokio::test]
async fn only_the_leader_of_the_term_writes() {
    let server = RedisServer::start();
    let options = || Options::new().redis(server.url()).kind("writers");
    let leader = Candidate::new(options()).unwrap();
    let mut events = leader.events();
    leader.start().await.unwrap();
    let follower = Candidate::new(options()).unwrap();
    follower.start().await.unwrap();
    let elected = |event| if let Event::Elected(reign) = event { Some(reign) } else { None };
    let reign = next("it is elected", &mut events, elected).await;

    let writes = || {
        Writes::new()
            .command(["SET", "key", "value"])
            .command([b"SETRANGE".as_slice(), b"bytes", b"0", &[0xff, 0]])
            .command(["MGET", "key", "none"])
            .checkpoint(&"done")
    };
    let replies = reign.fenced(writes()).await.unwrap();
    let list = Reply::List(vec![Reply::Bytes(b"value".to_vec()), Reply::Nil]);
    assert_eq!(replies, [Reply::Status("OK".into()), Reply::Integer(2), list]);
    assert_eq!((replies[0].as_str(), replies[1].as_integer()), (Some("OK"), Some(2)));
    assert_eq!(server.query::<Vec<u8>>(&["GET", "bytes"]), [0xff, 0]);
    assert_eq!(leader.checkpoint::<String>().await.unwrap().as_deref(), Some("done"));

    let error = follower.fenced(writes()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotLeader);
    leader.transfer_to(follower.id()).await.unwrap();
    eventually("the other one leads", || follower.is_leader()).await;
    let error = soon("it is refused", reign.fenced(writes())).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotLeader);
    leader.stop().await;
    follower.stop().await;
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_before_anything_is_sent() {
    let candidate = candidate(&kind());
    candidate.start().await.unwrap();
    for (writes, code) in [
        (Writes::new(), ErrorCode::InvalidArgument),
        (Writes::new().command([""; 0]), ErrorCode::InvalidArgument),
        (Writes::new().command(vec!["X"; 5000]), ErrorCode::LimitExceeded),
        (Writes::new().checkpoint(&"x".repeat(70_000)), ErrorCode::LimitExceeded),
        // Nor has the memory of a process any commands.
        (Writes::new().command(["PING"]), ErrorCode::InvalidArgument),
    ] {
        assert_eq!(candidate.fenced(writes).await.unwrap_err().code(), code);
    }
    let other = Candidate::new(in_memory(&kind())).unwrap();
    let error = other.fenced(Writes::new().command(["PING"])).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotStarted);
}
