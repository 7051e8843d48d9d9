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

mod audit;
mod identity;
mod operations;
mod organizations;
mod records;

pub use audit::*;
pub use identity::*;
pub use operations::*;
pub use organizations::*;
pub use records::*;

use crate::domain::{InstallationId, Namespace, Vcs};

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

/// The last millisecond that fits into 15 digits, in the year 33658.
const LAST_MILLIS: i64 = 999_999_999_999_999;

fn hex(bytes: impl AsRef<[u8]>) -> String {
    let digits = bytes.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

fn parse_namespace(text: &str) -> Option<Namespace> {
    let (vcs, installation) = text.split_once('#')?;
    Some(Namespace { vcs: Vcs::parse(vcs)?, installation: InstallationId::parse(installation)? })
}
