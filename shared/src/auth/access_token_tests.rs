//! Which access tokens are valid.

use uuid::Uuid;

use super::super::signing::{Signer, SigningKeyFile};
use super::*;

fn signer() -> Signer {
    Signer::new(&SigningKeyFile::new("s".repeat(64)), "terrapi".into()).unwrap()
}

fn claims(now: i64) -> Claims {
    let (user, key) = (UserId::new(Uuid::from_u128(1)), KeyId::new(Uuid::from_u128(2)));
    Claims::new("terrapi", Seconds(now), Uuid::from_u128(3), user, key, Capabilities::default())
}

fn verifier(signer: &Signer) -> Verifier {
    let verifier = Verifier::new("terrapi");
    verifier.replace_keys(signer.public_keys());
    verifier
}

#[test]
fn token_is_valid_for_a_minute_plus_five_seconds_leeway() {
    let signer = signer();
    let token = signer.sign(&claims(1000)).unwrap();
    let verifier = verifier(&signer);
    for (now, good) in [(994, false), (995, true), (1000, true), (1060, true), (1064, true), (1065, false)] {
        assert_eq!(verifier.verify(&token, Seconds(now)).is_ok(), good, "at {now}");
    }
}

#[test]
fn wrong_lifetime_issuer_or_audience_is_refused() {
    let signer = signer();
    let verifier = verifier(&signer);
    let broken = [
        Claims { exp: Seconds(1061), ..claims(1000) },
        Claims { exp: Seconds(1000), ..claims(1000) },
        Claims { iss: "other".into(), ..claims(1000) },
        Claims { aud: "other".into(), ..claims(1000) },
        Claims { nbf: Some(Seconds(1006)), ..claims(1000) },
    ];
    for claims in broken {
        assert_eq!(verifier.verify(&signer.sign(&claims).unwrap(), Seconds(1000)).unwrap_err(), Refused::Invalid);
    }
}

#[test]
fn unknown_key_is_reported_and_a_retired_one_verifies() {
    let old = signer();
    let token = old.sign(&claims(1000)).unwrap();
    let file = SigningKeyFile::new("n".repeat(64));
    let new = Signer::new(&file, "terrapi".into()).unwrap();
    assert_eq!(verifier(&new).verify(&token, Seconds(1000)).unwrap_err(), Refused::UnknownKey);
    let both = Signer::new(&file.with_verifying_seed("s".repeat(64)), "terrapi".into()).unwrap();
    assert!(verifier(&both).verify(&token, Seconds(1000)).is_ok());
}
