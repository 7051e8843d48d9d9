//! What a credential may do ([`Capability`]), and how a set of capabilities ([`Capabilities`]) is derived from another:
//! the result never allows more.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserializer, Error as _, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, schema::Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{InstallationId, Namespace, Vcs};

/// One thing that a credential may do (`KvStoreRead`), or one limit on where it may do it (`InstallationId`, `Vcs`).
///
/// Shape: a word (`"kv_store_read"`), or an object with exactly these members: `{"name":"installation_id","id":"7"}`,
/// `{"name":"vcs","vcs":"github"}`. Listings use the order of the variants.
///
/// ```
/// use terrapi::domain::Capability;
///
/// let limit: Capability = serde_json::from_str(r#"{"name": "installation_id", "id": "7"}"#).unwrap();
/// assert_eq!(limit, Capability::InstallationId("7".into()));
/// assert_eq!(limit.name(), "installation_id:7");
/// assert!(serde_json::from_str::<Capability>(r#""kv_store_delete""#).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "Wire")]
pub enum Capability {
    /// Create, list and delete API keys.
    AccessTokenCreate,
    /// Exchange a key for an access token. Only API keys have it; no request may ask for it.
    AccessTokenRefresh,
    /// Limits the credential to one installation, whose id is given in decimal. Routes about an installation require
    /// it.
    InstallationId(String),
    KvStoreRead,
    /// Reserved for records of the system: no request may ask for it, so a record with this in `read_caps` is closed to
    /// callers.
    KvStoreSystemRead,
    /// Reserved in the same way for `write_caps`.
    KvStoreSystemWrite,
    KvStoreWrite,
    /// Limits the credential to one provider: `github` or `gitlab`.
    Vcs(String),
}

/// One thing a token may do, or one limit on where.
#[derive(Serialize, Clone, ToSchema)]
#[serde(untagged)]
#[schema(example = "kv_store_read")]
enum Wire {
    Word(Word),
    Limit(Limit),
}

/// One thing a token may do.
#[derive(Serialize, Deserialize, Clone, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CapabilityWord)]
enum Word {
    AccessTokenCreate,
    AccessTokenRefresh,
    KvStoreRead,
    KvStoreSystemRead,
    KvStoreSystemWrite,
    KvStoreWrite,
}

/// One limit on where. Limits of one kind add up; without any of a kind there is none.
#[derive(Serialize, Clone, ToSchema)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = CapabilityLimit)]
enum Limit {
    /// To one installation, its id in decimal.
    #[schema(title = "InstallationLimit")]
    InstallationId { id: String },
    /// To one version control system.
    #[schema(title = "VcsLimit")]
    Vcs { vcs: String },
}

impl PartialSchema for Capability {
    fn schema() -> RefOr<Schema> {
        Wire::schema()
    }
}

impl ToSchema for Capability {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Wire::schemas(schemas);
    }
}

/// Reads a capability member by member. A derived implementation for these two shapes would first parse the whole input
/// into a tree.
impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CapabilityVisitor)
    }
}

struct CapabilityVisitor;

/// The members of a limit.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum LimitMember {
    Name,
    Id,
    Vcs,
}

impl<'de> Visitor<'de> for CapabilityVisitor {
    type Value = Capability;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a capability")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Capability, E> {
        Ok(match Word::deserialize(word.into_deserializer())? {
            Word::AccessTokenCreate => Capability::AccessTokenCreate,
            Word::AccessTokenRefresh => Capability::AccessTokenRefresh,
            Word::KvStoreRead => Capability::KvStoreRead,
            Word::KvStoreSystemRead => Capability::KvStoreSystemRead,
            Word::KvStoreSystemWrite => Capability::KvStoreSystemWrite,
            Word::KvStoreWrite => Capability::KvStoreWrite,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Capability, A::Error> {
        let (mut name, mut id, mut vcs) = (None, None, None);
        while let Some(member) = members.next_key()? {
            let slot: &mut Option<String> = match member {
                LimitMember::Name => &mut name,
                LimitMember::Id => &mut id,
                LimitMember::Vcs => &mut vcs,
            };
            if slot.replace(members.next_value()?).is_some() {
                return Err(A::Error::custom("a member is repeated"));
            }
        }
        match (name.as_deref(), id, vcs) {
            (Some("installation_id"), Some(id), None) => Ok(Capability::InstallationId(id)),
            (Some("vcs"), None, Some(vcs)) => Ok(Capability::Vcs(vcs)),
            _ => Err(A::Error::custom("not a limit")),
        }
    }
}

impl From<Capability> for Wire {
    fn from(capability: Capability) -> Self {
        match capability {
            Capability::AccessTokenCreate => Self::Word(Word::AccessTokenCreate),
            Capability::AccessTokenRefresh => Self::Word(Word::AccessTokenRefresh),
            Capability::KvStoreRead => Self::Word(Word::KvStoreRead),
            Capability::KvStoreSystemRead => Self::Word(Word::KvStoreSystemRead),
            Capability::KvStoreSystemWrite => Self::Word(Word::KvStoreSystemWrite),
            Capability::KvStoreWrite => Self::Word(Word::KvStoreWrite),
            Capability::InstallationId(id) => Self::Limit(Limit::InstallationId { id }),
            Capability::Vcs(vcs) => Self::Limit(Limit::Vcs { vcs }),
        }
    }
}

impl Capability {
    /// The name by which answers mention it (`scope`, `data`): the word, or `installation_id:<id>`, or `vcs:<vcs>`.
    pub fn name(&self) -> String {
        match self {
            Self::AccessTokenCreate => "access_token_create".into(),
            Self::AccessTokenRefresh => "access_token_refresh".into(),
            Self::KvStoreRead => "kv_store_read".into(),
            Self::KvStoreSystemRead => "kv_store_system_read".into(),
            Self::KvStoreSystemWrite => "kv_store_system_write".into(),
            Self::KvStoreWrite => "kv_store_write".into(),
            Self::InstallationId(id) => format!("installation_id:{id}"),
            Self::Vcs(vcs) => format!("vcs:{vcs}"),
        }
    }

    fn limit(&self) -> Option<LimitKind> {
        match self {
            Self::InstallationId(_) => Some(LimitKind::Installation),
            Self::Vcs(_) => Some(LimitKind::Vcs),
            _ => None,
        }
    }

    /// Whether a request may name it: the id of an installation must be what [`InstallationId::parse`] accepts. Older
    /// rows may contain other ids; they are read without an error, and match no installation.
    pub fn is_well_formed(&self) -> bool {
        match self {
            Self::InstallationId(id) => InstallationId::parse(id).is_some(),
            _ => true,
        }
    }

    /// Whether no request may ask for it.
    fn reserved(&self) -> bool {
        matches!(self, Self::AccessTokenRefresh | Self::KvStoreSystemRead | Self::KvStoreSystemWrite)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LimitKind {
    Installation,
    Vcs,
}

/// A request asked for capabilities that cannot be granted. Contains all of these, in the order of [`Capability`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantError(pub Vec<Capability>);

impl GrantError {
    /// Their names, separated by commas, as the answer's `data` shows them.
    pub fn names(&self) -> String {
        self.0.iter().map(Capability::name).collect::<Vec<_>>().join(",")
    }
}

/// A set of capabilities. In JSON an array in the order of [`Capability`].
///
/// Limits of one kind add up: with two `InstallationId`s the holder reaches both installations. Without a limit of a
/// kind, nothing is limited in that respect.
///
/// ```
/// use terrapi::domain::{Capabilities, Capability, InstallationId, Namespace, Vcs};
///
/// let key: Capabilities = [Capability::KvStoreRead, Capability::InstallationId("7".into())].into_iter().collect();
/// let of = |id| Namespace { vcs: Vcs::Github, installation: InstallationId::new(id) };
/// assert!(key.reaches(of(7)) && !key.reaches(of(8)));
///
/// // A token for less than the key keeps the key's limits; a token for more is refused.
/// let read: Capabilities = [Capability::KvStoreRead].into_iter().collect();
/// assert_eq!(key.narrowed_to(&read).unwrap(), key);
/// let write: Capabilities = [Capability::KvStoreWrite].into_iter().collect();
/// assert_eq!(key.narrowed_to(&write).unwrap_err().names(), "kv_store_write");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Capabilities(BTreeSet<Capability>);

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        Self(capabilities.into_iter().collect())
    }
}

impl Capabilities {
    /// Whether the set contains this capability.
    pub fn holds(&self, capability: &Capability) -> bool {
        self.0.contains(capability)
    }

    /// Whether the set contains all of `needed`. This decides about a record's `read_caps` and `write_caps`.
    pub fn holds_all(&self, needed: &Self) -> bool {
        needed.0.is_subset(&self.0)
    }

    /// The capabilities, in the order of [`Capability`].
    pub fn iter(&self) -> impl Iterator<Item = &Capability> {
        self.0.iter()
    }

    /// Whether the limits allow `vcs`.
    pub fn reaches_vcs(&self, vcs: Vcs) -> bool {
        !self.limited(LimitKind::Vcs) || self.holds(&Capability::Vcs(vcs.as_str().into()))
    }

    /// Whether the limits allow `namespace`. This alone grants no access: the owner must also be a member of the
    /// installation, which the caller of this function has to check.
    pub fn reaches(&self, namespace: Namespace) -> bool {
        self.reaches_vcs(namespace.vcs) && self.reaches_installation(namespace.installation)
    }

    /// Whether no limit to installations is set.
    pub fn reaches_every_installation(&self) -> bool {
        !self.limited(LimitKind::Installation)
    }

    /// The installations that `requested` names and that the limits allow. For these the owner's membership must be
    /// checked.
    pub fn reached_among(&self, requested: &Self) -> BTreeSet<InstallationId> {
        requested.installations().filter(|id| self.reaches_installation(*id)).collect()
    }

    /// Whether `outer` reaches every installation that the set reaches.
    pub fn lies_within(&self, outer: &Self) -> bool {
        let limits = || self.0.iter().filter(|held| held.limit() == Some(LimitKind::Installation));
        outer.reaches_every_installation() || limits().next().is_some() && limits().all(|limit| outer.holds(limit))
    }

    /// The installations that the set is limited to. Empty if it is not limited.
    pub fn installations(&self) -> impl Iterator<Item = InstallationId> {
        self.0.iter().filter_map(|capability| match capability {
            Capability::InstallationId(id) => InstallationId::parse(id),
            _ => None,
        })
    }

    fn reaches_installation(&self, id: InstallationId) -> bool {
        !self.limited(LimitKind::Installation) || self.holds(&Capability::InstallationId(id.to_string()))
    }

    fn limited(&self, kind: LimitKind) -> bool {
        self.0.iter().any(|held| held.limit() == Some(kind))
    }

    /// The capabilities of an access token for which an exchange asks: `requested`, plus the limits of every kind that
    /// `requested` does not name.
    ///
    /// # Errors
    /// [`GrantError`] with the requested capabilities that the set does not contain.
    pub fn narrowed_to(&self, requested: &Self) -> Result<Self, GrantError> {
        let foreign: Vec<_> = requested.0.difference(&self.0).cloned().collect();
        if !foreign.is_empty() {
            return Err(GrantError(foreign));
        }
        Ok(self.with_inherited_limits(requested.0.clone()))
    }

    /// The capabilities of a new API key that a caller with the capabilities `self` creates through the path of `vcs`:
    /// `requested`, plus the caller's limits of every kind that `requested` does not name, plus the limit to `vcs`.
    ///
    /// `accessible` contains the requested installations of which the caller's user is a member.
    ///
    /// # Errors
    /// [`GrantError`] with the requested capabilities that the caller does not have, that no request may ask for, or
    /// that name an installation outside of `accessible`.
    pub fn granted_to_key(
        &self,
        requested: &Self,
        vcs: Vcs,
        accessible: &BTreeSet<InstallationId>,
    ) -> Result<Self, GrantError> {
        let path_vcs = Capability::Vcs(vcs.as_str().into());
        let grantable = |capability: &Capability| match capability {
            _ if capability.reserved() => false,
            Capability::InstallationId(id) => {
                InstallationId::parse(id).is_some_and(|id| self.reaches_installation(id) && accessible.contains(&id))
            }
            Capability::Vcs(_) => *capability == path_vcs || self.holds(capability),
            _ => self.holds(capability),
        };
        let refused: Vec<_> = requested.0.iter().filter(|capability| !grantable(capability)).cloned().collect();
        if !refused.is_empty() {
            return Err(GrantError(refused));
        }
        let mut granted = self.with_inherited_limits(requested.0.clone());
        granted.0.insert(path_vcs);
        Ok(granted)
    }

    fn with_inherited_limits(&self, mut capabilities: BTreeSet<Capability>) -> Self {
        for kind in [LimitKind::Installation, LimitKind::Vcs] {
            let named = capabilities.iter().any(|capability| capability.limit() == Some(kind));
            if !named {
                capabilities.extend(self.0.iter().filter(|held| held.limit() == Some(kind)).cloned());
            }
        }
        Self(capabilities)
    }
}

#[cfg(test)]
#[path = "capability_tests.rs"]
mod tests;
