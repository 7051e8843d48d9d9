//! The statuses and words of failures stand in one map: no other source writes one.

use std::fs;
use std::path::{Path, PathBuf};

use http::StatusCode;
use regex::Regex;
use terrapi::domain::Code;

/// The files that may write the status of a failure, with the reason.
const ALLOWED: [(&str, &str); 6] = [
    ("shared/src/http/error.rs", "the map"),
    ("shared/src/http/openapi.rs", "names the answers that all operations share, in the API's description"),
    ("shared/src/vcs/http.rs", "reads the answers of GitHub and GitLab"),
    ("shared/src/vcs/oauth.rs", "reads the answers of GitHub and GitLab"),
    ("shared/src/vcs/github/mod.rs", "reads GitHub's answers"),
    ("shared/src/vcs/gitlab.rs", "reads GitLab's answers"),
];
/// The file that writes the words of failures.
const WORDS: &str = "shared/src/domain/error.rs";

/// What the status of a failure looks like in a source: a constant, a number that is matched or compared, a text.
fn status() -> Regex {
    let named = (400..=511).filter_map(|status| StatusCode::from_u16(status).ok()?.canonical_reason());
    let named: Vec<_> = named.map(|reason| reason.to_uppercase().replace([' ', '-'], "_")).collect();
    let named = named.join("|");
    let number = r"[45]\d\d";
    let pattern = format!(
        r#"StatusCode::({named})\b|StatusCode::from_u16|\b{number}(\.\.=?{number})?\s*(=>|\|)|([=!<>]=|\s[<>])\s*{number}\b|"{number}""#
    );
    Regex::new(&pattern).unwrap()
}

/// What the word of a failure looks like: any member `id` in capitals, and the words there are.
fn word() -> Regex {
    let words: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    Regex::new(&format!(r#""id":\s*"[A-Z]|"({})""#, words.join("|"))).unwrap()
}

/// The code of a source: without comments, its tests, and what it says in the API's description.
fn code(source: &str) -> String {
    let described = Regex::new(r"(?s)#\[(utoipa::path|schema|param)\(.*?\)\]\n").unwrap();
    let comment = Regex::new(r"(?m)^\s*//.*$|\s// .*$").unwrap();
    let untested = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    comment.replace_all(&described.replace_all(untested, "\n"), "").into_owned()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    below.filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

#[test]
fn failure_statuses_and_words_stand_in_one_map() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (status, word) = (status(), word());
    let files = [sources(&root.join("shared/src")), sources(&root.join("functions"))].concat();
    assert!(files.len() > 200, "{}", files.len());
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let code = code(&fs::read_to_string(&file).unwrap());
        let statuses = status.find_iter(&code).filter(|_| ALLOWED.iter().all(|(allowed, _)| name != *allowed));
        let words = word.find_iter(&code).filter(|_| name != WORDS);
        found.extend(statuses.chain(words).map(|found| format!("{name}: {}", found.as_str())));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn each_file_that_may_write_statuses_writes_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (name, _) in ALLOWED {
        assert!(status().is_match(&code(&fs::read_to_string(root.join(name)).unwrap())), "{name}");
    }
}

#[test]
fn statuses_and_words_are_found_in_code_alone() {
    for written in [
        "StatusCode::FORBIDDEN",
        "Problem::of(http::StatusCode::UNSUPPORTED_MEDIA_TYPE)",
        "StatusCode::from_u16(text.parse()?)",
        "match status.as_u16() { 401 => Failure }",
        "500..=599 => 1",
        "if status >= 500 {}",
        r#"("413", "TooLarge")"#,
    ] {
        assert!(status().is_match(&code(written)), "{written}");
    }
    for written in [r#"json!({ "id": "MALFORMED" })"#, r#"refuse("ANSWER_TOO_LARGE")"#] {
        assert!(word().is_match(&code(written)), "{written}");
    }
    for harmless in [
        "StatusCode::NO_CONTENT",
        "const MAX_THINGS: usize = 500;",
        "    /// 404 => nothing",
        "let own = 443; // 404 => nothing",
        r#""https" => 443,"#,
        "#[utoipa::path(get, responses((status = 404), (status = \"404\", body = ErrorBody)))]\n",
        "#[cfg(test)]\nmod tests { assert_eq!(status, StatusCode::FORBIDDEN) }",
    ] {
        assert!(!status().is_match(&code(harmless)), "{harmless}");
    }
}
