//! What goes back to the gateway, and what an event gets that is no request at all.

use std::sync::Arc;

use axum::Router;
use axum::response::AppendHeaders;
use axum::routing::any;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use serde_json::{Value, json};
use terrapi::http::lambda_service;
use terrapi::runtime::ListedOrigins;
use terrapi::runtime::{App, Settings};

use super::template::{ALL, Golden, send};
use crate::support::TestService;

#[tokio::test]
async fn cookies_and_repeated_headers_survive_in_either_format() {
    let headers = AppendHeaders([("set-cookie", "a=1"), ("set-cookie", "b=2"), ("vary", "origin"), ("vary", "accept")]);
    for golden in ALL {
        let router = Router::new().fallback(any(move || async move { (headers, "x") }));
        let answer = send(router, &golden.event("/", "")).await;
        if golden == Golden::RestApi {
            assert_eq!(answer["multiValueHeaders"]["set-cookie"], json!(["a=1", "b=2"]));
            assert_eq!(answer["multiValueHeaders"]["vary"], json!(["origin", "accept"]));
            assert_eq!(answer.get("headers"), None);
        } else {
            assert_eq!(answer["cookies"], json!(["a=1", "b=2"]));
            assert_eq!(answer["headers"]["vary"], "origin, accept");
            assert_eq!(answer["headers"].get("set-cookie"), None);
            assert_eq!(answer.get("multiValueHeaders"), None);
        }
    }
}

#[tokio::test]
async fn a_browser_s_preflight_is_answered_through_every_front_end() {
    let service = TestService::new().await;
    let listed_origins = ListedOrigins::parse("https://console.example.com").unwrap();
    let settings = Arc::new(Settings { listed_origins, ..Settings::clone(&service.app.settings) });
    let router = lambda_service(kv_store::routes(), App { settings, ..service.app.clone() });
    for golden in ALL {
        let mut event = golden.event("/api/v1/github/kv/12345/key/k", "");
        let asked = json!({"origin": "https://console.example.com", "access-control-request-method": "PUT"});
        event["headers"] = asked;
        event["multiValueHeaders"] = Value::Null;
        event["cookies"] = Value::Null;
        match golden {
            Golden::RestApi => event["httpMethod"] = json!("OPTIONS"),
            _ => event["requestContext"]["http"]["method"] = json!("OPTIONS"),
        }
        let answer = send(router.clone(), &event).await;
        let told = |name: &str| match golden {
            Golden::RestApi => answer["multiValueHeaders"][name][0].clone(),
            _ => answer["headers"][name].clone(),
        };
        assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(200), &json!("")), "{golden:?}");
        assert_eq!(told("access-control-allow-origin"), "https://console.example.com");
        assert_eq!(told("access-control-allow-methods"), "PUT");
    }
}

#[tokio::test]
async fn an_answer_has_the_members_that_its_reader_insists_on_and_no_others() {
    for golden in ALL {
        let answer = send(Router::new(), &golden.event("/", "")).await;
        let mut members: Vec<_> = answer.as_object().unwrap().keys().cloned().collect();
        members.sort_unstable();
        if golden == Golden::RestApi {
            let expected = ["body", "isBase64Encoded", "multiValueHeaders", "statusCode"];
            assert_eq!(members, expected);
        } else {
            let expected = ["body", "cookies", "headers", "isBase64Encoded", "statusCode"];
            assert_eq!(members, expected);
            // The emulator reads answers into this type.
            serde_json::from_value::<ApiGatewayV2httpResponse>(answer).unwrap();
        }
    }
}

#[tokio::test]
async fn a_compressed_body_is_base64() {
    let router = Router::new().fallback(any(|| async { ([("content-encoding", "gzip")], vec![0x1f_u8, 0x8b, 0]) }));
    for golden in ALL {
        let answer = send(router.clone(), &golden.event("/", "")).await;
        assert_eq!(answer["isBase64Encoded"], true);
        assert_eq!(answer["body"], "H4sA");
    }
}

#[tokio::test]
async fn a_body_announced_as_base64_that_is_not_is_refused() {
    for golden in ALL {
        let mut event = golden.event("/", "");
        event["body"] = "{not base64}".into();
        event["isBase64Encoded"] = true.into();
        assert_refused(&send(Router::new(), &event).await);
    }
}

#[tokio::test]
async fn an_event_that_is_no_request_gets_an_answer() {
    let no_method = {
        let mut event = Golden::FunctionUrl.event("/", "");
        event["requestContext"]["http"]["method"] = "GE T".into();
        event
    };
    let queue = json!({"Records": [{"messageId": "1", "body": "{}", "eventSource": "aws:sqs"}]});
    let alb = json!({"httpMethod": "GET", "path": "/", "headers": {}, "requestContext": {"elb": {}}});
    for event in [no_method, queue, alb, json!({"key1": "value1"}), json!({}), json!([]), Value::Null] {
        assert_refused(&send(Router::new(), &event).await);
    }
}

#[tokio::test]
async fn an_answer_that_lambda_would_not_pass_on_is_a_clean_500() {
    let router = Router::new().fallback(any(|| async { "x".repeat(7 * 1024 * 1024) }));
    let answer = send(router, &Golden::HttpApi.event("/", "")).await;
    assert_eq!(answer["statusCode"], 500);
    assert_eq!(answer["body"], r#"{"id":"ANSWER_TOO_LARGE"}"#);
}

fn assert_refused(answer: &Value) {
    assert_eq!(answer["statusCode"], 400, "{answer}");
    let id = answer.pointer("/headers/x-request-id").or(answer.pointer("/multiValueHeaders/x-request-id/0"));
    assert_eq!(id.unwrap(), "request-1");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["id"], "MALFORMED_REQUEST");
}
