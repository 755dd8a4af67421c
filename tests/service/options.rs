//! The options are those of index.d.ts: the same names, units, bounds and defaults, and the same texts where one is wrong.

use std::collections::BTreeMap;
use std::fs;

use incumbent::{Candidate, Options, Redis, Sentinels, Tls};

use crate::kit::secret;

fn refusal(options: Options) -> String {
    Candidate::new(options).expect_err("it is wrong").to_string()
}

#[test]
fn each_option_has_the_bounds_and_the_default_of_the_typings() {
    let typings = options_of_typings();
    let setters = options_of_source();
    for (name, told) in &typings {
        // What a service in Rust has otherwise: by `memory()`, and the other two not at all.
        if ["medium", "maxStallMs", "migrate"].contains(&name.as_str()) {
            continue;
        }
        let own = setters.get(&snake(name)).unwrap_or_else(|| panic!("there is no {name}"));
        assert_eq!(own, told, "{name}");
    }
    assert!(typings.len() > 14, "{typings:?}");
}

/// Minimum, maximum and default of each.
type Bounds = [Option<String>; 3];

fn options_of_typings() -> BTreeMap<String, Bounds> {
    let text = fs::read_to_string("index.d.ts").unwrap();
    let interface = text.split("export interface Options").nth(1).unwrap();
    let interface = interface.split("\n}\n").next().unwrap();
    let mut options = BTreeMap::new();
    for part in interface.split("/**").skip(1) {
        let (comment, rest) = part.split_once("*/").unwrap();
        let name = rest.trim().split('?').next().unwrap().to_owned();
        let line = |word: &str| {
            let line = comment.lines().map(|line| line.trim_start_matches([' ', '*']));
            let found = line.filter_map(|line| line.strip_prefix(word)).next();
            found.map(|text| plain(text.trim_end_matches('.')))
        };
        options.insert(name, [line("Minimum: "), line("Maximum: "), line("@default ")]);
    }
    options
}

fn options_of_source() -> BTreeMap<String, Bounds> {
    let text = fs::read_to_string("src/api/options.rs").unwrap();
    let mut comment = String::new();
    let mut options = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if let Some(more) = line.strip_prefix("///") {
            comment.push_str(more);
        } else if let Some(rest) = line.strip_prefix("pub fn ") {
            let name = rest.split(['(', '<']).next().unwrap().to_owned();
            let part = |word: &str| {
                let (_, rest) = comment.split_once(word)?;
                let end = rest.find(". ").unwrap_or(rest.len());
                Some(plain(rest[..end].trim_end_matches('.')))
            };
            options.insert(name, [part("Minimum: "), part("Maximum: "), part("Default: ")]);
            comment.clear();
        } else {
            comment.clear();
        }
    }
    options
}

fn plain(text: &str) -> String {
    text.replace(['`', '\''], "")
}

fn snake(name: &str) -> String {
    name.chars().fold(String::new(), |mut snake, letter| {
        if letter.is_uppercase() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
        snake
    })
}

#[test]
fn numbers_are_taken_at_their_bounds_and_refused_beyond_them() {
    let at_the_bounds = [
        Options::new().lease_ms(100),
        Options::new().lease_ms(600_000),
        Options::new().lease_ms(801).renew_ms(200),
        Options::new().renew_ms(10),
        Options::new().priority(-1000),
        Options::new().priority(1000),
        Options::new().min_instances(1),
        Options::new().min_instances(10_000),
        Options::new().drain_ms(0),
        Options::new().drain_ms(600_000),
        Options::new().wait_replicas(100),
        Options::new().kind("x".repeat(128)),
        Options::new().meta(&"x".repeat(16_382)),
        Options::new().message_secret("x".repeat(16)),
        Options::new().message_secret("x".repeat(1024)),
        Options::new().redis(Redis::default().db(2_147_483_647).key_prefix("x".repeat(256))),
    ];
    for options in at_the_bounds {
        Candidate::new(options.clone()).unwrap_or_else(|error| panic!("{options:?}: {error}"));
    }
    let beyond = [
        (
            Options::new().lease_ms(99),
            "ERR_INVALID_OPTION: option \"leaseMs\" must be an integer from 100 to 600000 (milliseconds); got 99",
        ),
        (
            Options::new().lease_ms(600_001),
            "ERR_INVALID_OPTION: option \"leaseMs\" must be an integer from 100 to 600000 (milliseconds); got 600001",
        ),
        (
            Options::new().renew_ms(9),
            "ERR_INVALID_OPTION: option \"renewMs\" must be an integer of at least 10 (milliseconds); got 9",
        ),
        (
            Options::new().lease_ms(802).renew_ms(201),
            "ERR_INVALID_OPTION: renewMs (201) must be at most a quarter of leaseMs (802), which is 200.5",
        ),
        (
            Options::new().priority(-1001),
            "ERR_INVALID_OPTION: option \"priority\" must be an integer from -1000 to 1000; got -1001",
        ),
        (
            Options::new().min_instances(0),
            "ERR_INVALID_OPTION: option \"minInstances\" must be an integer from 1 to 10000; got 0",
        ),
        (
            Options::new().drain_ms(600_001),
            "ERR_INVALID_OPTION: option \"drainMs\" must be an integer from 0 to 600000 (milliseconds); got 600001",
        ),
        (
            Options::new().wait_replicas(101),
            "ERR_INVALID_OPTION: option \"waitReplicas\" must be an integer from 0 to 100; got 101",
        ),
        (
            Options::new().kind("x".repeat(129)),
            "ERR_LIMIT_EXCEEDED: option \"kind\" must be at most 128 bytes in UTF-8; got 129 bytes",
        ),
        (
            Options::new().meta(&"x".repeat(16_383)),
            "ERR_LIMIT_EXCEEDED: option \"meta\" must be at most 16384 bytes as JSON; got 16385 bytes",
        ),
        (
            Options::new().message_secret("short"),
            "ERR_INVALID_OPTION: option \"messageSecret\" must have at least 16 bytes; got 5 bytes",
        ),
        (
            Options::new().message_secrets(vec!["x".repeat(16); 5]),
            "ERR_INVALID_OPTION: option \"messageSecret\" must be one secret, or a list of 1 to 4; got a list of 5",
        ),
    ];
    for (options, text) in beyond {
        assert_eq!(refusal(options), text);
    }
}

#[test]
fn what_is_wrong_with_the_server_is_told_without_a_secret() {
    let hidden = secret("hidden");
    let with_password = || Redis::default().password(&hidden);
    let ask = || async { Ok::<_, String>(incumbent::Credentials::new("x")) };
    let nobody: [&str; 0] = [];
    for (redis, words) in [
        (Redis::url(format!("http://:{hidden}@host")), "must be a URL like redis://"),
        (Redis::url(format!("redis://:{hidden}@:bad")), "must be a URL like redis://"),
        (Redis::server(format!("user:{hidden}@host"), 6379), "\"redis.host\" must be a host name"),
        (Redis::server("host", 0), "\"redis.port\" must be an integer from 1 to 65535"),
        (Redis::socket(""), "\"redis.path\" must be the path of a Unix socket"),
        (with_password().db(1 << 31), "\"redis.db\" must be an integer from 0 to 2147483647"),
        (with_password().key_prefix("a{}"), "must not hold an empty hash tag {}"),
        (with_password().client_name("two words"), "must be of visible ASCII characters"),
        (with_password().client_name("x".repeat(65)), "must be at most 64 bytes"),
        (with_password().credentials(ask), "must be left out with a password"),
        (Redis::socket("/run/redis").tls(Tls::new()), "must be left out with a Unix socket"),
        (with_password().tls(Tls::new().ca(format!("-----BEGIN {hidden}"))), "tls"),
        (Redis::cluster(["a"]).db(1), "a cluster has database 0 alone; redis.db is 1"),
        (Redis::cluster(nobody), "\"redis.cluster\" must be a list of servers"),
        (Redis::cluster(["a", "b:0"]), "\"redis.cluster[1].port\" must be an integer"),
        (Redis::sentinels(Sentinels::new(["a"], "")), "redis.sentinels needs redis.name"),
        (Redis::sentinels(Sentinels::new(nobody, "m")), "\"redis.sentinels\" must be a list"),
    ] {
        assert!(!format!("{redis:?}").contains(&hidden), "{redis:?}");
        let text = refusal(Options::new().redis(redis));
        assert!(text.contains(words), "{text}");
        assert!(text.starts_with("ERR_INVALID_OPTION") || text.starts_with("ERR_LIMIT"), "{text}");
        assert!(!text.contains(&hidden), "{text}");
    }
}
