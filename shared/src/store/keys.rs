//! The key of every item, and the access patterns.
//!
//! | entity | table | pk | sk | read by |
//! |---|---|---|---|---|
//! | user | identity | `user#<id>` | `profile` | whoami |
//! | administrator | identity | `administrator#<id>` | `administrator` | every request to an administrators' route; sign-in |
//! | identity at a provider | identity | `user#<id>` | `identity#<vcs>` | whoami of a provider; calls to the provider on behalf of a person |
//! | user of an identity | identity | `identity#<vcs>#<provider's number>` | `identity` | sign-in |
//! | user who last signed in under a login | identity | `login#<vcs>#<hex login>` | `login` | adding members to a team |
//! | pending sign-in | identity | `sign-in#<SHA-256 of its state>` | `sign-in` | the provider's redirect back |
//! | membership | identity | `user#<id>` | `member#<vcs>#<installation>` | the first use of a token in an installation, each use of an organization's token; all memberships of a user, when the provider has listed them |
//! | newest membership fence | identity | `user#<id>` | `member-list#<vcs>` | the condition on replacing memberships |
//! | membership, by installation | identity, index `by_installation` | `member#<vcs>#<installation>` | `user#<id>` | the administrators' listing of an installation's members |
//! | API key | identity | `key#<id>` | `key` | exchange, deletion, listing (in batches), the condition on creating another key with it |
//! | listing entry of an API key, with its ancestors | identity | `user#<id>` | `key#<vcs>#<hex name>#<id>` | listing by (name, id); all entries of a user, to find a key's descendants |
//! | audit entry | identity | `audit#key#<id>`; for an event without a key `audit#user#<id>` or `audit#nobody` | `<milliseconds, 15 digits>#<random>` | the trail of a key, newest first |
//! | audit entry, by time | identity, index `trail` | `<shard>` | as above | the administrators' trail, newest first |
//! | session | identity | `session#<SHA-256 of the cookie's value>` | `session` | every request with the cookie, logout |
//! | public key | identity | `public-keys` | `<kid>` | verifiers, at start and for an unknown kid |
//! | organization, by name | identity | `organization-name#<hex name>` | `organization` | every request that names an organization |
//! | organization | identity | `organization#<code>` | `organization` | the same; or the whole partition with teams and tokens |
//! | organization, by installation | identity, index `by_installation` | `organization#<vcs>#<installation>` | `organization#<code>` | the administrators' listing of an installation's organizations |
//! | team | identity | `organization#<code>` | `team#<digits>` | by id; each use of its tokens |
//! | token of a team or an organization | identity | `organization#<code>` | `token#<digits>` | by id; each use of it |
//! | uniqueness marker of a team's name | identity | `organization#<code>` | `name#<hex name>` | the condition on giving a team this name |
//! | uniqueness marker of a token's description | identity | `organization#<code>` | `description#<team's digits>#<SHA-256 of the description>` | the condition on creating a token with this description |
//! | membership in a team | identity | `user#<id>` | `team#<digits>` | the list of a user's organizations |
//! | rate budget | identity | `rate#<kind>#<hex>` | `budget` | never read: the answer to each report returns it |
//! | KV record | kv | `<vcs>#<installation>` | key bytes, 0, idx big-endian | every KV route |
//! | commit head | kv | `<vcs>#<installation>#head` | 0 | every listing and commit; reads and writes that meet a draft |
//! | commit part | kv | `<vcs>#<installation>#commit#<id>` | part number, big-endian | readers of a head that names the commit; the worker when it folds |
//! | blob intent | kv | `blob#<name>` | 0 | the worker, when it expires |
//! | seed of the key that encrypts cursors | kv | `cursor-seed` | 0 | each process, at its first cursor |
//! | installation, and its running refresh | operations | `installation#<vcs>#<id>` | `installation` | every request that concerns the installation |
//! | installation's secrets | operations | `installation#<vcs>#<id>` | `webhook-secret`, `access-token` | the set-up of the installation; code that reads its repositories |
//! | repository | operations | `installation#<vcs>#<id>` | `repo#<id, 20 digits>` | by number; a refresh, in batches |
//! | run | operations | `run#<id>` | `run` | by id |
//! | drift run, by time | operations, index `drifts` | `<shard>` | `<milliseconds, 15 digits>#<id>` | the administrators' listing of drift runs, newest first |
//! | last unlock of a repository's drift | operations | `installation#<vcs>#<id>` | `drift-unlock#<repository's id, 20 digits>` | the listing of drift runs, in batches |
//! | task | operations | `task#<id>` | `task` | its owners, the worker |
//! | unfinished task | operations | `tasks-open` | `<task id>` | the worker, every few minutes |
//! | membership check | operations | `membership-checks#<shard>` | `<user>#<vcs>#<installation>` | each use of a membership that is due for a check, the worker |
//! | dead letter | operations | `dead-letters` | `<milliseconds, 15 digits>-<kind>-<sequence number>` | listing, newest first; replay |
//! | number of failures of a change | operations | `failure#<kind>#<sequence number>` | `failure` | the worker, when the change fails again |
//!
//! The index `trail` lets the exchange write an audit entry once: DynamoDB copies it into the index. A partition of an index
//! may hold any amount of data, but accepts a limited rate of writes. Four shards accept 4,000 entries a second, and a page
//! queries each of them once. One partition for each day would accept only the rate of a single partition, and a page would
//! have to query many empty days after a quiet week. Only audit entries have the index's attribute.
//!
//! The index `drifts` exists for the same reasons, and because DynamoDB also copies each change of a run's state. Separate
//! listing entries would make every creation a transaction at twice the price; a page would have to read the runs in a
//! batch, or every change of state would be a transaction too. Only drift runs have the index's attributes. The index holds
//! whole items, so data that grows with a run belongs in items of their own in the run's partition.
//!
//! The index `by_installation` lists the members and organizations of an installation. Only these have its attribute;
//! memberships of service users do not. DynamoDB copies a membership again when it is confirmed, at most once an hour.
//!
//! A composite key is built only from hex, decimal numbers, ids of letters and digits, and a closed set of words, so that
//! two different things never have the same key.

use crate::domain::kv::{Address, Idx, Key};
use crate::domain::organization::{Description, OrganizationCode, OrganizationName, TeamId, TeamName, TeamTokenId};
use crate::domain::rate::{Network, RateLimitKey};
use crate::domain::{InstallationId, KeyId, KeyName, Millis, Namespace, RunId, SessionId, TaskId, UserId, Vcs};

/// Name of the partition key of every table.
pub const PK: &str = "pk";
/// Name of the sort key of every table.
pub const SK: &str = "sk";
/// Name of the time-to-live attribute. Its unit is epoch seconds.
pub const TTL: &str = "ttl";
/// The longest cursor position in bytes. A sort key has at most 1,024, and a range may begin one byte after the
/// position.
pub const MAX_POSITION_BYTES: usize = 1_023;
/// The sort key of an entity that is alone in its partition.
pub const ONLY: [u8; 1] = [0];

pub fn user(id: UserId) -> String {
    format!("user#{id}")
}

/// The user that owns this partition.
pub fn parse_user(partition: &str) -> Option<UserId> {
    UserId::parse(partition.strip_prefix("user#")?)
}

/// Name of the index that lists what belongs to an installation, and of its partition key. Its sort key is the
/// partition key of the table.
pub const BY_INSTALLATION: &str = "by_installation";

pub fn members_of(namespace: Namespace) -> String {
    format!("member#{namespace}")
}

pub fn organizations_in(namespace: Namespace) -> String {
    format!("organization#{namespace}")
}

pub const PROFILE: &str = "profile";

pub fn administrator(id: UserId) -> String {
    format!("administrator#{id}")
}

pub const ADMINISTRATOR: &str = "administrator";

pub fn identity_of_user(vcs: Vcs) -> String {
    format!("identity#{vcs}")
}

pub fn identity(vcs: Vcs, provider_id: u64) -> String {
    format!("identity#{vcs}#{provider_id}")
}

pub const IDENTITY: &str = "identity";

pub fn login(vcs: Vcs, login: &str) -> String {
    format!("login#{vcs}#{}", hex(login))
}

pub const LOGIN: &str = "login";

pub fn sign_in(state: &[u8; 32]) -> String {
    format!("sign-in#{}", hex(state))
}

pub const SIGN_IN: &str = "sign-in";

pub fn memberships(vcs: Vcs) -> String {
    format!("member#{vcs}#")
}

pub fn membership(namespace: Namespace) -> String {
    format!("{}{}", memberships(namespace.vcs), namespace.installation)
}

pub fn membership_list(vcs: Vcs) -> String {
    format!("member-list#{vcs}")
}

pub fn api_key(id: KeyId) -> String {
    format!("key#{id}")
}

pub const API_KEY: &str = "key";

/// The prefix of the listing entries of all keys of a user.
pub const LISTED_KEYS: &str = "key#";

pub fn listed_keys(vcs: Vcs) -> String {
    format!("key#{vcs}#")
}

/// Hex keeps the byte order of names. `#` sorts before every digit, so a name sorts before every longer name that
/// begins with it.
pub fn listed_key(vcs: Vcs, name: &KeyName, id: KeyId) -> String {
    format!("{}{}#{id}", listed_keys(vcs), hex(name.as_str()))
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    let digits = bytes.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// Name of the index of all audit entries, and of its partition key.
pub const TRAIL: &str = "trail";
/// The number of shards of that index.
pub const TRAIL_SHARDS: u64 = 4;

pub fn trail(shard: u64) -> String {
    shard.to_string()
}

pub fn audit(key: Option<KeyId>, actor: Option<UserId>) -> String {
    match (key, actor) {
        (Some(key), _) => audit_of_key(key),
        (None, Some(actor)) => format!("audit#user#{actor}"),
        (None, None) => "audit#nobody".into(),
    }
}

pub fn audit_of_key(id: KeyId) -> String {
    format!("audit#key#{id}")
}

/// The key that the entries of this partition are about.
pub fn parse_audit(partition: &str) -> Option<KeyId> {
    KeyId::parse(partition.strip_prefix("audit#key#")?)
}

/// The last millisecond that fits into 15 digits, in the year 33658.
const LAST_MILLIS: i64 = 999_999_999_999_999;

/// Sort keys have the order of (instant, nonce).
pub fn audit_sort_key(at: Millis, nonce: u64) -> String {
    format!("{:015}#{nonce:016x}", at.0.clamp(0, LAST_MILLIS))
}

/// Inverse of [`audit_sort_key`].
pub fn parse_audit_sort_key(sort_key: &str) -> Option<(Millis, u64)> {
    let (at, nonce) = sort_key.split_once('#')?;
    let (at, nonce) = (Millis(at.parse().ok()?), u64::from_str_radix(nonce, 16).ok()?);
    (audit_sort_key(at, nonce) == sort_key).then_some((at, nonce))
}

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

pub fn session(id: SessionId) -> String {
    format!("session#{id}")
}

pub const SESSION: &str = "session";

pub const DEAD_LETTERS: &str = "dead-letters";

pub const FAILURE: &str = "failure";

/// `kind` is one of the worker's closed set of words. `sequence_number` is the number of a stream record, which has
/// only digits.
pub fn failure(kind: &str, sequence_number: &str) -> String {
    format!("failure#{kind}#{sequence_number}")
}

pub fn organization_name(name: &OrganizationName) -> String {
    format!("organization-name#{}", hex(name.as_str()))
}

pub fn organization(code: OrganizationCode) -> String {
    format!("organization#{code}")
}

/// The organization, its teams and its tokens sort after everything else in their partition.
pub const ORGANIZATION: &str = "organization";

pub const TEAMS: &str = "team#";

pub fn team(id: TeamId) -> String {
    format!("{TEAMS}{}", id.digits())
}

pub const TOKENS: &str = "token#";

pub fn team_token(id: TeamTokenId) -> String {
    format!("{TOKENS}{}", id.digits())
}

pub fn team_name(name: &TeamName) -> String {
    format!("name#{}", hex(name.as_str()))
}

/// The text is hashed, because a description of 255 characters can be too long for a sort key.
pub fn description(team: TeamId, description: &Description) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, description.as_str().as_bytes());
    format!("description#{}#{}", team.digits(), hex(digest))
}

pub const PUBLIC_KEYS: &str = "public-keys";

/// The budget of each rate limit key has its own partition.
pub fn budget(subject: &RateLimitKey) -> String {
    match subject {
        RateLimitKey::Key(key) => format!("rate#key#{key}"),
        RateLimitKey::Session(session) => format!("rate#session#{session}"),
        RateLimitKey::Principal(user) => format!("rate#principal#{user}"),
        RateLimitKey::Anonymous(network) => format!("rate#stranger#{}", network_part(network)),
        RateLimitKey::FailedSecret(key, network) => format!("rate#guesser#{key}#{}", network_part(network)),
    }
}

fn network_part(network: &Network) -> String {
    match network {
        Network::V4(address) => hex(address),
        Network::V6(half) => hex(half),
        Network::Unknown => "unknown".into(),
    }
}

pub const BUDGET: &str = "budget";

pub fn records(namespace: Namespace) -> String {
    namespace.to_string()
}

pub fn head(namespace: Namespace) -> String {
    format!("{namespace}#head")
}

/// The installation whose [`head`] this is.
pub fn parse_head(partition: &str) -> Option<Namespace> {
    parse_namespace(partition.strip_suffix("#head")?)
}

fn parse_namespace(text: &str) -> Option<Namespace> {
    let (vcs, installation) = text.split_once('#')?;
    Some(Namespace { vcs: Vcs::parse(vcs)?, installation: InstallationId::parse(installation)? })
}

pub fn commit(namespace: Namespace, commit: uuid::Uuid) -> String {
    format!("{namespace}#commit#{}", commit.simple())
}

pub const CURSOR_SEED: &str = "cursor-seed";

pub fn blob_intent(name: &str) -> String {
    format!("blob#{name}")
}

pub fn installation(namespace: Namespace) -> String {
    format!("installation#{namespace}")
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

/// The sort key of a record. Keys contain no NUL, so sort keys have the order of (key bytes, idx).
pub fn record(address: &Address) -> Vec<u8> {
    let mut sort_key = address.key.as_str().as_bytes().to_vec();
    sort_key.push(0);
    sort_key.extend_from_slice(&address.idx.get().to_be_bytes());
    sort_key
}

/// Inverse of [`record`].
pub fn parse_record(sort_key: &[u8]) -> Option<Address> {
    let (key, idx) = sort_key.split_last_chunk::<4>()?;
    let key = std::str::from_utf8(key.strip_suffix(&[0])?).ok()?;
    Some(Address { key: Key::new(key).ok()?, idx: Idx::new(u32::from_be_bytes(*idx).into()).ok()? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_address() -> impl Strategy<Value = Address> {
        let key = prop_oneof!["[a#%/.\u{1}\u{ffff}ä]{1,6}", "[^\0]{1,30}"];
        let idx = prop_oneof![0_i64..3, Just(255), Just(256), Just(i64::from(i32::MAX))];
        (key, idx).prop_map(|(key, idx)| Address { key: Key::new(key).unwrap(), idx: Idx::new(idx).unwrap() })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn sort_keys_order_by_key_and_index_and_round_trip(a in any_address(), b in any_address()) {
            let by_address = a.key.as_str().as_bytes().cmp(b.key.as_str().as_bytes()).then(a.idx.cmp(&b.idx));
            prop_assert_eq!(record(&a).cmp(&record(&b)), by_address);
            prop_assert_eq!(parse_record(&record(&a)), Some(a));
        }
    }

    #[test]
    fn audit_positions_round_trip_and_others_are_refused() {
        let sort_keys = [(0, 0), (0, u64::MAX), (1, 0), (1_790_000_000_000, 7), (LAST_MILLIS, u64::MAX)];
        let sort_keys = sort_keys.map(|(at, nonce)| (Millis(at), nonce));
        let texts = sort_keys.map(|(at, nonce)| audit_sort_key(at, nonce));
        assert!(texts.is_sorted());
        assert_eq!(texts.each_ref().map(|text| parse_audit_sort_key(text)), sort_keys.map(Some));
        for bad in ["", "#", "zzz", "1#1", "-00000000000001#0000000000000000", "000000000000001#000000000000000G"] {
            assert_eq!(parse_audit_sort_key(bad), None, "{bad}");
        }
    }

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

    #[test]
    fn longest_key_fits_a_sort_key() {
        let address = Address { key: Key::new("k".repeat(Key::MAX_BYTES)).unwrap(), idx: Idx::MAX };
        assert!(record(&address).len() <= 1_024);
    }

    #[test]
    fn names_are_listed_in_the_order_of_their_bytes() {
        let id = KeyId::new(uuid::Uuid::from_u128(1));
        let mut names = ["b", "a", "", "a#", "ab", "ä", "a\0"].map(|name| KeyName::new(name.into()).unwrap());
        names.sort_by_key(|name| listed_key(Vcs::Github, name, id));
        assert_eq!(names.each_ref().map(KeyName::as_str), ["", "a", "a\0", "a#", "ab", "b", "ä"]);
    }
}
