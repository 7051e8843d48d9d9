//! A cache of bounded size that drops the entries which were not used recently.

use std::collections::HashMap;
use std::hash::Hash;

/// It has two generations. A used entry moves to the young one. When that is full, it becomes the old one, and the
/// entries of the previous old one are dropped. So a used entry stays regardless of how many others are added, and no
/// operation takes more than constant time.
#[derive(Debug)]
pub struct BoundedCache<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Eq + Hash, V> BoundedCache<K, V> {
    pub fn with_capacity(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (capacity / 2).max(1) }
    }

    /// The entry of `key`, which `fresh` creates if it does not exist.
    pub fn entry(&mut self, key: K, fresh: impl FnOnce() -> V) -> &mut V {
        let full = self.young.len() >= self.half && !self.young.contains_key(&key);
        let mut dropped = full.then(|| std::mem::replace(&mut self.old, std::mem::take(&mut self.young)));
        let old = &mut self.old;
        let mut known = |key: &K| old.remove(key).or_else(|| dropped.as_mut()?.remove(key));
        self.young.entry(key).or_insert_with_key(|key| known(key).unwrap_or_else(fresh))
    }

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
