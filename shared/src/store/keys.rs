//! Where everything is.
//!
//! | entity | table | pk | sk | read by |
//! |---|---|---|---|---|
//! | user | identity | `user#<id>` | `profile` | whoami |
//! | that a person is an administrator | identity | `administrator#<id>` | `administrator` | every request to an administrators' route; sign-in |
//! | identity at a provider | identity | `user#<id>` | `identity#<vcs>` | whoami of a provider, acting for a person there |
//! | whose an identity is | identity | `identity#<vcs>#<provider's number>` | `identity` | sign-in |
//! | who last signed in under a login | identity | `login#<vcs>#<hex login>` | `login` | adding people to a team |
//! | sign-in under way | identity | `sign-in#<SHA-256 of its state>` | `sign-in` | the provider's redirect back |
//! | membership | identity | `user#<id>` | `member#<vcs>#<installation>` | the first use of a token in an installation, each use of an organization's token; whole, when the provider has listed them |
//! | the newest look at memberships | identity | `user#<id>` | `member-list#<vcs>` | the condition on replacing them |
//! | membership once more | identity, index `by_installation` | `member#<vcs>#<installation>` | `user#<id>` | the administrators' listing of an installation's members |
//! | API key | identity | `key#<id>` | `key` | exchange, deletion, listing (in batches), the condition on creating another with it |
//! | API key's place in a listing, with the keys it came of | identity | `user#<id>` | `key#<vcs>#<hex name>#<id>` | listing by (name, id); all places of the owner, for a key's descendants |
//! | audit entry | identity | `audit#key#<id>`; about no key `audit#user#<id>`, or `audit#nobody` | `<milliseconds, 15 digits>#<random>` | a key's trail, newest first |
//! | audit entry once more | identity, index `trail` | `<shard>` | as above | the administrators' trail, newest first |
//! | session | identity | `session#<SHA-256 of the cookie's value>` | `session` | every request with the cookie, logout |
//! | public key | identity | `public-keys` | `<kid>` | verifiers, at start and for an unknown kid |
//! | organization, by its name | identity | `organization-name#<hex name>` | `organization` | whatever is done in it by its name |
//! | organization | identity | `organization#<code>` | `organization` | the same; whole, together with what follows |
//! | organization once more | identity, index `by_installation` | `organization#<vcs>#<installation>` | `organization#<code>` | the administrators' listing of an installation's organizations |
//! | team | identity | `organization#<code>` | `team#<digits>` | by id; each use of its tokens |
//! | token of a team or an organization | identity | `organization#<code>` | `token#<digits>` | by id; each use of it |
//! | a team's name is taken | identity | `organization#<code>` | `name#<hex name>` | the condition on naming another so |
//! | a token's description is taken | identity | `organization#<code>` | `description#<team's digits>#<SHA-256 of it>` | the condition on creating another |
//! | belonging to a team | identity | `user#<id>` | `team#<digits>` | the list of a person's organizations |
//! | rate budget | identity | `rate#<kind>#<hex>` | `budget` | nobody: the answer to each report says what is left |
//! | KV record | kv | `<vcs>#<installation>` | key bytes, 0, idx big-endian | everything |
//! | commit head | kv | `<vcs>#<installation>#head` | 0 | every listing and commit; reads and writes that meet a draft |
//! | commit part | kv | `<vcs>#<installation>#commit#<id>` | part, big-endian | whoever reads a head that names the commit, the folding worker |
//! | blob intent | kv | `blob#<name>` | 0 | the worker, when it expires |
//! | seed of the key that seals cursors | kv | `cursor-seed` | 0 | each process, at its first cursor |
//! | installation, and its running refresh | operations | `installation#<vcs>#<id>` | `installation` | whatever is done in it |
//! | installation's secrets | operations | `installation#<vcs>#<id>` | `webhook-secret`, `access-token` | its set-up; whoever reads its repositories |
//! | repository | operations | `installation#<vcs>#<id>` | `repo#<id, 20 digits>` | by number; a refresh, in batches |
//! | run | operations | `run#<id>` | `run` | by id |
//! | drift run once more | operations, index `drifts` | `<shard>` | `<milliseconds, 15 digits>#<id>` | the administrators' listing of drift runs, newest first |
//! | last unlock of a repository's drift | operations | `installation#<vcs>#<id>` | `drift-unlock#<repository's id, 20 digits>` | that listing, in batches |
//! | task | operations | `task#<id>` | `task` | its owners, the worker |
//! | unfinished task | operations | `tasks-open` | `<task id>` | the worker, every few minutes |
//! | membership to be checked | operations | `membership-checks#<shard>` | `<user>#<vcs>#<installation>` | each use of a membership that is due, the worker |
//! | dead letter | operations | `dead-letters` | `<milliseconds, 15 digits>-<word>-<sequence number>` | listing, newest first; replay |
//! | count of a change's failures | operations | `failure#<word>#<sequence number>` | `failure` | the worker, when the change fails again |
//!
//! The index is what keeps an audit entry one write for the exchange; DynamoDB copies it there by itself. An index has no
//! limit to what one of its partitions holds, only to how fast it grows, so four shards (4,000 entries a second) stand for
//! all time: a page asks each once. A partition a day would be as hot on its day, and a quiet week would cost a page a
//! walk over its empty days. Only audit entries have the index's attribute.
//!
//! Drift runs have such an index for the same reasons, and one more: a run changes its state, and DynamoDB copies that too.
//! Places in a partition of their own would make each creation a transaction at twice the price, and a page would have to
//! read its runs in a batch, or each change of state would be a transaction as well. Only drift runs have the index's
//! attributes. The index holds whole items, so what grows with a run belongs beside it in its partition, not into it.
//!
//! What belongs to an installation is found by an index, too. Only people's memberships and organizations have its attribute,
//! so that the users of teams are not in it. DynamoDB copies a membership again when it is confirmed, once an hour at most.
//!
//! Only hex, decimal, ids of letters and digits, and closed words enter a composite key, so that no two things share one.

use crate::domain::kv::{Address, Idx, Key};
use crate::domain::organization::{Description, OrganizationCode, OrganizationName, TeamId, TeamName, TeamTokenId};
use crate::domain::rate::{Network, RateLimitKey};
use crate::domain::{InstallationId, KeyId, KeyName, Millis, Namespace, RunId, SessionId, TaskId, UserId, Vcs};

/// Name of every table's partition key.
pub const PK: &str = "pk";
/// Name of every table's sort key.
pub const SK: &str = "sk";
/// Name of the DynamoDB time-to-live attribute: epoch seconds.
pub const TTL: &str = "ttl";
/// The longest place in a listing, in bytes: a sort key holds 1,024, and a range may begin one byte behind it.
pub const MAX_POSITION_BYTES: usize = 1_023;
/// Sort key of entities that are alone in their partition.
pub const ONLY: [u8; 1] = [0];

pub fn user(id: UserId) -> String {
    format!("user#{id}")
}

/// The user whose partition this is.
pub fn parse_user(partition: &str) -> Option<UserId> {
    UserId::parse(partition.strip_prefix("user#")?)
}

/// Name of the index over what belongs to an installation, and of its partition key. Its sort key is the table's partition
/// key.
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

/// What the places of all keys of a user begin with.
pub const LISTED_KEYS: &str = "key#";

pub fn listed_keys(vcs: Vcs) -> String {
    format!("key#{vcs}#")
}

/// Hex keeps the order of the names' bytes, and `#` sorts before every digit, so a name sorts before its extensions.
pub fn listed_key(vcs: Vcs, name: &KeyName, id: KeyId) -> String {
    format!("{}{}#{id}", listed_keys(vcs), hex(name.as_str()))
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    let digits = bytes.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// Name of the index over all audit entries, and of its partition key.
pub const TRAIL: &str = "trail";
/// Into how many partitions the index is cut.
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

/// The key whose entry this is.
pub fn parse_audit(partition: &str) -> Option<KeyId> {
    KeyId::parse(partition.strip_prefix("audit#key#")?)
}

/// The last millisecond that has its place, in the year 33658.
const LAST_MILLIS: i64 = 999_999_999_999_999;

/// The order of places is the order of (instant, nonce).
pub fn audit_place(at: Millis, nonce: u64) -> String {
    format!("{:015}#{nonce:016x}", at.0.clamp(0, LAST_MILLIS))
}

/// The instant and nonce whose [`audit_place`] this is.
pub fn parse_audit_place(place: &str) -> Option<(Millis, u64)> {
    let (at, nonce) = place.split_once('#')?;
    let (at, nonce) = (Millis(at.parse().ok()?), u64::from_str_radix(nonce, 16).ok()?);
    (audit_place(at, nonce) == place).then_some((at, nonce))
}

/// Name of the index over all drift runs, and of its partition key.
pub const DRIFTS: &str = "drifts";
/// Name of that index's sort key.
pub const DRIFT_PLACE: &str = "drift_place";
/// Into how many partitions the index is cut.
pub const DRIFT_SHARDS: u8 = 4;

pub fn drifts(shard: u8) -> String {
    shard.to_string()
}

/// Whatever version of UUID an id is, its last byte is random.
pub fn drift_shard(id: RunId) -> u8 {
    id.bytes()[15] % DRIFT_SHARDS
}

/// The order of places is the order of (instant, id).
pub fn drift_place(created_at: Millis, id: RunId) -> String {
    format!("{:015}#{id}", created_at.0.clamp(0, LAST_MILLIS))
}

/// Whether this is some run's [`drift_place`].
pub fn is_drift_place(place: &str) -> bool {
    let parse = |place: &str| {
        let (at, id) = place.split_once('#')?;
        Some(drift_place(Millis(at.parse().ok()?), RunId::parse(id)?))
    };
    parse(place).is_some_and(|parsed| parsed == place)
}

pub fn session(id: SessionId) -> String {
    format!("session#{id}")
}

pub const SESSION: &str = "session";

pub const DEAD_LETTERS: &str = "dead-letters";

pub const FAILURE: &str = "failure";

/// `what` is one of the worker's words, `place` a sequence number of a stream: digits.
pub fn failure(what: &str, place: &str) -> String {
    format!("failure#{what}#{place}")
}

pub fn organization_name(name: &OrganizationName) -> String {
    format!("organization-name#{}", hex(name.as_str()))
}

pub fn organization(code: OrganizationCode) -> String {
    format!("organization#{code}")
}

/// The organization itself, its teams and its tokens sort behind everything else in their partition.
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

/// A description has up to 255 characters, too many for a key, and two of them must not share a place.
pub fn description(team: TeamId, description: &Description) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, description.as_str().as_bytes());
    format!("description#{}#{}", team.digits(), hex(digest))
}

pub const PUBLIC_KEYS: &str = "public-keys";

/// One partition for each subject, apart from everything else that is kept about it.
pub fn budget(subject: &RateLimitKey) -> String {
    match subject {
        RateLimitKey::Key(key) => format!("rate#key#{key}"),
        RateLimitKey::Session(session) => format!("rate#session#{session}"),
        RateLimitKey::Principal(user) => format!("rate#principal#{user}"),
        RateLimitKey::Anonymous(network) => format!("rate#stranger#{}", place(network)),
        RateLimitKey::FailedSecret(key, network) => format!("rate#guesser#{key}#{}", place(network)),
    }
}

fn place(network: &Network) -> String {
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

/// Into how many partitions the checks of memberships are cut: while a provider is away, each use of a membership that is due
/// writes to one.
pub const MEMBERSHIP_CHECK_SHARDS: u8 = 16;

pub fn membership_checks(shard: u8) -> String {
    format!("membership-checks#{shard}")
}

/// The last byte of a person's id is random.
pub fn membership_check_shard(user: UserId) -> u8 {
    user.bytes()[15] % MEMBERSHIP_CHECK_SHARDS
}

pub fn membership_check(user: UserId, namespace: Namespace) -> String {
    format!("{user}#{namespace}")
}

/// The membership whose [`membership_check`] this is.
pub fn parse_membership_check(text: &str) -> Option<(UserId, Namespace)> {
    let (user, namespace) = text.split_once('#')?;
    Some((UserId::parse(user)?, parse_namespace(namespace)?))
}

/// A record's sort key. Keys hold no NUL, so the byte order of sort keys is the order of (key bytes, idx).
pub fn record(address: &Address) -> Vec<u8> {
    let mut sort_key = address.key.as_str().as_bytes().to_vec();
    sort_key.push(0);
    sort_key.extend_from_slice(&address.idx.get().to_be_bytes());
    sort_key
}

/// The address whose [`record`] this is.
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
        let places = [(0, 0), (0, u64::MAX), (1, 0), (1_790_000_000_000, 7), (LAST_MILLIS, u64::MAX)];
        let places = places.map(|(at, nonce)| (Millis(at), nonce));
        let texts = places.map(|(at, nonce)| audit_place(at, nonce));
        assert!(texts.is_sorted());
        assert_eq!(texts.each_ref().map(|text| parse_audit_place(text)), places.map(Some));
        for bad in ["", "#", "zzz", "1#1", "-00000000000001#0000000000000000", "000000000000001#000000000000000G"] {
            assert_eq!(parse_audit_place(bad), None, "{bad}");
        }
    }

    #[test]
    fn drift_positions_follow_time_and_others_are_refused() {
        let id = |number| RunId::new(uuid::Uuid::from_u128(number));
        let places = [(0, u128::MAX), (1, 0), (1, 1), (1_790_000_000_000, 7), (LAST_MILLIS, u128::MAX)];
        let places = places.map(|(at, number)| drift_place(Millis(at), id(number)));
        assert!(places.is_sorted());
        assert!(places.iter().all(|place| is_drift_place(place)));
        let (upper, short) = (places[4].to_uppercase(), format!("1#{}", id(1)));
        for bad in ["", "#", "000000000000001#", "000000000000001#x", &upper, &short] {
            assert!(!is_drift_place(bad), "{bad}");
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
