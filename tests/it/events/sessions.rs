//! A session cookie works through every front end; an HTTP API moves cookies out of the headers.

use serde_json::{Value, json};
use terrapi::http::lambda_service;

use super::template::{ALL, Golden, send};
use crate::support::TestService;

/// The event with this cookie instead of the golden ones, and without a token.
fn with_cookie(golden: Golden, path: &str, cookie: &str) -> Value {
    let mut event = golden.event(path, "");
    for name in ["authorization", "Authorization", "cookie", "Cookie"] {
        for headers in ["headers", "multiValueHeaders"] {
            if let Some(headers) = event.get_mut(headers).and_then(Value::as_object_mut) {
                headers.remove(name);
            }
        }
    }
    match golden {
        Golden::RestApi => event["multiValueHeaders"]["Cookie"] = json!([format!("theme=dark; {cookie}")]),
        _ => event["cookies"] = json!(["theme=dark", cookie]),
    }
    event
}

#[tokio::test]
async fn session_works_and_ends_through_every_front_end() {
    let service = TestService::new().await;
    let router = lambda_service(identity::routes(), service.app.clone());
    for golden in ALL {
        let cookie = service.session_of(service.user).await;
        let who = send(router.clone(), &with_cookie(golden, "/api/v1/whoami", &cookie)).await;
        assert_eq!(who["statusCode"], 200, "{golden:?}: {who}");
        let mut out = with_cookie(golden, "/api/v1/logout", &cookie);
        let origin = match golden {
            Golden::HttpApi => "https://api.example.com",
            Golden::RestApi => "https://f6g7h8i9j0.execute-api.eu-west-1.amazonaws.com",
            Golden::FunctionUrl => "https://k3x5c7v9b1n2m4q6w8e0rtyu.lambda-url.eu-west-1.on.aws",
            Golden::Emulator => "http://127.0.0.1:9000",
        };
        if golden == Golden::RestApi {
            out["httpMethod"] = "POST".into();
            out["multiValueHeaders"]["Origin"] = json!([origin]);
        } else {
            out["requestContext"]["http"]["method"] = "POST".into();
            out["headers"]["origin"] = origin.into();
        }
        let out = send(router.clone(), &out).await;
        assert_eq!(out["statusCode"], 200, "{golden:?}: {out}");
        let set = out.pointer("/cookies/0").or(out.pointer("/multiValueHeaders/set-cookie/0")).unwrap();
        assert_eq!(set.as_str().unwrap().contains("; Secure"), golden != Golden::Emulator, "{set}");
        let again = send(router.clone(), &with_cookie(golden, "/api/v1/whoami", &cookie)).await;
        assert_eq!(again["statusCode"], 403, "{golden:?}");
    }
}
