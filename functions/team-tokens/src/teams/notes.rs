//! The attributes of a team in audit entries.

use std::collections::BTreeMap;

use terrapi::domain::organization::{OrganizationAccess, Team, Visibility};
use terrapi::domain::{Capabilities, Error, Result};
use terrapi::store::TeamChange;

/// The attributes in a change, with their new values.
pub fn changed(change: &TeamChange) -> Result<BTreeMap<String, Option<String>>> {
    let visibility = change.visibility.map(|visibility| match visibility {
        Visibility::Secret => "secret".to_owned(),
        Visibility::Organization => "organization".to_owned(),
    });
    let attributes = [
        ("name", change.name.as_ref().map(ToString::to_string)),
        ("visibility", visibility),
        ("allow_member_token_management", change.allow_member_token_management.map(|flag| flag.to_string())),
        ("capabilities", change.capabilities.as_ref().map(json).transpose()?),
    ];
    let flags = change.access.each().into_iter();
    let flags = flags.map(|(name, value)| (format!("organization_access.{name}"), Some(value.to_string())));
    let attributes = attributes.into_iter().filter(|(_, value)| value.is_some());
    Ok(attributes.map(|(name, value)| (name.to_owned(), value)).chain(flags).collect())
}

/// The rights of a new team: each access flag that is set, and its capabilities.
pub fn given(team: &Team) -> Result<BTreeMap<String, Option<String>>> {
    let none = OrganizationAccess::default();
    let flags = team.access.each().into_iter().zip(none.each()).filter(|(own, none)| own != none);
    let flags = flags.map(|((name, value), _)| (format!("organization_access.{name}"), Some(value.to_string())));
    let capabilities = Some(&team.capabilities).filter(|own| **own != Capabilities::default()).map(json).transpose()?;
    Ok(flags.chain(capabilities.map(|text| ("capabilities".to_owned(), Some(text)))).collect())
}

fn json(capabilities: &Capabilities) -> Result<String> {
    serde_json::to_string(capabilities).map_err(|error| Error::internal("writing an audit entry", error))
}
