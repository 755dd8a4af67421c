//! Holds the arrows of import that ARCHITECTURE.md draws, and the rules that keep the core pure.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module with what it may import from this crate.
const ARROWS: &[(&str, &[&str])] = &[
    ("election", &[]),
    ("membership", &["election"]),
    ("messaging", &["election"]),
    ("wire", &["election", "membership", "messaging"]),
    ("authentication", &["election", "messaging", "wire"]),
    ("migration", &["election", "membership", "messaging", "wire"]),
    ("clock", &["election"]),
    ("random", &[]),
    ("lifeline", &[]),
    ("metrics", &["election"]),
    (
        "medium",
        &[
            "election",
            "membership",
            "messaging",
            "wire",
            "migration",
            "clock",
            "random",
            "lifeline",
        ],
    ),
    (
        "driver",
        &[
            "election",
            "membership",
            "messaging",
            "wire",
            "authentication",
            "migration",
            "clock",
            "medium",
            "lifeline",
            "metrics",
        ],
    ),
    ("doctor", &["medium", "clock", "random"]),
    (
        "observer",
        &[
            "election",
            "membership",
            "messaging",
            "wire",
            "authentication",
            "migration",
            "clock",
            "medium",
            "random",
        ],
    ),
    ("simulation", &["election"]),
    (
        "candidate",
        &[
            "election",
            "membership",
            "medium",
            "driver",
            "authentication",
            "doctor",
            "clock",
            "random",
            "lifeline",
            "metrics",
            "wire",
        ],
    ),
    ("error", &["driver", "medium"]),
    ("limits", &["error", "medium", "wire"]),
    (
        "api",
        &[
            "election",
            "messaging",
            "wire",
            "medium",
            "driver",
            "authentication",
            "candidate",
            "error",
            "limits",
        ],
    ),
    (
        "node",
        &[
            "doctor",
            "observer",
            "election",
            "messaging",
            "wire",
            "medium",
            "driver",
            "candidate",
            "metrics",
            "error",
            "limits",
        ],
    ),
];

/// What a pure module must not name.
const IMPURE: &[&str] =
    &["tokio", "redis::", "napi", "std::time::Instant", "SystemTime", "getrandom", "std::thread"];

#[test]
fn modules_import_only_along_the_arrows() {
    for (module, allowed) in ARROWS {
        for (file, code) in sources_of(module) {
            for imported in crate_imports(&code) {
                assert!(
                    imported == *module || allowed.contains(&imported.as_str()),
                    "{} imports {imported}, which no arrow allows",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn every_module_has_its_arrows() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules = lib.lines().map(|line| line.trim_start_matches("pub "));
    for module in modules.filter_map(|line| line.strip_prefix("mod ")) {
        let module = module.trim_end_matches(';');
        assert!(ARROWS.iter().any(|(name, _)| *name == module), "{module} has no arrows");
    }
}

/// What the crate promises is what the root re-exports; every module is private, or hidden from the documents.
#[test]
fn no_internal_module_is_shown_in_the_documents() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let lines: Vec<&str> = lib.lines().collect();
    for pair in lines.windows(2).filter(|pair| pair[1].starts_with("pub mod ")) {
        assert_eq!(pair[0], "#[doc(hidden)]", "above {}", pair[1]);
    }
    assert!(!lines[0].starts_with("pub mod "));
}

#[test]
fn the_core_is_pure() {
    for module in ["election", "membership", "messaging", "migration", "simulation"] {
        for (file, code) in sources_of(module) {
            for word in IMPURE {
                assert!(!code.contains(word), "{} names {word}", file.display());
            }
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a module without its tests, and without comments.
fn sources_of(module: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let single = root().join(format!("src/{module}.rs"));
    if single.exists() {
        files.push(single);
    }
    collect(&root().join("src").join(module), &mut files);
    assert!(!files.is_empty(), "there is no module {module}");
    files
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let lines = code.lines().map(|line| line.split("//").next().unwrap());
            let code = lines.collect::<Vec<_>>().join("\n");
            (file, code)
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            collect(&path, files);
        } else if name.ends_with(".rs") && name != "tests.rs" && name != "conformance.rs" {
            files.push(path);
        }
    }
}

/// The first names behind `crate::`, braces of the crate's root included.
fn crate_imports(code: &str) -> Vec<String> {
    code.split("crate::")
        .skip(1)
        .map(|rest| {
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
        })
        .filter(|name| !name.is_empty())
        .collect()
}
