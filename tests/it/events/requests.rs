//! The parts of a request besides its path: method, query, headers, cookies, body, client.

use axum::routing::any;
use axum::{Extension, Router};
use http::{HeaderMap, Method, Uri};
use lambda_http::Context;
use serde_json::{Value, json};
use terrapi::http::{ClientInfo, FrontEnd};

use super::template::{ALL, Golden, send, send_text};

/// Responds with what the handler received.
fn mirror() -> Router {
    Router::new().fallback(any(
        |method: Method,
         uri: Uri,
         Extension(client): Extension<ClientInfo>,
         Extension(front_end): Extension<FrontEnd>,
         Extension(context): Extension<Context>,
         headers: HeaderMap,
         body: String| async move {
            let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            let seen = json!({
                "method": method.as_str(), "query": uri.query(), "body": body, "front_end": format!("{front_end:?}"),
                "source_ip": client.source_ip, "user_agent": client.user_agent, "request_id": context.request_id,
                "x_request_id": header("x-request-id"), "host": header("host"), "proto": header("x-forwarded-proto"), "cookie": header("cookie"),
                "authorization": header("authorization"),
            });
            seen.to_string()
        },
    ))
}

async fn seen(event: &Value) -> Value {
    let answer = send(mirror(), event).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn client_address_and_origin_survive_every_front_end() {
    for golden in ALL {
        let seen = seen(&golden.event("/x", "")).await;
        let (ip, host, proto) = match golden {
            Golden::HttpApi => ("203.0.113.9", "api.example.com", "https"),
            Golden::RestApi => ("203.0.113.9", "f6g7h8i9j0.execute-api.eu-west-1.amazonaws.com", "https"),
            Golden::FunctionUrl => ("203.0.113.9", "k3x5c7v9b1n2m4q6w8e0rtyu.lambda-url.eu-west-1.on.aws", "https"),
            Golden::Emulator => ("127.0.0.1", "127.0.0.1:9000", "http"),
        };
        assert_eq!(seen["source_ip"], ip);
        assert_eq!(seen["host"], host);
        assert_eq!(seen["proto"], proto, "{golden:?}");
        assert_eq!(seen["user_agent"], "golden/1.0");
        assert_eq!(seen["cookie"], "session=abc; theme=dark");
        assert_eq!(seen["authorization"], "Bearer t");
        assert_eq!(seen["request_id"], "request-1");
        assert_eq!(seen["front_end"], format!("{golden:?}"));
        assert_eq!(seen["method"], "GET");
    }
}

#[tokio::test]
async fn request_id_is_the_gateways_unless_the_caller_sets_one() {
    for golden in ALL {
        let mut event = golden.event("/x", "");
        let seen_id = seen(&event).await["x_request_id"].clone();
        assert_eq!(seen_id, event["requestContext"]["requestId"], "{golden:?}");
        event["headers"]["x-request-id"] = "mine".into();
        assert_eq!(seen(&event).await["x_request_id"], "mine", "{golden:?}");
    }
}

#[tokio::test]
async fn http_api_with_a_custom_domain_is_recognised() {
    let mut event = Golden::HttpApi.event("/a%20b", "");
    event["requestContext"]["domainName"] = "api.example.com".into();
    assert_eq!(seen(&event).await["front_end"], "HttpApi");
}

#[tokio::test]
async fn missing_host_defaults_to_the_context_domain() {
    let mut event = Golden::FunctionUrl.event("/", "");
    event["headers"].as_object_mut().unwrap().remove("host");
    let host = seen(&event).await["host"].clone();
    assert_eq!(host, "k3x5c7v9b1n2m4q6w8e0rtyu.lambda-url.eu-west-1.on.aws");
}

#[tokio::test]
async fn query_keeps_its_order_and_escapes() {
    let query = "page=n&page=c%20d&limit=5&select=a,b";
    for golden in [Golden::HttpApi, Golden::FunctionUrl, Golden::Emulator] {
        assert_eq!(seen(&golden.event("/", query)).await["query"], query, "{golden:?}");
    }
    let rest = seen(&Golden::RestApi.event("/", "")).await["query"].as_str().unwrap().to_owned();
    assert!(rest.contains("page=n&page=c%20d"), "values of one name keep their order: {rest}");
    assert!(rest.contains("limit=5"), "{rest}");
}

#[tokio::test]
async fn query_with_invalid_uri_characters_is_repaired() {
    for golden in [Golden::HttpApi, Golden::FunctionUrl, Golden::Emulator] {
        let query = seen(&golden.event("/", "q=a b\"#ä\u{7f}")).await["query"].clone();
        assert_eq!(query, "q=a%20b%22%23%C3%A4%7F", "{golden:?}");
    }
}

#[tokio::test]
async fn text_and_base64_bodies_arrive() {
    for golden in ALL {
        for (body, is_base64) in [("{\"ä\":1}", false), ("eyLDpCI6MX0=", true)] {
            let mut event = golden.event("/", "");
            event["body"] = body.into();
            event["isBase64Encoded"] = is_base64.into();
            assert_eq!(seen(&event).await["body"], "{\"ä\":1}", "{golden:?}");
        }
    }
}

#[tokio::test]
async fn every_method_is_accepted() {
    for method in ["DELETE", "OPTIONS", "PATCH", "POST", "PUT", "QUERY"] {
        for golden in ALL {
            let mut event = golden.event("/", "");
            if golden == Golden::RestApi {
                event["httpMethod"] = method.into();
            } else {
                event["requestContext"]["http"]["method"] = method.into();
            }
            assert_eq!(seen(&event).await["method"], method, "{golden:?}");
        }
    }
}

#[tokio::test]
async fn repeated_headers_of_a_rest_api_all_arrive() {
    let router = Router::new().fallback(any(|headers: HeaderMap| async move {
        headers.get_all("if-none-match").iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join("|")
    }));
    let mut event = Golden::RestApi.event("/", "");
    event["headers"]["If-None-Match"] = "\"2\"".into();
    event["multiValueHeaders"]["If-None-Match"] = json!(["\"1\"", "\"2\""]);
    assert_eq!(send(router, &event).await["body"], "\"1\"|\"2\"");
}

/// Some front ends encode a byte that is not UTF-8 as half a surrogate pair; others send control characters unescaped.
#[tokio::test]
async fn non_utf8_header_does_not_break_the_event() {
    for golden in ALL {
        let mut event = golden.event("/x", "");
        for headers in ["headers", "multiValueHeaders"] {
            let Some(members) = event[headers].as_object_mut() else { continue };
            for (name, value) in members {
                let many = value.is_array();
                if name.eq_ignore_ascii_case("user-agent") {
                    *value = if many { json!(["a{{odd}}b"]) } else { json!("a{{odd}}b") };
                }
            }
        }
        if golden == Golden::RestApi {
            event["requestContext"]["identity"]["userAgent"] = "{{odd}}".into();
        } else {
            event["requestContext"]["http"]["userAgent"] = "{{odd}}".into();
            event["cookies"] = json!(["theme={{odd}}", "session=abc"]);
        }
        for (odd, read) in [
            (r"\ud800", "a\u{fffd}b"),
            (r"\udcff", "a\u{fffd}b"),
            (r"\ud83d\ud83d\ude00", "a\u{fffd}\u{1f600}b"),
            (r"\u00ff", "aÿb"),
            (r"\u0000\r\n\u007f", "a    b"),
        ] {
            let text = event.to_string().replace("{{odd}}", odd);
            let answer = send_text(mirror(), &text).await;
            assert_eq!(answer["statusCode"], 200, "{golden:?} {odd}: {answer}");
            let seen: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
            let user_agent = seen["user_agent"].as_str().unwrap().replace("\u{fffd}\u{fffd}\u{fffd}", "\u{fffd}");
            assert_eq!(user_agent, read, "{golden:?} {odd}");
            assert_eq!(seen["authorization"], "Bearer t");
        }
    }
}

#[tokio::test]
async fn header_with_an_invalid_name_is_dropped() {
    for golden in ALL {
        let mut event = golden.event("/x", "");
        event["headers"]["na me"] = "x".into();
        event["headers"][""] = "x".into();
        event["headers"]["x-null"] = Value::Null;
        assert_eq!(seen(&event).await["authorization"], "Bearer t", "{golden:?}");
    }
}
