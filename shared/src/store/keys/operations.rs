//! Installations, their repositories and runs, and the worker's tasks: the operations table.

use super::{LAST_MILLIS, parse_namespace};
use crate::domain::{Millis, Namespace, RunId, TaskId, UserId};

pub fn installation(namespace: Namespace) -> String {
    format!("installation#{namespace}")
}

/// The installation whose [`installation`] this is.
pub fn parse_installation(partition: &str) -> Option<Namespace> {
    parse_namespace(partition.strip_prefix("installation#")?)
}

pub const INSTALLATION: &str = "installation";

pub const WEBHOOK_SECRET: &str = "webhook-secret";
pub const ACCESS_TOKEN: &str = "access-token";

pub const REPOSITORIES: &str = "repo#";

pub fn repository(id: u64) -> String {
    format!("{REPOSITORIES}{id:020}")
}

pub fn drift_unlock(repository: u64) -> String {
    format!("drift-unlock#{repository:020}")
}

pub fn run(id: RunId) -> String {
    format!("run#{id}")
}

pub const RUN: &str = "run";

/// Name of the index of all drift runs, and of its partition key.
pub const DRIFTS: &str = "drifts";
/// Name of that index's sort key.
pub const DRIFT_SORT_KEY: &str = "drift_place";
/// The number of shards of that index.
pub const DRIFT_SHARDS: u8 = 4;

pub fn drifts(shard: u8) -> String {
    shard.to_string()
}

/// The last byte of a UUID is random in every version.
pub fn drift_shard(id: RunId) -> u8 {
    id.bytes()[15] % DRIFT_SHARDS
}

/// Sort keys have the order of (instant, id).
pub fn drift_sort_key(created_at: Millis, id: RunId) -> String {
    format!("{:015}#{id}", created_at.0.clamp(0, LAST_MILLIS))
}

/// Whether [`drift_sort_key`] can return this text.
pub fn is_drift_sort_key(sort_key: &str) -> bool {
    let parse = |sort_key: &str| {
        let (at, id) = sort_key.split_once('#')?;
        Some(drift_sort_key(Millis(at.parse().ok()?), RunId::parse(id)?))
    };
    parse(sort_key).is_some_and(|parsed| parsed == sort_key)
}

pub fn task(id: TaskId) -> String {
    format!("task#{id}")
}

/// The task whose [`task`] this is.
pub fn parse_task(partition: &str) -> Option<TaskId> {
    TaskId::parse(partition.strip_prefix("task#")?)
}

pub const TASK: &str = "task";

pub const OPEN_TASKS: &str = "tasks-open";

/// The number of shards of the membership checks. While a provider is unavailable, each use of a membership that is due
/// writes to one of them.
pub const MEMBERSHIP_CHECK_SHARDS: u8 = 16;

pub fn membership_checks(shard: u8) -> String {
    format!("membership-checks#{shard}")
}

/// The last byte of a user id is random.
pub fn membership_check_shard(user: UserId) -> u8 {
    user.bytes()[15] % MEMBERSHIP_CHECK_SHARDS
}

pub fn membership_check(user: UserId, namespace: Namespace) -> String {
    format!("{user}#{namespace}")
}

/// Inverse of [`membership_check`].
pub fn parse_membership_check(text: &str) -> Option<(UserId, Namespace)> {
    let (user, namespace) = text.split_once('#')?;
    Some((UserId::parse(user)?, parse_namespace(namespace)?))
}

pub const DEAD_LETTERS: &str = "dead-letters";

pub const FAILURE: &str = "failure";

/// `kind` is one of the worker's closed set of words. `sequence_number` is the number of a stream record, which has
/// only digits.
pub fn failure(kind: &str, sequence_number: &str) -> String {
    format!("failure#{kind}#{sequence_number}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{InstallationId, Vcs};

    #[test]
    fn drift_positions_follow_time_and_others_are_refused() {
        let id = |number| RunId::new(uuid::Uuid::from_u128(number));
        let sort_keys = [(0, u128::MAX), (1, 0), (1, 1), (1_790_000_000_000, 7), (LAST_MILLIS, u128::MAX)];
        let sort_keys = sort_keys.map(|(at, number)| drift_sort_key(Millis(at), id(number)));
        assert!(sort_keys.is_sorted());
        assert!(sort_keys.iter().all(|sort_key| is_drift_sort_key(sort_key)));
        let (upper, short) = (sort_keys[4].to_uppercase(), format!("1#{}", id(1)));
        for bad in ["", "#", "000000000000001#", "000000000000001#x", &upper, &short] {
            assert!(!is_drift_sort_key(bad), "{bad}");
        }
        let shards: std::collections::BTreeSet<u8> = (0..16).map(|number| drift_shard(id(number))).collect();
        assert!(shards.into_iter().eq(0..DRIFT_SHARDS));
    }

    #[test]
    fn membership_check_key_round_trips() {
        let user = UserId::new(uuid::Uuid::from_u128(7));
        for vcs in Vcs::ALL {
            let namespace = Namespace { vcs, installation: InstallationId::new(12345) };
            assert_eq!(parse_membership_check(&membership_check(user, namespace)), Some((user, namespace)));
        }
        for bad in
            ["", "x#github#1", &format!("{user}#github"), &format!("{user}#github#1#2"), &format!("{user}#hub#1")]
        {
            assert_eq!(parse_membership_check(bad), None, "{bad}");
        }
    }
}
