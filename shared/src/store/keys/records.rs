//! KV records, commits and blob intents: the kv table.

use super::parse_namespace;
use crate::domain::Namespace;
use crate::domain::kv::{Address, Idx, Key};

pub fn records(namespace: Namespace) -> String {
    namespace.to_string()
}

/// The installation whose [`records`] these are.
pub fn parse_records(partition: &str) -> Option<Namespace> {
    parse_namespace(partition)
}

pub fn head(namespace: Namespace) -> String {
    format!("{namespace}#head")
}

/// The installation whose [`head`] this is.
pub fn parse_head(partition: &str) -> Option<Namespace> {
    parse_namespace(partition.strip_suffix("#head")?)
}

pub fn commit(namespace: Namespace, commit: uuid::Uuid) -> String {
    format!("{namespace}#commit#{}", commit.simple())
}

pub const CURSOR_SEED: &str = "cursor-seed";

pub fn blob_intent(name: &str) -> String {
    format!("blob#{name}")
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
    fn longest_key_fits_a_sort_key() {
        let address = Address { key: Key::new("k".repeat(Key::MAX_BYTES)).unwrap(), idx: Idx::MAX };
        assert!(record(&address).len() <= 1_024);
    }
}
