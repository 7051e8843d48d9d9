//! The audit trail: the identity table, and its index `trail`.

use super::LAST_MILLIS;
use crate::domain::{KeyId, Millis, UserId};

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
