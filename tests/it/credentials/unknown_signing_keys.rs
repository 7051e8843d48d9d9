//! A token may name any key id. Looking up an unknown key costs a read, so lookups are limited.

use terrapi::auth::{Signer, SigningKeyFile};

use crate::support::TestService;
use crate::support::routes::Gateway;
use crate::support::signed_tokens::{token, whoami};

/// The number of tokens in a burst, each with an unpublished `kid`.
const BURST: usize = 20;

/// Tokens signed by unpublished keys.
fn forged(service: &TestService, round: usize) -> Vec<String> {
    let signer = |n| {
        let seed = format!("a-seed-of-somebody-else-{round:04}-{n:04}-0123456789-0123456789");
        Signer::new(&SigningKeyFile::new(seed), "terrapi".into()).unwrap()
    };
    (0..BURST).map(|n| token(service, &signer(n))).collect()
}

/// Sends a burst, all of which must be refused. Returns how often the published keys were read.
async fn burst(service: &TestService, gateway: &Gateway, round: usize) -> usize {
    let tokens = forged(service, round);
    let work = async {
        for token in &tokens {
            assert_eq!(whoami(gateway, token).await.failed(403), "INVALID_TOKEN");
        }
    };
    let ((), calls) = service.faulty.ledger().during(work).await;
    assert!(calls.iter().all(|call| call.operation == "Query" && call.table == service.backend.tables.identity));
    calls.len()
}

#[tokio::test]
async fn unknown_kids_cause_one_key_read_in_ten_seconds() {
    let service = TestService::new().await;
    let sandbox = service.sandbox();
    assert_eq!(burst(&service, &sandbox, 0).await, 1);
    assert_eq!(burst(&service, &sandbox, 1).await, 0, "in the same second");
    service.clock.advance_ms(9_999);
    assert_eq!(burst(&service, &sandbox, 2).await, 0, "just before the ten seconds are over");
    service.clock.advance_ms(1);
    assert_eq!(burst(&service, &sandbox, 3).await, 1);
    service.clock.advance_ms(3_600_000);
    assert_eq!(burst(&service, &sandbox, 4).await, 1, "unused reads do not accumulate");
    let good = token(&service, &service.signer);
    let ((), calls) = service.faulty.ledger().during(async { drop(whoami(&sandbox, &good).await.ok()) }).await;
    assert!(!calls.iter().any(|call| call.request.to_string().contains("public")), "the cached keys are kept");
}

#[tokio::test]
async fn concurrent_unknown_kids_cause_no_more_reads() {
    let service = TestService::new().await;
    let sandbox = service.sandbox();
    let tokens = forged(&service, 0);
    let work = async {
        let answers = tokens.iter().map(|token| whoami(&sandbox, token));
        for answer in futures::future::join_all(answers).await {
            assert_eq!(answer.failed(403), "INVALID_TOKEN");
        }
    };
    let ((), calls) = service.faulty.ledger().during(work).await;
    assert_eq!(calls.len(), 1);
}
