//! URLs, keys and channels.

use std::sync::Arc;

use crate::election::InstanceId;
use crate::medium::Channel;
use crate::medium::redis::keys::Names;
use crate::medium::redis::{Endpoint, Target};

fn target(host: &str, port: u16) -> Target {
    Target::new(Endpoint::tcp(host, port))
}

fn socket(path: &str) -> Target {
    Target::new(Endpoint::Unix(path.into()))
}

#[test]
fn urls_are_read() {
    for (url, expected) in [
        ("redis://localhost", target("localhost", 6379)),
        ("redis://10.0.0.1:7000/", target("10.0.0.1", 7000)),
        ("redis://[::1]:7000", target("::1", 7000)),
        ("REDIS://localhost:1/3", Target { db: 3, ..target("localhost", 1) }),
        (
            "rediss://redis.example",
            Target { tls: Some(Arc::default()), ..target("redis.example", 6379) },
        ),
        (
            "redis://me:p%40ss%2Fword@h",
            Target {
                username: Some("me".into()),
                password: Some("p@ss/word".into()),
                ..target("h", 6379)
            },
        ),
        (
            "redis://:canary-4e1d@h",
            Target { password: Some("canary-4e1d".into()), ..target("h", 6379) },
        ),
        ("unix:///run/redis.sock", socket("/run/redis.sock")),
        ("UNIX:///a%20b?db=3", Target { db: 3, ..socket("/a b") }),
        (
            "redis+unix:///s?user=me&pass=p%40ss",
            Target { username: Some("me".into()), password: Some("p@ss".into()), ..socket("/s") },
        ),
    ] {
        assert_eq!(Target::parse(url), Ok(expected), "{url}");
    }
}

#[test]
fn what_is_no_url_of_redis_is_refused_without_repeating_it() {
    for url in [
        "",
        "localhost:6379",
        "http://me:canary-4e1d@h",
        "unix://canary-4e1d",
        "unix://me:canary-4e1d@/path",
        "unix:///",
        "unix:///path?db=canary-4e1d",
        "redis+unix:canary-4e1d",
        "redis://",
        "redis://me:canary-4e1d@h/x",
        "redis://me:canary-4e1d@h/-1",
        "redis://me:canary-4e1d@h:99999",
        "rediss://me:canary-4e1d@h/#insecure",
        "rediss://me:canary-4e1d@h/#secret",
        "redis://me:secret%ff@h",
    ] {
        let message = Target::parse(url).expect_err(url);
        assert!(!message.contains("canary-4e1d"), "{url}: {message}");
        assert!(message.starts_with("the URL"), "{message}");
    }
}

#[test]
fn an_address_is_written_as_usual() {
    assert_eq!(target("localhost", 6379).address(), "localhost:6379");
    assert_eq!(target("::1", 6379).address(), "[::1]:6379");
    assert_eq!(socket("/run/redis.sock").address(), "/run/redis.sock");
}

#[test]
fn a_target_does_not_show_its_password() {
    let target = Target { password: Some("canary-4e1d".into()), ..target("h", 1) };
    let shown = format!("{target:?}");
    assert!(shown.contains("***") && !shown.contains("canary-4e1d"), "{shown}");
}

#[test]
fn all_names_of_a_kind_bear_its_hash_tag() {
    let names = Names::new("", "a {b}:*", 2);
    assert_eq!(names.register, "incumbent:{a%20%7Bb%7D%3A%2A}:register");
    assert_eq!(names.instances, "incumbent:{a%20%7Bb%7D%3A%2A}:instances");
    assert_eq!(names.seen, "incumbent:{a%20%7Bb%7D%3A%2A}:seen");
    assert_eq!(names.revision, "incumbent:{a%20%7Bb%7D%3A%2A}:revision");
    let id = Channel::Instance(InstanceId::new("x:y"));
    assert_eq!(names.channel(&id), "incumbent:{a%20%7Bb%7D%3A%2A}:2:instance:x%3Ay");
}

#[test]
fn a_prefix_stands_before_every_name() {
    let (plain, prefixed) = (Names::new("", "svc", 0), Names::new("team-a:", "svc", 0));
    for (plain, prefixed) in [
        (plain.register, prefixed.register),
        (plain.instances, prefixed.instances),
        (plain.seen, prefixed.seen),
        (plain.revision, prefixed.revision),
    ] {
        assert_eq!(prefixed, format!("team-a:{plain}"));
    }
    let names = Names::new("{t}", "svc", 0);
    assert_eq!(names.channel(&Channel::All), "{t}incumbent:{svc}:0:all");
    assert_eq!(names.presence_prefix(), "{t}incumbent:{svc}:0:presence:");
}

#[test]
fn an_empty_kind_has_a_name_of_its_own() {
    let names = Names::new("", "", 0);
    assert_eq!(names.channel(&Channel::Election), "incumbent:{%}:0:election");
    assert_eq!(names.channel(&Channel::Registry), "incumbent:{%}:0:registry");
    assert_eq!(names.channel(&Channel::All), "incumbent:{%}:0:all");
    assert_eq!(names.channel(&Channel::Leader), "incumbent:{%}:0:leader");
    assert_eq!(names.channel(&Channel::Followers), "incumbent:{%}:0:followers");
}
