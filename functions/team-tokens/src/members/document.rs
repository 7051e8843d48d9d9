//! The user and membership objects.

use serde::Serialize;
use terrapi::domain::organization::{Organization, Role};
use utoipa::ToSchema;

use super::{MEMBERSHIPS, Member, USERS};
use crate::account::AccountAttributes;
use crate::jsonapi::{EmptyObject, Identifier, Parameters, Resource, ToMany, ToOne};

/// A membership in an organization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub struct MembershipResource(Resource<MembershipAttributes, MembershipRelationships>);

/// The attributes of a membership.
#[derive(Debug, Serialize, ToSchema)]
pub struct MembershipAttributes {
    /// Always `active`: people sign in before they are added.
    status: &'static str,
    /// Their email address at the provider. Empty if the caller does not manage teams, or if the provider does not show
    /// it.
    email: String,
}

/// The relationships of a membership.
#[derive(Debug, Serialize, ToSchema)]
pub struct MembershipRelationships {
    /// The person.
    user: ToOne,
    /// The organization.
    organization: ToOne,
    /// The teams with this person that the caller may see.
    teams: ToMany,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub struct UserResource(Resource<AccountAttributes, EmptyObject>);

/// A document with included resources.
#[derive(Debug, Serialize, ToSchema)]
pub struct Compound<D> {
    /// The document.
    #[serde(flatten)]
    pub document: D,
    /// The resources that `include` requested. Absent if it requested none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub included: Option<Vec<Included>>,
}

/// An included resource.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Included {
    /// A person.
    User(UserResource),
    /// A membership.
    Membership(MembershipResource),
}

/// The parameter that includes related resources.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description: handlers take Parameters")]
pub struct IncludeParams {
    /// The related resources to include, separated by commas: `users` and `organization-memberships` of teams, `user`
    /// of memberships.
    include: Option<String>,
}

/// Whether the query requests that this is included.
pub fn asks_for(parameters: &Parameters, what: &str) -> bool {
    let words = ["include", "include[]"].into_iter().flat_map(|name| parameters.all(name));
    words.flat_map(|words| words.split(',')).any(|word| word == what)
}

/// The resource object of a membership, as the caller may see it.
pub fn membership(member: &Member, organization: &Organization, role: &Role) -> MembershipResource {
    let email = member.profile.as_ref().and_then(|profile| profile.email.clone());
    // Always a text: clients refuse a membership whose email address is null.
    let email = email.filter(|_| role.manages()).unwrap_or_default();
    let attributes = MembershipAttributes { status: "active", email };
    let relationships = MembershipRelationships {
        user: Identifier::new(USERS, &member.user_id()).into(),
        organization: Identifier::new("organizations", &organization.name).into(),
        teams: ToMany { data: member.teams.iter().map(|team| Identifier::new("teams", team)).collect() },
    };
    let id = member.id(organization);
    let path = format!("/api/v2/organization-memberships/{id}");
    MembershipResource(Resource { id, r#type: MEMBERSHIPS, attributes, relationships, links: None }.at(path))
}

/// The resource object of a person, as the caller may see it.
pub fn user(member: &Member, role: &Role) -> UserResource {
    let (email, avatar_url) = match &member.profile {
        Some(profile) => (profile.email.clone(), profile.avatar_url.clone()),
        None => (None, None),
    };
    let attributes = AccountAttributes::new(member.username(), email.filter(|_| role.manages()), avatar_url);
    let id = member.user_id();
    UserResource(Resource { id, r#type: USERS, attributes, relationships: EmptyObject::default(), links: None })
}

/// The included resources of a team's document.
pub fn included(
    members: &[Member],
    organization: &Organization,
    role: &Role,
    parameters: &Parameters,
) -> Option<Vec<Included>> {
    let (users, memberships) = (asks_for(parameters, USERS), asks_for(parameters, MEMBERSHIPS));
    let people = members.iter().filter(|_| users).map(|member| Included::User(user(member, role)));
    let of = |member| Included::Membership(membership(member, organization, role));
    let memberships = members.iter().filter(|_| memberships).map(of);
    Some(people.chain(memberships).collect::<Vec<_>>()).filter(|included| users || !included.is_empty())
}
