//! A cache of verified tokens. Verifying a signature takes as long as a storage read, and clients use one token for
//! most of its minute.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest;

use super::access_token::Claims;
use crate::domain::{Caller, Namespace, Seconds};

/// How many tokens the cache holds.
const MAX_TOKENS: usize = 1_000;

/// A verified credential, and the installations in which the membership of its owner has been confirmed since.
pub struct Verified {
    pub caller: Caller,
    memberships: Mutex<HashSet<Namespace>>,
}

impl Verified {
    pub fn new(caller: Caller) -> Self {
        Self { caller, memberships: Mutex::default() }
    }

    /// Whether [`Self::remember_member_of`] was called for this installation.
    pub fn member_of(&self, namespace: Namespace) -> bool {
        self.memberships.lock().unwrap_or_else(PoisonError::into_inner).contains(&namespace)
    }

    /// Remembers a confirmed membership as long as this value exists: one minute for a token, one request for a
    /// session.
    pub fn remember_member_of(&self, namespace: Namespace) {
        self.memberships.lock().unwrap_or_else(PoisonError::into_inner).insert(namespace);
    }
}

/// The claims of a token, and the result of their verification.
type Entry = (Claims, Arc<Verified>);

/// The cache, by the SHA-256 of the whole token.
#[derive(Default)]
pub struct VerifiedTokens(Mutex<HashMap<[u8; 32], Entry>>);

impl VerifiedTokens {
    /// The entry of a token that was verified before and is still valid.
    pub fn find(&self, token: &str, now: Seconds) -> Option<Arc<Verified>> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, verified) = tokens.get(&hash(token)).filter(|(claims, _)| claims.valid_at(now))?;
        Some(Arc::clone(verified))
    }

    /// Adds a verified token. A full cache drops the expired tokens, and all of them if none has expired.
    pub fn insert(&self, token: &str, claims: Claims, now: Seconds) -> Arc<Verified> {
        let verified = Arc::new(Verified::new(claims.clone().into_caller()));
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MAX_TOKENS {
            tokens.retain(|_, (claims, _)| claims.valid_at(now));
        }
        if tokens.len() >= MAX_TOKENS {
            tokens.clear();
        }
        tokens.insert(hash(token), (claims, Arc::clone(&verified)));
        verified
    }
}

fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}
