//! Clients of the key-value store that record their operations and the answers.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::model::{Answer, Expect, GROUPS, Op, RECORDS, Side};
use super::service::Service;
use crate::support::faulty::unit;

/// One client. It sends one request at a time.
pub struct Client<'a> {
    service: &'a Service<'a>,
    number: u32,
    draws: Draws,
}

/// Random numbers derived from a seed.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and `end`")]
        let drawn = (unit(self.0) * f64::from(end)) as u32;
        drawn.min(end - 1)
    }
}

impl<'a> Client<'a> {
    pub fn new(service: &'a Service<'a>, number: u32, seed: u64) -> Self {
        Self { service, number, draws: Draws((seed << 20) ^ (u64::from(number) << 40)) }
    }

    /// Performs about `operations` operations.
    pub async fn work(mut self, operations: usize) {
        let mut done = 0;
        while done < operations {
            let (group, record) = self.random_record();
            done += match self.draws.below(100) {
                0..20 => self.read(group, record, false).await,
                20..30 => self.read(group, record, true).await,
                30..38 => self.put(group, record, false, Expect::Anything).await,
                38..52 => self.put(group, record, true, Expect::Anything).await,
                52..64 => self.compare_and_set(group, record).await,
                64..70 => self.delete(group, record).await,
                70..80 => self.commit(group).await,
                80..92 => self.stage_commit_read(group, record).await,
                _ => self.stage_commit_stage_read(group, record).await,
            };
        }
    }

    /// Reads every record, published and staged. Returns those whose answer was neither 200 nor 404.
    pub async fn read_all(&mut self) -> Vec<String> {
        let mut unreadable = Vec::new();
        for (group, record) in all_records() {
            for staged in [false, true] {
                if self.read(group, record, staged).await == 0 {
                    unreadable.push(format!("{} cannot be read (staged: {staged})", key(group, record)));
                }
            }
        }
        unreadable
    }

    /// Writes every record.
    pub async fn write_all(&mut self) {
        for (group, record) in all_records() {
            self.put(group, record, false, Expect::Anything).await;
        }
    }

    fn random_record(&mut self) -> (usize, usize) {
        (self.draws.below(GROUPS as u32) as usize, self.draws.below(RECORDS as u32) as usize)
    }

    async fn stage_commit_read(&mut self, group: usize, record: usize) -> usize {
        self.put(group, record, true, Expect::Anything).await
            + self.commit_of(group, vec![record]).await
            + self.read(group, record, false).await
    }

    async fn stage_commit_stage_read(&mut self, group: usize, record: usize) -> usize {
        self.stage_commit_read(group, record).await
            + self.put(group, record, true, Expect::Anything).await
            + self.read(group, record, false).await
    }

    /// Reads a record by one of the routes. Returns 1 if it was answered.
    async fn read(&mut self, group: usize, record: usize, staged: bool) -> usize {
        let (key, call) = (key(group, record), self.service.history.now());
        let query = format!("committed={}", !staged);
        let op = match self.draws.below(10) {
            0 => {
                let answer = self.service.send("GET", &format!("count/key/{key}"), &query, None).await;
                let found = answer.and_then(|answer| found(answer, |_| ()));
                found.map(|found| Op::Count { record, staged, found: found.is_some() })
            }
            1 => {
                let query = format!("{query}&limit=1");
                let answer = self.service.send("GET", &format!("iter/{key}"), &query, None).await;
                let first = answer.and_then(|answer| found(answer, |body| body["results"][0].clone()));
                let seen = first.map(|first| first.filter(|first| first["key"] == key.as_str()));
                seen.map(|seen| Op::Read { record, staged, seen: seen.map(|record| side(&record)) })
            }
            _ => {
                let answer = self.service.send("GET", &format!("key/{key}"), &query, None).await;
                let seen = answer.and_then(|answer| found(answer, |body| side(&body)));
                seen.map(|seen| Op::Read { record, staged, seen })
            }
        };
        self.enter(group, call, op)
    }

    async fn put(&mut self, group: usize, record: usize, staged: bool, expect: Expect) -> usize {
        let value = self.service.values.fetch_add(1, Ordering::Relaxed);
        // A value above 16 KiB is stored in object storage.
        let padding = if self.draws.below(40) == 0 { 17_000 } else { 0 };
        let mut body = json!({"data": {"number": value, "padding": "x".repeat(padding)}, "committed": !staged});
        if let Expect::Version(version) = expect {
            body["version"] = version.into();
        }
        let marker = if expect == Expect::Anything { "key" } else { "cas/key" };
        let call = self.service.history.now();
        let answer = self.service.send("PUT", &format!("{marker}/{}", key(group, record)), "", Some(body)).await;
        let answer = written(answer, |body| body["version"].as_i64().unwrap());
        self.enter(group, call, answer.map(|answer| Op::Put { record, staged, value, expect, answer }))
    }

    /// With the version just read, or insert-only.
    async fn compare_and_set(&mut self, group: usize, record: usize) -> usize {
        let staged = self.draws.below(2) == 0;
        let answer = self.service.send("GET", &format!("key/{}", key(group, record)), "committed=false", None).await;
        let version = answer.and_then(|(_, body)| body["version"].as_i64());
        let expect = version.map_or(Expect::Absent, Expect::Version);
        self.put(group, record, staged, expect).await
    }

    async fn delete(&mut self, group: usize, record: usize) -> usize {
        let call = self.service.history.now();
        let answer = self.service.send("DELETE", &format!("key/{}", key(group, record)), "idx=0", None).await;
        let answer = written(answer, |body| body["result"].as_bool().unwrap());
        let op = answer.map(|answer| {
            let answer = answer.map(|answer| answer.expect("a deletion without a version is not refused"));
            Op::Delete { record, expect: Expect::Anything, answer }
        });
        self.enter(group, call, op)
    }

    async fn commit(&mut self, group: usize) -> usize {
        let several = self.draws.below(3);
        let records = (0..RECORDS).filter(|_| several > 0 || self.draws.below(2) == 0).collect();
        self.commit_of(group, records).await
    }

    async fn commit_of(&mut self, group: usize, records: Vec<usize>) -> usize {
        let keys: Vec<Value> = records.iter().map(|record| json!({"key": key(group, *record), "idx": 0})).collect();
        let call = self.service.history.now();
        let answer = self.service.send("POST", "commit", "", Some(json!({"keys": keys}))).await;
        match answer {
            Some((200, body)) => {
                let listed = body["keys"].as_array().unwrap();
                let number =
                    |key: &Value| records.iter().copied().find(|record| key["key"] == self::key(group, *record));
                let published = listed.iter().map(|key| number(key).expect("a listed key")).collect();
                self.enter(group, call, Some(Op::Commit { published }))
            }
            Some((status, body)) if status < 500 => panic!("a commit was answered {status} {body}"),
            _ => self.enter(group, call, Some(Op::UncertainCommit { listed: records })),
        }
    }

    fn enter(&self, group: usize, call: i64, op: Option<Op>) -> usize {
        let entered = usize::from(op.is_some());
        if let Some(op) = op {
            self.service.history.enter(self.number, group, call, op);
        }
        entered
    }
}

fn all_records() -> impl Iterator<Item = (usize, usize)> {
    (0..GROUPS).flat_map(|group| (0..RECORDS).map(move |record| (group, record)))
}

fn key(group: usize, record: usize) -> String {
    format!("group-{group}/record-{record}")
}

/// The result of a read: the record found, if any. `None` if the read failed.
#[expect(clippy::option_option, reason = "a failed read is not an empty one")]
fn found<T>((status, body): (u16, Value), of: impl Fn(Value) -> T) -> Option<Option<T>> {
    match status {
        200 => Some(Some(of(body))),
        404 => Some(None),
        500.. => None,
        _ => panic!("a read was answered {status} {body}"),
    }
}

/// The result of a write. `None` if the write did not take place.
fn written<T>(answer: Option<(u16, Value)>, of: impl Fn(&Value) -> T) -> Option<Answer<T>> {
    match answer {
        Some((200, body)) => Some(Some(Ok(of(&body)))),
        Some((400, body)) if body["id"] == "VERSION_MISMATCH" => {
            Some(Some(Err(body["data"].as_str().and_then(|current| current.parse().ok()))))
        }
        // The API guarantees that nothing has changed.
        Some((503, body)) if body["id"] == "UNAVAILABLE" => None,
        Some((500.., _)) | None => Some(None),
        Some((status, body)) => panic!("a write was answered {status} {body}"),
    }
}

fn side(record: &Value) -> (Side, bool) {
    let value = record["data"]["number"].as_u64().unwrap();
    (Side { value, version: record["version"].as_i64().unwrap() }, record["committed"].as_bool().unwrap())
}
