//! Invariants of the KV table after any faults, once the worker has nothing left to do.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use terrapi::domain::kv::{Address, Idx, Key, Visibility};
use terrapi::domain::{Capabilities, Capability, InstallationId, Namespace, Vcs};
use terrapi::runtime::Clock;
use terrapi::store::kv::ReadQuery;

use super::TestService;

/// How many times the worker may fold an installation's commits before its head must be empty.
const FOLDS: usize = 3;

impl TestService {
    /// Ends all faults, lets the worker finish, and asserts that no head names a commit and that every record is found
    /// or absent, never an error.
    pub async fn assert_kv_settled(&self) {
        self.faulty.heal();
        self.faulty.settled().await;
        for item in self.backend.kv_items().await.iter().filter(|item| entity(item) == "commit-head") {
            let installation = namespace(partition(item).strip_suffix("#head").unwrap());
            for _ in 0..FOLDS {
                if self.app.store.fold_commits(installation).await.unwrap() == 0 {
                    break;
                }
            }
        }
        for item in self.backend.kv_items().await {
            match entity(&item) {
                "commit-head" => {
                    let commits = item["commits"].as_m().unwrap();
                    assert!(commits.is_empty(), "{} still names {commits:?}", partition(&item));
                }
                "kv-record" => self.assert_readable(namespace(partition(&item)), address(&item)).await,
                _ => {}
            }
        }
    }

    async fn assert_readable(&self, namespace: Namespace, address: Address) {
        let held: Capabilities = [Capability::KvStoreRead, Capability::KvStoreWrite].into_iter().collect();
        for visibility in [Visibility::Committed, Visibility::Latest] {
            let query = ReadQuery { namespace, visibility, held: &held, now: self.clock.now() };
            let found = self.app.store.find_record(query, &address).await;
            assert!(found.is_ok(), "{address:?} of {namespace} cannot be read: {found:?}");
        }
    }
}

type Item = HashMap<String, AttributeValue>;

fn entity(item: &Item) -> &str {
    item["entity"].as_s().unwrap()
}

fn partition(item: &Item) -> &str {
    item["pk"].as_s().unwrap()
}

fn namespace(text: &str) -> Namespace {
    let (vcs, installation) = text.split_once('#').unwrap();
    Namespace { vcs: Vcs::parse(vcs).unwrap(), installation: InstallationId::new(installation.parse().unwrap()) }
}

fn address(item: &Item) -> Address {
    let (key, idx) = item["sk"].as_b().unwrap().as_ref().split_last_chunk::<4>().unwrap();
    let key = std::str::from_utf8(&key[..key.len() - 1]).unwrap();
    Address { key: Key::new(key).unwrap(), idx: Idx::new(u32::from_be_bytes(*idx).into()).unwrap() }
}
