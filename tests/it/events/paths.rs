//! A path segment is decoded exactly once.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;

use super::template::{ALL, Golden, on_the_wire, send};

const KEYS: [&str; 30] = [
    "a",
    "a b",
    "a%b",
    "a%20b",
    "a%2520b",
    "a?b",
    "a#b",
    "a/b",
    "a//b",
    "/a",
    "a/",
    "ä/ö",
    "日本語",
    "\"q\"",
    "'q'",
    "a+b",
    "a&b=c",
    "a;b,c:d@e!f$g",
    "é%zz",
    "..",
    ".",
    "a/../b/./c",
    "a\\b",
    "<a>^`{|}[~]",
    "\u{7f}",
    "\u{1}\n\t",
    "%",
    "%2F",
    "🦀/👩‍👩‍👧",
    "lambda-url/x",
];

fn echo() -> Router {
    Router::new().route("/probe/{*key}", get(|Path(key): Path<String>| async { key }))
}

#[tokio::test]
async fn every_key_arrives_as_written_through_every_front_end() {
    for key in KEYS {
        for golden in ALL {
            let answer = send(echo(), &golden.event(&format!("/probe/{}", on_the_wire(key)), "")).await;
            assert_eq!(answer["statusCode"], 200, "{key:?} through {golden:?}: {answer}");
            assert_eq!(answer["body"], key, "{key:?} through {golden:?}");
        }
    }
}

#[tokio::test]
async fn unencoded_paths_are_accepted_if_the_front_end_passes_them() {
    for golden in [Golden::RestApi, Golden::FunctionUrl, Golden::Emulator] {
        let answer = send(echo(), &golden.event("/probe/ä b\"c", "")).await;
        assert_eq!(answer["body"], "ä b\"c", "{golden:?}");
    }
}

#[tokio::test]
async fn encoded_slash_is_decoded_through_every_front_end() {
    for golden in ALL {
        let answer = send(echo(), &golden.event("/probe/a%2Fb%2fc", "")).await;
        assert_eq!(answer["body"], "a/b/c", "{golden:?}");
    }
}

#[tokio::test]
async fn encoded_dot_segments_are_part_of_the_key() {
    for golden in ALL {
        let answer = send(echo(), &golden.event("/probe/x/%2e%2e/%2E", "")).await;
        assert_eq!(answer["body"], "x/../.", "{golden:?}");
    }
}

#[tokio::test]
async fn decoded_question_mark_does_not_start_a_query() {
    let router = Router::new().route(
        "/probe/{*key}",
        get(|Path(key): Path<String>, uri: http::Uri| async move { format!("{key} {:?}", uri.query()) }),
    );
    let answer = send(router, &Golden::HttpApi.event("/probe/me%3Fadmin=true%23x", "real=1")).await;
    assert_eq!(answer["body"], "me?admin=true#x Some(\"real=1\")");
}

#[tokio::test]
async fn non_utf8_path_is_400() {
    for golden in [Golden::RestApi, Golden::FunctionUrl, Golden::Emulator] {
        let answer = send(echo(), &golden.event("/probe/%ff", "")).await;
        assert_eq!(answer["statusCode"], 400, "{golden:?}");
    }
}

#[tokio::test]
async fn named_stage_is_removed_from_the_path() {
    let mut event = Golden::HttpApi.event("/dev/probe/x", "");
    event["requestContext"]["stage"] = "dev".into();
    assert_eq!(send(echo(), &event).await["body"], "x");
    // The golden REST event has stage `prod`, which is in its context's path but not in `path`.
    assert_eq!(send(echo(), &Golden::RestApi.event("/probe/prod/x", "")).await["body"], "prod/x");
}
