//! Rounds in which the peers take turns at each operation, so that a slower minute affects all of them.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use terrapi::runtime::Random;

use crate::Result;
use crate::api::{Header, Operation, Request, VERSION};
use crate::client::Client;
use crate::load::{Counted, Load, Record};
use crate::peers::Peer;
use crate::results::{AtRest, Cell, Figures, Results, Sample};
use crate::settings::Settings;

/// How many clients ask at a time.
pub const CLIENTS: [usize; 3] = [1, 8, 64];
/// How many keys the reads and writes are spread over.
const KEYS: usize = 1_000;
/// How many records of its own each client updates by compare-and-set.
const RECORDS_PER_CLIENT: usize = 4;
/// The random bytes of a value: in base64, which is what is stored, 1 KiB.
const VALUE_BYTES: usize = 768;
/// The size of a value as it is stored.
const VALUE_SIZE: u64 = 1_024;
/// A measure fails if more than one in so many answers is a conflict.
const CONFLICTS_IN: u64 = 100;

/// What the measurement needs beside the peers.
pub struct Bench<'a> {
    pub client: Client,
    /// The folder of wrk's scripts.
    pub scripts: &'a Path,
    pub random: Random,
}

impl Bench<'_> {
    /// Fills the peers, warms them up and measures them.
    pub async fn measure(&self, peers: &[Peer], settings: &Settings) -> Result<Results> {
        let mut results = Results::default();
        for peer in peers {
            results.at_rest.push(AtRest { peer: peer.name, memory: peer.resident()? });
            self.fill(peer).await.map_err(|error| format!("filling {}: {error}", peer.name))?;
        }
        for operation in Operation::ALL {
            for peer in peers.iter().filter(|peer| has(peer, operation)) {
                eprintln!("warming up: {}, {}", operation.name(), peer.name);
                let load = Load { clients: 8, seconds: 1 };
                self.load(peer, operation, load).await.map_err(|error| format!("{}: {error}", peer.name))?;
            }
        }
        for round in 0..settings.rounds {
            for operation in Operation::ALL {
                for clients in CLIENTS {
                    eprintln!("round {} of {}: {}, {clients} clients", round + 1, settings.rounds, operation.name());
                    let cell = Cell { operation, clients };
                    // Another peer is the first in each round.
                    let (later, first) = peers.split_at_checked(round % peers.len()).unwrap_or_default();
                    for peer in first.iter().chain(later).filter(|peer| has(peer, operation)) {
                        let outcome = self.sample(peer, cell, settings.seconds).await;
                        let outcome = outcome.map_err(|error| error.to_string());
                        results.samples.push(Sample { peer: peer.name, round, cell, outcome });
                    }
                }
            }
        }
        Ok(results)
    }

    async fn sample(&self, peer: &Peer, Cell { operation, clients }: Cell, seconds: u64) -> Result<Figures> {
        let counted = self.load(peer, operation, Load { clients, seconds }).await?;
        check(&counted, operation)?;
        Ok(Figures {
            per_second: counted.per_second(),
            p50: counted.p50(),
            p99: counted.p99(),
            memory: peer.resident()?,
            conflicts: counted.conflicts,
        })
    }

    /// Puts a load on a peer, with a token of its own.
    pub async fn load(&self, peer: &Peer, operation: Operation, load: Load) -> Result<Counted> {
        let header = peer.sign_in(&self.client).await?;
        let (api, url) = (&peer.api, &peer.base_url);
        let requests: Vec<Request> = match operation {
            Operation::Read => keys().map(|key| api.read(&key)).collect(),
            Operation::Write => keys().map(|key| Ok(api.write(&key, &self.value()?))).collect::<Result<_>>()?,
            Operation::CompareAndSet => return self.compare_and_set(peer, header, load).await,
            Operation::Login => {
                let (request, header) = api.login().ok_or("a peer without a login")?;
                return load.random(self.scripts, url, header.as_ref(), &[request]).await;
            }
        };
        load.random(self.scripts, url, header.as_ref(), &requests).await
    }

    async fn compare_and_set(&self, peer: &Peer, header: Option<Header>, load: Load) -> Result<Counted> {
        let mut records = Vec::new();
        let name = self.random.id()?;
        for number in 0..load.clients * RECORDS_PER_CLIENT {
            let key = format!("{name}-{number}");
            let write = peer.api.write(&key, &self.value()?);
            let answer = self.client.send(&peer.base_url, &write, header.as_ref()).await?;
            let version = peer.api.version(&answer).ok_or("a write without a version")?;
            records.push(Record { request: peer.api.compare_and_set(&key, &self.value()?, VERSION), version });
        }
        load.compare_and_set(self.scripts, &peer.base_url, header.as_ref(), &records, peer.api.success()).await
    }

    /// Writes all keys, and checks that a read returns what was written.
    async fn fill(&self, peer: &Peer) -> Result<()> {
        let header = peer.sign_in(&self.client).await?;
        let mut last = (String::new(), String::new());
        for key in keys() {
            let value = self.value()?;
            self.client.send(&peer.base_url, &peer.api.write(&key, &value), header.as_ref()).await?;
            last = (key, value);
        }
        let (key, value) = last;
        let answer: Value = self.client.send(&peer.base_url, &peer.api.read(&key), header.as_ref()).await?;
        if peer.api.value(&answer) == Some(&value) { Ok(()) } else { Err("a read returned another value".into()) }
    }

    fn value(&self) -> Result<String> {
        Ok(STANDARD.encode(self.random.bytes::<VALUE_BYTES>()?))
    }
}

fn has(peer: &Peer, operation: Operation) -> bool {
    operation != Operation::Login || peer.api.login().is_some()
}

fn keys() -> impl Iterator<Item = String> {
    (0..KEYS).map(|number| format!("key-{number:04}"))
}

/// Fails unless all answers were successful and each read returned a value. Conflicts are not failures.
pub fn check(counted: &Counted, operation: Operation) -> Result<()> {
    let Counted { requests, bytes, status, socket, timeout, conflicts, .. } = *counted;
    let refused = status.saturating_sub(conflicts);
    if requests == 0 || refused + socket + timeout > 0 {
        return Err(format!(
            "{requests} answers, {refused} of them 4xx or 5xx, {socket} socket errors, {timeout} timeouts"
        )
        .into());
    }
    // Nobody else writes the records, so many conflicts mean that the versions were not followed.
    if conflicts > requests / CONFLICTS_IN {
        return Err(format!("{conflicts} conflicts in {requests} answers").into());
    }
    if operation == Operation::Read && bytes / requests < VALUE_SIZE {
        return Err("reads without a value".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(requests: u64, bytes: u64, status: u64, conflicts: u64) -> Counted {
        let counts = serde_json::json!({
            "requests": requests, "bytes": bytes, "status": status, "conflicts": conflicts,
            "microseconds": 1, "p50": 1, "p99": 1, "socket": 0, "timeout": 0,
        });
        serde_json::from_value(counts).unwrap()
    }

    #[test]
    fn refused_answers_and_missing_values_fail_a_measure() {
        assert!(check(&counted(1_000, 2_000_000, 0, 0), Operation::Read).is_ok());
        assert!(check(&counted(1_000, 2_000_000, 1, 0), Operation::Read).is_err());
        assert!(check(&counted(1_000, 100_000, 0, 0), Operation::Read).is_err(), "answers without a value");
        assert!(check(&counted(0, 0, 0, 0), Operation::Write).is_err());
    }

    #[test]
    fn few_conflicts_are_allowed_and_many_fail() {
        assert!(check(&counted(1_000, 100_000, 2, 2), Operation::CompareAndSet).is_ok());
        assert!(check(&counted(1_000, 100_000, 0, 500), Operation::CompareAndSet).is_err());
        assert!(check(&counted(1_000, 100_000, 3, 2), Operation::CompareAndSet).is_err());
    }
}
