//! Invalid tokens: every route refuses each of them with the same answer, regardless of the defect.

use axum::body::Body;
use axum::extract::Request;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use http::header::AUTHORIZATION;
use ring::hmac;
use serde_json::{Value, json};
use terrapi::domain::Capability::{AccessTokenCreate, KvStoreRead};

use crate::support::forge::{Forge, claims};
use crate::support::service::KV;
use crate::support::{Reply, TestService};

/// The parts from which the test tokens are built.
struct Parts {
    forge: Forge,
    header: Value,
    claims: Value,
}

type Cases = Vec<(String, String)>;

impl Parts {
    fn new(service: &TestService) -> Self {
        let forge = Forge::trusted();
        let header = forge.header();
        Self { forge, header, claims: claims(service.user, &[KvStoreRead, AccessTokenCreate]) }
    }

    fn good(&self) -> String {
        self.forge.token(&self.claims)
    }

    fn with_header(&self, member: &str, value: impl Into<Value>) -> String {
        self.forge.sign(&changed(&self.header, member, value.into()), &self.claims.to_string())
    }

    fn with_claim(&self, member: &str, value: impl Into<Value>) -> String {
        self.forge.sign(&self.header.to_string(), &changed(&self.claims, member, value.into()))
    }

    /// The claims as text with a part replaced, for values that JSON types cannot represent.
    fn with_text(&self, from: &str, to: &str) -> String {
        let text = self.claims.to_string();
        assert!(text.contains(from), "{text}");
        self.forge.sign(&self.header.to_string(), &text.replacen(from, to, 1))
    }
}

fn changed(object: &Value, member: &str, value: Value) -> String {
    let mut object = object.clone();
    object[member] = value;
    object.to_string()
}

fn without(object: &Value, member: &str) -> String {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove(member).unwrap();
    object.to_string()
}

/// Another algorithm, no algorithm, or our public key used as a shared secret.
fn algorithms(parts: &Parts) -> Cases {
    let payload = URL_SAFE_NO_PAD.encode(parts.claims.to_string());
    let head = |algorithm: Value| URL_SAFE_NO_PAD.encode(changed(&parts.header, "alg", algorithm));
    let mut cases = Cases::new();
    for name in ["none", "None", "NONE", "nOnE", ""] {
        cases.push((format!("alg {name:?}, unsigned"), format!("{}.{payload}.", head(name.into()))));
        cases.push((format!("alg {name:?}, signed"), parts.with_header("alg", name)));
    }
    for value in [json!([]), json!(["EdDSA"]), json!(null), json!(1), json!("eddsa"), json!("Ed25519"), json!("EdDSA ")]
    {
        cases.push((format!("alg {value}"), parts.with_header("alg", value)));
    }
    cases.push(("no alg".into(), parts.forge.sign(&without(&parts.header, "alg"), &parts.claims.to_string())));
    for name in ["RS256", "RS512", "ES256", "ES384", "PS256"] {
        cases.push((format!("alg {name}"), parts.with_header("alg", name)));
    }
    let public = parts.forge.public;
    // RFC 8410 §4: the prefix of an Ed25519 SubjectPublicKeyInfo.
    let der = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &public].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
    let x = URL_SAFE_NO_PAD.encode(public);
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    let secrets: [(&str, &[u8]); 8] = [
        ("the raw key", &public),
        ("the DER", &der),
        ("the PEM", pem.as_bytes()),
        ("the JWK", jwk.as_bytes()),
        ("the base64url", x.as_bytes()),
        ("the kid", parts.forge.kid.as_bytes()),
        ("zeros", &[0; 32]),
        ("nothing", b""),
    ];
    for (name, secret) in secrets {
        for (algorithm, digest) in [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512)] {
            let signed = format!("{}.{payload}", head(algorithm.into()));
            let tag = hmac::sign(&hmac::Key::new(digest, secret), signed.as_bytes());
            cases.push((format!("{algorithm} with {name}"), format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))));
        }
    }
    cases
}

/// Keys that the token's header names or includes.
fn headers(parts: &Parts) -> Cases {
    let unknown = Forge::unknown();
    let jwk =
        json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(unknown.public), "kid": parts.forge.kid});
    let claims = parts.claims.to_string();
    let mut cases: Cases = vec![
        ("no kid".into(), parts.forge.sign(&without(&parts.header, "kid"), &claims)),
        ("no typ".into(), parts.forge.sign(&without(&parts.header, "typ"), &claims)),
        ("another key, our kid".into(), unknown.sign(&parts.header.to_string(), &claims)),
        ("another key, its kid".into(), unknown.token(&parts.claims)),
        ("another key, embedded".into(), unknown.sign(&changed(&parts.header, "jwk", jwk.clone()), &claims)),
        ("alg twice".into(), parts.forge.sign(&twice(&parts.header, r#""alg":"none""#), &claims)),
        ("kid twice".into(), parts.forge.sign(&twice(&parts.header, r#""kid":"x""#), &claims)),
        ("a header that is a list".into(), parts.forge.sign("[]", &claims)),
        ("a header that is null".into(), parts.forge.sign("null", &claims)),
        ("a header of nothing".into(), parts.forge.sign("", &claims)),
        ("a header and more".into(), parts.forge.sign(&format!("{}x", parts.header), &claims)),
        ("a byte order mark".into(), parts.forge.sign(&format!("\u{feff}{}", parts.header), &claims)),
        ("deep nesting".into(), parts.forge.sign(&"[".repeat(5_000), &claims)),
    ];
    let kids = [
        "",
        "x",
        "../../../../dev/null",
        "' OR 1=1 --",
        "public-keys",
        "\0",
        "http://192.0.2.1/k",
        &parts.forge.kid[1..],
    ];
    cases.extend(kids.map(|kid| (format!("kid {kid:?}"), parts.with_header("kid", kid))));
    let odd =
        [json!(null), json!(0), json!([parts.forge.kid]), json!({"kid": parts.forge.kid}), json!("k".repeat(10_000))];
    cases.extend(odd.map(|kid| (format!("kid {:.20}", kid.to_string()), parts.with_header("kid", kid))));
    let types = [json!("JWT"), json!("application/at+jwt"), json!("AT+JWT"), json!(null), json!(["at+jwt"])];
    cases.extend(types.map(|kind| (format!("typ {kind}"), parts.with_header("typ", kind))));
    let extra = [
        ("jwk", jwk.clone()),
        ("jku", json!("https://192.0.2.1/jwks.json")),
        ("x5u", json!("https://192.0.2.1/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("nonce", json!("x")),
    ];
    cases.extend(extra.map(|(name, value)| (format!("{name} {value:.20}"), parts.with_header(name, value))));
    cases
}

fn twice(object: &Value, member: &str) -> String {
    object.to_string().replacen('{', &format!("{{{member},"), 1)
}

/// Claims that are missing, of a wrong type, or outside their validity period.
fn contents(parts: &Parts) -> Cases {
    let now = parts.claims["iat"].as_i64().unwrap();
    let mut cases = Cases::new();
    for name in ["iss", "aud", "sub", "iat", "exp", "jti", "capabilities", "key_id"] {
        cases.push((format!("no {name}"), parts.forge.sign(&parts.header.to_string(), &without(&parts.claims, name))));
        cases.push((format!("{name} null"), parts.with_claim(name, Value::Null)));
        cases.push((format!("{name} a list"), parts.with_claim(name, json!([parts.claims[name]]))));
        cases.push((format!("{name} an object"), parts.with_claim(name, json!({"x": 1}))));
        let text = format!("{}:{}", json!(name), parts.claims[name]);
        cases.push((format!("{name} twice"), parts.with_text(&text, &format!("{text},{text}"))));
    }
    let exp = format!("\"exp\":{}", now + 60);
    for bad in [
        "\"1790000060\"",
        "1790000060.5",
        "1.79000006e9",
        "-1",
        "0",
        "9223372036854775807",
        "9223372036854775808",
        "1e400",
        "true",
    ] {
        cases.push((format!("exp {bad}"), parts.with_text(&exp, &format!("\"exp\":{bad}"))));
    }
    let times = [(-66, -6), (-66, -5), (6, 66), (0, 61), (0, 0), (0, -1), (60, 0), (-100_000, 60), (0, 100_000)];
    for (iat, exp) in times {
        let mut claims = parts.claims.clone();
        (claims["iat"], claims["exp"]) = (json!(now + iat), json!(now + exp));
        cases.push((format!("from {iat} s to {exp} s"), parts.forge.token(&claims)));
    }
    let wrong = [
        ("iat", json!("now")),
        ("nbf", json!(now + 6)),
        ("nbf", json!("1")),
        ("nbf", json!(i64::MAX)),
        ("iss", json!("")),
        ("iss", json!("Terrapi")),
        ("iss", json!("https://accounts.example.com")),
        ("aud", json!("other")),
        ("aud", json!("")),
        ("aud", json!(["other", "terrapi"])),
        ("sub", json!("administrator")),
        ("sub", json!("")),
        ("key_id", json!("x")),
        ("administration", json!("true")),
        ("administration", json!(1)),
        ("capabilities", json!("kv_store_read")),
        ("capabilities", json!(["everything"])),
        ("capabilities", json!([{"name": "installation_id", "id": "1", "more": 1}])),
        ("capabilities", json!([{"name": "installation_id", "id": 12345}])),
    ];
    cases.extend(wrong.map(|(name, value)| (format!("{name} {value}"), parts.with_claim(name, value))));
    for text in ["", "null", "[]", "1", "{", "{}", "\"x\"", "{}{}"] {
        cases.push((format!("claims {text:?}"), parts.forge.sign(&parts.header.to_string(), text)));
    }
    cases
}

/// Valid parts combined in a way that RFC 7515 §7.1 does not allow.
fn encodings(parts: &Parts) -> Cases {
    let good = parts.good();
    let [header, payload, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let raw = parts.claims.to_string();
    let signature_of = |bytes: &[u8]| format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(bytes));
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        signature_of(&bytes)
    };
    // The last digit holds two bits of the signature; the four below them must be zero.
    let (rest, last) = signature.split_at(signature.len() - 1);
    let sloppy = char::from(last.as_bytes()[0] + 1);
    let json_form = json!({"protected": header, "payload": payload, "signature": signature});
    let cases: Vec<(&str, String)> = vec![
        ("no dot", good.replace('.', "")),
        ("one dot", format!("{header}.{payload}")),
        ("no signature", format!("{header}.{payload}.")),
        ("no payload", format!("{header}..{signature}")),
        ("no header", format!(".{payload}.{signature}")),
        ("dots alone", "..".into()),
        ("four parts", format!("{good}.{signature}")),
        ("five parts", format!("{good}.{header}.{payload}")),
        ("a dot behind", format!("{good}.")),
        ("a dot before", format!(".{good}")),
        ("parts in another order", format!("{payload}.{header}.{signature}")),
        ("padding on the signature", format!("{good}==")),
        ("padding on the header", format!("{header}=.{payload}.{signature}")),
        ("trailing bits", format!("{header}.{payload}.{rest}{sloppy}")),
        ("white space inside", format!("{header}. {payload}.{signature}")),
        ("a tab inside", format!("{header}.{payload}\t.{signature}")),
        ("quotes", format!("\"{good}\"")),
        ("a comma and another", format!("{good}, Bearer {good}")),
        ("standard base64", format!("{header}.{payload}.{}", STANDARD.encode([0xfb; 64]))),
        ("hexadecimal", format!("{header}.{payload}.{}", "0".repeat(128))),
        ("an unencoded payload", format!("{header}.{}.{signature}", raw.replace('"', "'"))),
        ("JSON serialisation", json_form.to_string()),
        ("general JSON serialisation", json!({"payload": payload, "signatures": [json_form]}).to_string()),
        ("a signature of zeros", signature_of(&[0; 64])),
        ("a signature of ones", signature_of(&[0xff; 64])),
        ("a short signature", signature_of(&bytes[..63])),
        ("a long signature", signature_of(&[&bytes[..], &[0]].concat())),
        ("a flipped bit in R", flipped(0)),
        ("a flipped bit in S", flipped(32)),
        ("a flipped bit at the end", flipped(63)),
        ("another payload", format!("{header}.{}.{signature}", STANDARD_NO_PAD.encode(raw.replace("read", "rite")))),
        ("17 kB", parts.with_claim("iss", "x".repeat(17_000))),
        ("1 MB", "a".repeat(1_000_000)),
        ("a UUID", "0190a5d0-ac96-774b-bcce-b302099a8057".into()),
        ("a session", "session=abc".into()),
    ];
    cases.into_iter().map(|(name, token)| (name.to_owned(), token)).collect()
}

const ROUTES: [&str; 3] = ["/api/v1/whoami", "/api/v1/github/access-token", "/api/v1/github/kv/12345/key/a"];

async fn get(service: &TestService, path: &str, token: &str) -> Reply {
    let request = Request::get(path).header(AUTHORIZATION, format!("Bearer {token}"));
    service.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn forged_tokens_are_refused_alike_and_without_a_read() {
    let service = TestService::new().await;
    let parts = Parts::new(&service);
    let groups = [algorithms(&parts), headers(&parts), contents(&parts), encodings(&parts)];
    let mut lookups = 0;
    let cases = groups.concat();
    assert!(cases.len() > 190, "{}", cases.len());
    for (name, token) in cases {
        for path in ROUTES {
            let (reply, calls) = service.faulty.ledger().during(get(&service, path, &token)).await;
            assert_eq!(reply.status, 403, "{name} on {path}: {reply:?}");
            assert_eq!(&reply.bytes[..], br#"{"id":"INVALID_TOKEN"}"#, "{name} on {path}");
            assert_eq!(reply.header("www-authenticate"), Some(r#"Bearer error="invalid_token""#), "{name}");
            assert!(calls.iter().all(|call| call.operation == "Query"), "{name} on {path}: {calls:?}");
            lookups += calls.len();
        }
    }
    assert_eq!(lookups, 1, "the published keys are looked up once in ten seconds, for any header");
    for path in ROUTES {
        assert!(get(&service, path, &parts.good()).await.status != 403, "the token they were made of: {path}");
    }
}

#[tokio::test]
async fn clock_skew_up_to_five_seconds_is_accepted() {
    let service = TestService::new().await;
    let parts = Parts::new(&service);
    let now = parts.claims["iat"].as_i64().unwrap();
    for (iat, exp, nbf, good) in [
        (-64, -4, -64, true),
        (-65, -5, -65, false),
        (5, 65, 5, true),
        (6, 66, 6, false),
        (0, 60, 5, true),
        (0, 60, 6, false),
    ] {
        let mut claims = parts.claims.clone();
        (claims["iat"], claims["exp"], claims["nbf"]) = (json!(now + iat), json!(now + exp), json!(now + nbf));
        let reply = get(&service, "/api/v1/whoami", &parts.forge.token(&claims)).await;
        assert_eq!(reply.status == 200, good, "from {iat} to {exp}, not before {nbf}");
    }
}

#[tokio::test]
async fn token_is_refused_after_expiry_and_leeway() {
    let service = TestService::new().await;
    let token = Parts::new(&service).good();
    let path = format!("{KV}/iter/");
    get(&service, &path, &token).await.ok();
    service.clock.advance_ms(64_999);
    get(&service, &path, &token).await.ok();
    service.clock.advance_ms(1);
    assert_eq!(get(&service, &path, &token).await.failed(403), "INVALID_TOKEN");
}

#[tokio::test]
async fn api_key_is_refused_outside_the_exchange_on_every_route() {
    let service = TestService::new().await;
    let key = service.api_key(&[KvStoreRead, AccessTokenCreate]).await;
    for key in [key.as_str(), &key[..20], "tt_live_", "tt_test_x", &format!("{key}0")] {
        for path in ROUTES {
            let (reply, calls) = service.faulty.ledger().during(get(&service, path, key)).await;
            assert_eq!(reply.failed(403), "API_KEY_NOT_ACCEPTED");
            assert_eq!(reply.header("www-authenticate"), Some(r#"Bearer error="invalid_token""#));
            assert!(calls.is_empty(), "{calls:?}");
        }
    }
}
