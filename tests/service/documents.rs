//! What both languages say of the crate.

use std::fs;

/// Programs know errors by their codes, in either language.
#[test]
fn the_codes_of_errors_are_those_of_the_typings() {
    let typings = fs::read_to_string("index.d.ts").unwrap();
    let source = fs::read_to_string("src/error.rs").unwrap();
    let codes = |text: &str, quote: char| -> std::collections::BTreeSet<String> {
        let quoted = text.split(quote).filter(|part| part.starts_with("ERR_"));
        quoted
            .filter(|part| part.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
            .map(str::to_owned)
            .collect()
    };
    let (theirs, ours) = (codes(&typings, '\''), codes(&source, '"'));
    let only_theirs: Vec<_> = theirs.difference(&ours).collect();
    let only_ours: Vec<_> = ours.difference(&theirs).collect();
    assert_eq!(only_theirs, ["ERR_NATIVE_MISSING"]);
    assert_eq!(only_ours, ["ERR_LEAD_FAILED", "ERR_NO_RUNTIME"]);
}
