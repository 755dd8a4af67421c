//! Where the fuzzers begin: the golden examples of `fixtures/wire`, and what a server answers in good order.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// The first inputs of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "message" => bodies("messages"),
        "announcement" => bodies("announcements"),
        "instance" => bodies("instances"),
        "registry-change" => bodies("registry-changes"),
        "petition" => PETITIONS.iter().map(|body| body.as_bytes().to_vec()).collect(),
        "register-key" => KEYS.iter().map(|key| key.as_bytes().to_vec()).collect(),
        "look" => looks(),
        "legacy-ballot" => texts(LEGACY_BALLOTS),
        "legacy-record" => texts(LEGACY_RECORDS),
        "legacy-message" => texts(LEGACY_MESSAGES),
        "answer" => answers().iter().map(|answer| answer.to_string().into_bytes()).collect(),
        "resp" => {
            let mut all: Vec<Vec<u8>> = answers().iter().map(resp).collect();
            all.push(resp(&hello()));
            all.push(b"-NOSCRIPT No matching script.\r\n".to_vec());
            all.push(b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\n{}\r\n".to_vec());
            all
        }
        "greeting" => vec![hello().to_string().into_bytes()],
        "options" => options(),
        "url" => texts(URLS),
        other => panic!("there is no target {other}"),
    }
}

const PETITIONS: &[&str] =
    &[r#"{"request":"reelect"}"#, r#"{"request":"transfer","to":"0123456789abcdef01234567"}"#];

const KEYS: &[&str] =
    &["incumbent:{jobs}:register", "team:incumbent:{%}:register", "incumbent:{a%20b}:register"];

fn looks() -> Vec<Vec<u8>> {
    let time = json!(["1790000000", "7"]);
    let registers = read("registers");
    let record = String::from_utf8(bodies("instances").swap_remove(0)).expect("UTF-8");
    let all = registers["accepted"].as_array().expect("a list of examples");
    let (id, seen) = ("0123456789abcdef01234567", json!([["0123456789abcdef01234567", 1.79e12]]));
    all.iter()
        .map(|case| json!([time, case["fields"], { id: record }, seen]).to_string().into_bytes())
        .collect()
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

const LEGACY_BALLOTS: &[&str] = &[
    r#"{"type":"check","from":"k2j5x0q8w3e7r1t9y4u6","currentTerm":3}"#,
    r#"{"type":"request","from":"k2j5x0q8w3e7r1t9y4u6","currentTerm":9007199254740992,"ignore":["a"]}"#,
    r#"{"type":"vote","from":"k2j5x0q8w3e7r1t9y4u6","to":"me","granted":true,"currentTerm":1e999}"#,
    r#"{"type":"check","from":"x","currentTerm":1790000000000000,"incumbent":"x","leads":true}"#,
];

const LEGACY_RECORDS: &[&str] = &[
    r#"{"ts":1790000000000,"meta":{"zone":"eu"},"state":"leader"}"#,
    r#"{"ts":1790000000000.5,"meta":"","state":"follower"}"#,
    r#"{"ts":0,"meta":null,"state":"candidate","incumbent":"x"}"#,
];

const LEGACY_MESSAGES: &[&str] = &[
    r#"{"message":{"a":[1,null,"\ud800"]},"from":"k2j5x0q8w3e7r1t9y4u6","fromLeader":true}"#,
    r#"{"from":"k2j5x0q8w3e7r1t9y4u6"}"#,
    r#"{"message":"x","from":"x","fromLeader":false,"incumbent":"x"}"#,
];

const URLS: &[&str] = &[
    "redis://localhost",
    "redis://user:password@127.0.0.1:6379/3",
    "rediss://:p%40ss@[::1]:6380/0?protocol=resp3",
    "REDIS://h/",
    "redis://h#insecure",
    "unix:///run/redis.sock?db=1&user=me&pass=p%40ss",
    "redis+unix:///a%20b",
];

fn bodies(fixture: &str) -> Vec<Vec<u8>> {
    let fixture = read(fixture);
    ["accepted", "refused"]
        .iter()
        .flat_map(|list| fixture[list].as_array().expect("a list of examples"))
        .map(|case| bytes(&case["body"]))
        // What is over a limit by a megabyte would cost more time than it finds.
        .filter(|body| body.len() <= 40_000)
        .collect()
}

fn answers() -> Vec<Value> {
    let registers = read("registers");
    let record = String::from_utf8(bodies("instances").swap_remove(0)).expect("UTF-8");
    let all = registers["accepted"].as_array().expect("a list of examples");
    all.iter()
        .map(|case| {
            let field = |name: &str| case["fields"][name].clone();
            json!([
                "1",
                "0",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                field("holder"),
                field("term"),
                field("beat"),
                field("stamp"),
                field("server"),
                field("lease"),
                field("heir"),
                case["fields"].get("presence").cloned().unwrap_or_else(|| json!("")),
                "1",
                "42",
                "1",
                "0123456789abcdef01234567",
                record,
            ])
        })
        .chain(answers_to_leaders())
        .collect()
}

/// To a take that brings a checkpoint, to commands that only a leader may give, and to the question where a command's keys stand.
fn answers_to_leaders() -> [Value; 5] {
    let register = ["1", "0", "id", "a:1", "7", "0", "stamp", "id", "800", "", "", ""];
    let with_checkpoint: Vec<&str> =
        register.into_iter().chain(["6", r#"{"cursor":42}"#]).collect();
    [
        json!(with_checkpoint),
        json!(["1", "OK", 2, null, ["a", "b"]]),
        json!(["0"]),
        json!(["3", "2", "WRONGTYPE Operation against a key script: f_1, on @user_script:1."]),
        json!(["mset", -3, ["write", "denyoom"], 1, -1, 2, ["@write"], [], [], []]),
    ]
}

fn hello() -> Value {
    json!({ "server": "redis", "version": "7.0.15", "proto": 3, "id": 5, "mode": "standalone", "role": "master", "modules": [] })
}

fn options() -> Vec<Vec<u8>> {
    let redis = json!({
        "host": "localhost", "port": 6379, "username": null, "password": "p", "db": 0, "tls": null, "keyPrefix": "", "clientName": "incumbent"
    });
    let by_url = json!({ "url": "redis://h/2", "db": 0, "keyPrefix": "{a}", "clientName": "a" });
    let certified = json!({
        "path": "/run/redis.sock", "db": 0, "keyPrefix": "", "clientName": "a",
        "tls": {
            "ca": [{ "path": "ca.pem" }, { "text": "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----" }],
            "cert": { "text": "-----BEGIN CERTIFICATE-----" }, "key": { "path": "key" }, "servername": "h", "rejectUnauthorized": false
        }
    });
    let watched = json!({
        "db": 0, "keyPrefix": "", "clientName": "a",
        "sentinel": { "sentinels": [{ "host": "a", "port": 26379 }, { "host": "::1", "port": 1 }], "name": "main", "password": "p", "tls": null }
    });
    let cluster = json!({
        "db": 0, "keyPrefix": "", "clientName": "a", "cluster": [{ "host": "a", "port": 7000 }]
    });
    [redis, by_url, certified, watched, cluster, Value::Null]
        .into_iter()
        .zip([json!(null), json!(50), json!(10), json!(null), json!(100), json!(null)])
        .map(|(redis, renew)| {
            let options = json!({
                "redis": redis, "medium": "redis", "kind": "orders", "meta": { "a": [1] }, "leaseMs": 800,
                "renewMs": renew, "maxStallMs": 10_000,
                "crashDetection": "connection", "debug": false, "priority": 7, "preempt": true, "eligible": false,
                "minInstances": 3, "drainMs": 5000, "waitReplicas": 1,
            });
            options.to_string().into_bytes()
        })
        .collect()
}

fn resp(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => format!("${}\r\n{text}\r\n", text.len()).into_bytes(),
        Value::Number(number) => format!(":{number}\r\n").into_bytes(),
        Value::Array(parts) => {
            let mut bytes = format!("*{}\r\n", parts.len()).into_bytes();
            bytes.extend(parts.iter().flat_map(resp));
            bytes
        }
        Value::Object(fields) => {
            let mut bytes = format!("%{}\r\n", fields.len()).into_bytes();
            for (name, value) in fields {
                bytes.extend(resp(&name.as_str().into()));
                bytes.extend(resp(value));
            }
            bytes
        }
        _ => b"_\r\n".to_vec(),
    }
}

fn read(fixture: &str) -> Value {
    // From the folder of either crate that this file belongs to.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = [root.join("fixtures/wire"), root.join("../fixtures/wire")];
    let folder = folder.iter().find(|folder| folder.exists()).expect("fixtures/wire");
    let text = fs::read_to_string(folder.join(fixture).with_extension("json")).expect(fixture);
    serde_json::from_str(&text).expect("a fixture is JSON")
}

/// A body as the fixtures write it: text, hexadecimal digits, a text repeated, or a list of these.
fn bytes(body: &Value) -> Vec<u8> {
    match body {
        Value::String(text) => text.clone().into_bytes(),
        Value::Array(parts) => parts.iter().flat_map(bytes).collect(),
        _ => match body["hex"].as_str() {
            Some(digits) => digits.as_bytes().chunks(2).map(byte).collect(),
            None => {
                let times = body["times"].as_u64().expect("times") as usize;
                body["repeat"].as_str().expect("repeat").repeat(times).into_bytes()
            }
        },
    }
}

fn byte(pair: &[u8]) -> u8 {
    u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("two digits")
}
