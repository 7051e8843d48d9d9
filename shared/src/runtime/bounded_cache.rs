//! A table of bounded size that forgets what was not used lately.

use std::collections::HashMap;
use std::hash::Hash;

/// Two halves: what is used moves to the young one, and when that is full it becomes the old one, whose entries are
/// dropped. So an entry in use stays however many others come, and no step looks at more than one entry.
#[derive(Debug)]
pub struct BoundedCache<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Eq + Hash, V> BoundedCache<K, V> {
    /// Holds at most `capacity` entries.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (capacity / 2).max(1) }
    }

    /// The entry, made by `fresh` if it is not there.
    pub fn entry(&mut self, key: K, fresh: impl FnOnce() -> V) -> &mut V {
        let full = self.young.len() >= self.half && !self.young.contains_key(&key);
        let mut dropped = full.then(|| std::mem::replace(&mut self.old, std::mem::take(&mut self.young)));
        let old = &mut self.old;
        let mut known = |key: &K| old.remove(key).or_else(|| dropped.as_mut()?.remove(key));
        self.young.entry(key).or_insert_with_key(|key| known(key).unwrap_or_else(fresh))
    }

    /// The entry, if it is there.
    pub fn find(&mut self, key: &K) -> Option<&mut V> {
        self.young.get_mut(key).or_else(|| self.old.get_mut(key))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_keeps_used_entries_within_its_capacity() {
        let mut recent = BoundedCache::with_capacity(100);
        for number in 0..10_000 {
            *recent.entry(-1, || 0) += 1;
            recent.entry(number, || 0);
            assert!(recent.len() <= 100, "{}", recent.len());
        }
        assert_eq!(recent.find(&-1), Some(&mut 10_000));
        assert_eq!(recent.find(&9_999), Some(&mut 0));
        assert_eq!(recent.find(&1), None);
    }
}
