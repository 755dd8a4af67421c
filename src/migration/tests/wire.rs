//! The bytes of the old wire.

use proptest::prelude::*;
use serde_json::value::RawValue;

use crate::election::InstanceId;
use crate::messaging::{Format, LegacyChannel};
use crate::migration::LegacyState;
use crate::migration::wire::*;

fn id(text: &str) -> InstanceId {
    InstanceId::new(text)
}

#[test]
fn names_are_those_of_the_old_library() {
    let names: Vec<String> = [
        LegacyChannel::Ballots,
        LegacyChannel::All,
        LegacyChannel::Followers,
        LegacyChannel::Leader,
        LegacyChannel::Instance(id("abc")),
    ]
    .iter()
    .map(|channel| channel_name("svc", channel))
    .collect();
    assert_eq!(
        names,
        [
            "consensus-events:svc",
            "consensus-messages:svc",
            "consensus-messages:svc:followers",
            "consensus-messages:svc:leader",
            "consensus-messages:svc:abc",
        ]
    );
    assert_eq!(record_prefix(""), "consensus-nodes::");
}

#[test]
fn a_key_is_that_of_a_record_of_this_very_kind_or_of_none() {
    let of_svc = |key| id_of_key("svc", key).map(|id| id.as_str().to_owned());
    assert_eq!(of_svc("consensus-nodes:svc:0ab9"), Some("0ab9".to_owned()));
    for other in [
        "consensus-nodes:svc:",
        "consensus-nodes:svc:a:0ab9",
        "consensus-nodes:svc2:0ab9",
        "consensus-nodes:svc:A",
        "consensus-nodes:0ab9",
        "other:svc:0ab9",
        "",
    ] {
        assert_eq!(of_svc(other), None, "{other}");
    }
    assert_eq!(id_of_key("", "consensus-nodes::0ab9"), Some(id("0ab9")));
    assert_eq!(id_of_key("", "consensus-nodes:svc:0ab9"), None);
}

#[test]
fn a_kind_is_no_pattern() {
    assert_eq!(record_pattern("a*?[b]\\^-c"), r"consensus\-nodes:a\*\?\[b\]\\\^\-c:*");
}

#[test]
fn a_check_is_written_as_the_old_ones_read_it() {
    let check = Ballot {
        subject: Subject::Check,
        from: id("x"),
        to: None,
        is_granted: false,
        term: Term::new(1_790_000_000_000_000),
        speaker: Some(id("x")),
        leads: true,
        is_stand_in: false,
    };
    let text = String::from_utf8(check.encode()).unwrap();
    let expected = r#"{"type":"check","from":"x","currentTerm":1790000000000000,"incumbent":"x","leads":true}"#;
    assert_eq!(text, expected);
    let in_its_place = Ballot { speaker: Some(id("y")), is_stand_in: true, ..check.clone() };
    assert_eq!(Ballot::decode(text.as_bytes()), Some(check));
    let text = String::from_utf8(in_its_place.encode()).unwrap();
    let expected = r#"{"type":"check","from":"x","currentTerm":1790000000000000,"incumbent":"y","leads":true,"standsIn":true}"#;
    assert_eq!(text, expected);
    assert_eq!(Ballot::decode(text.as_bytes()), Some(in_its_place));
}

#[test]
fn a_vote_answers_whoever_asked() {
    let request = br#"{"type":"request","from":"a","currentTerm":3,"ignore":["b"]}"#;
    let request = Ballot::decode(request).unwrap();
    let vote = Ballot::vote(&id("me"), &request, true, request.term);
    let text = String::from_utf8(vote.encode()).unwrap();
    let expected =
        r#"{"type":"vote","from":"me","to":"a","granted":true,"currentTerm":3,"incumbent":"me"}"#;
    assert_eq!(text, expected);
}

#[test]
fn terms_are_whatever_javascript_takes_for_a_number() {
    let term = |json: &str| {
        let ballot = format!(r#"{{"type":"vote","from":"a","currentTerm":{json}}}"#);
        Ballot::decode(ballot.as_bytes()).map(|ballot| ballot.term)
    };
    assert_eq!(term("7"), Some(Term::new(7)));
    assert_eq!(term("-0"), Some(Term::ZERO));
    assert!(term("1e999") > term("1e300") && term("1e300") > term("9007199254740993"));
    assert_eq!(term("null"), term("1e999"), "as JSON.stringify() says Infinity");
    assert!(term("-1e999") < term("-1.5") && term("-1.5") < Some(Term::ZERO));
    for none in ["\"7\"", "[]", "{}", "true", "NaN", ""] {
        assert_eq!(term(none), None, "{none}");
    }
}

#[test]
fn what_is_no_ballot_is_none() {
    let long = format!(r#"{{"type":"vote","from":"{}","currentTerm":1}}"#, "x".repeat(200));
    for junk in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"type":"other","from":"a","currentTerm":1}"#,
        r#"{"type":"vote","currentTerm":1}"#,
        r#"{"type":"vote","from":"","currentTerm":1}"#,
        r#"{"type":"vote","from":7,"currentTerm":1}"#,
        r#"{"type":"vote","from":"a"}"#,
        r#"{"type":"vote","from":"a","currentTerm":1,"granted":"yes"}"#,
        &long,
    ] {
        assert_eq!(Ballot::decode(junk.as_bytes()), None, "{junk}");
    }
    assert_eq!(Ballot::decode(&vec![b' '; MAX_BALLOT_BYTES + 1]), None);
}

#[test]
fn a_record_whose_meta_is_too_much_for_us_is_that_of_an_instance_all_the_same() {
    let meta = |json: &str| {
        let record = format!(r#"{{"ts":1.5,"meta":{json},"state":"candidate"}}"#);
        Record::decode(record.as_bytes()).map(|record| record.meta.get().to_owned())
    };
    assert_eq!(meta("{\"a\":[1]}").as_deref(), Some("{\"a\":[1]}"));
    assert_eq!(meta("null").as_deref(), Some("\"\""));
    assert_eq!(meta(&format!("\"{}\"", "x".repeat(17_000))).as_deref(), Some("\"\""));
    let deep = format!("{}{}", "[".repeat(129), "]".repeat(129));
    assert_eq!(meta(&deep).as_deref(), Some("\"\""));
    assert_eq!(Record::decode(&vec![b' '; MAX_RECORD_BYTES]).map(|record| record.ts), None);
    let without = Record::decode(br#"{"ts":1,"state":"leader"}"#).unwrap();
    assert_eq!((without.meta.get(), without.is_new), ("\"\"", false));
}

#[test]
fn a_record_of_ours_is_known_as_such() {
    let meta = RawValue::from_string("{\"zone\":1}".to_owned()).unwrap();
    let bytes = Record::encode(&id("me"), 1_790_000_000_000, &meta, LegacyState::Leader);
    let expected = r#"{"ts":1790000000000,"meta":{"zone":1},"state":"leader","incumbent":"me"}"#;
    assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
    let record = Record::decode(&bytes).unwrap();
    assert!(record.is_new && record.state == LegacyState::Leader);
}

fn read(text: &str) -> Option<Letter<'_>> {
    decode_message(text.as_bytes())
}

#[test]
fn any_json_value_passes_and_none_is_undefined() {
    for body in ["null", "\"\"", "0", "[1,{}]", "{\"a\":null}", "\"\\ud800\""] {
        let text = format!(r#"{{"message":{body},"from":"a","fromLeader":true}}"#);
        let expected = Message { from: id("a"), is_from_leader: true, body: Some(body) };
        assert_eq!(read(&text), Some(Letter::Old(expected)));
    }
    let undefined = Message { from: id("a"), is_from_leader: false, body: None };
    assert_eq!(read(r#"{"from":"a"}"#), Some(Letter::Old(undefined)));
}

#[test]
fn messages_are_written_as_the_old_ones_read_them() {
    let write = |format, body: &[u8], leads| {
        String::from_utf8(encode_message(&id("me"), format, body, leads)).unwrap()
    };
    let json = write(Format::Json, b"[1]", Some(false));
    assert_eq!(json, r#"{"message":[1],"from":"me","fromLeader":false,"incumbent":"me"}"#);
    let to_leader = write(Format::Json, b"\"x\"", None);
    assert_eq!(to_leader, r#"{"message":"x","from":"me","incumbent":"me"}"#);
    let undefined = write(Format::Undefined, b"", Some(true));
    assert_eq!(undefined, r#"{"from":"me","fromLeader":true,"incumbent":"me"}"#);
    let bytes = write(Format::Bytes, &[0, 255], None);
    let expected = r#"{"message":{"type":"Buffer","data":[0,255]},"from":"me","incumbent":"me"}"#;
    assert_eq!(bytes, expected);
    for ours in [json, to_leader, undefined, bytes] {
        assert_eq!(read(&ours), Some(Letter::New));
    }
}

#[test]
fn what_is_no_message_is_none() {
    let deep = format!(r#"{{"from":"a","message":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for junk in
        ["", "7", "{}", r#"{"message":1}"#, r#"{"message":1,"from":""}"#, "{\"from\"", &deep]
    {
        assert_eq!(read(junk), None, "{junk}");
    }
    assert_eq!(decode_message(&[0xff, 0xfe]), None);
    assert_eq!(decode_message(&vec![b' '; MAX_LEGACY_MESSAGE_BYTES + 1]), None);
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9]{1,24}", "\\PC{1,20}"]
}

proptest! {
    #[test]
    fn a_ballot_is_read_as_it_was_written(
        subject in prop::sample::select(vec![Subject::Request, Subject::Vote, Subject::Check]),
        from in name(), to in prop::option::of(name()), speaker in prop::option::of(name()),
        is_granted: bool, leads: bool, is_stand_in: bool, term in prop_oneof![any::<f64>(), (0..1_u64 << 53).prop_map(|term| term as f64)],
    ) {
        prop_assume!(!term.is_nan());
        let number = if term.is_infinite() { format!("{}1e999", if term < 0.0 { "-" } else { "" }) } else { term.to_string() };
        let seed = format!(r#"{{"type":"check","from":"a","currentTerm":{number}}}"#);
        let term = Ballot::decode(seed.as_bytes()).unwrap().term;
        let ballot = Ballot {
            subject, from: InstanceId::new(from), to: to.map(InstanceId::new), term,
            is_granted: is_granted && subject == Subject::Vote,
            leads: leads && subject == Subject::Check && speaker.is_some(),
            is_stand_in: is_stand_in && subject == Subject::Check && speaker.is_some(),
            speaker: speaker.map(InstanceId::new),
        };
        prop_assert_eq!(Ballot::decode(&ballot.encode()), Some(ballot));
    }

    #[test]
    fn an_id_is_found_again_in_its_key_whatever_the_kind(kind in "\\PC{0,20}", id in "[a-z0-9]{1,24}") {
        let key = format!("{}{id}", record_prefix(&kind));
        prop_assert_eq!(id_of_key(&kind, &key), Some(InstanceId::new(id)));
    }

    #[test]
    fn bytes_of_any_kind_do_no_harm(bytes: Vec<u8>) {
        let _ = (Ballot::decode(&bytes), Record::decode(&bytes), decode_message(&bytes));
    }
}
