//! Documents.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of every body (RFC 6838; <https://jsonapi.org/format/#introduction>).
pub const MEDIA_TYPE: &str = "application/vnd.api+json";

/// One thing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Document<T> {
    /// The thing.
    pub data: T,
}

/// A thing: what it is (`attributes`), and what it belongs to (`relationships`).
#[derive(Debug, Serialize, ToSchema)]
pub struct Resource<A, R> {
    /// Names it among those of its type.
    pub id: String,
    /// What kind of thing it is.
    pub r#type: &'static str,
    /// What it is.
    pub attributes: A,
    /// What it belongs to.
    pub relationships: R,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub links: Option<SelfLink>,
}

/// Where a thing is.
#[derive(Debug, Serialize, ToSchema)]
pub struct SelfLink {
    /// Its path.
    #[serde(rename = "self")]
    pub own: String,
}

impl<A, R> Resource<A, R> {
    /// The same with the path it is at.
    pub fn at(self, path: String) -> Self {
        Self { links: Some(SelfLink { own: path }), ..self }
    }
}

/// Points at a thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Identifier {
    /// Its id.
    pub id: String,
    /// Its type.
    pub r#type: &'static str,
}

impl Identifier {
    /// Points at the `id` of a type.
    pub fn new(r#type: &'static str, id: &impl ToString) -> Self {
        Self { id: id.to_string(), r#type }
    }
}

/// A relationship to one thing, or to none any longer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToOne {
    /// The thing.
    pub data: Option<Identifier>,
}

impl From<Identifier> for ToOne {
    fn from(identifier: Identifier) -> Self {
        Self { data: Some(identifier) }
    }
}

/// A relationship to any number of things.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToMany {
    /// The things.
    pub data: Vec<Identifier>,
}

/// No relationships.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Nobody {}

/// A document on its way out.
pub struct Answer<T>(pub StatusCode, pub T);

impl<T: Serialize> Answer<T> {
    /// 200
    pub fn ok(document: T) -> Self {
        Self(StatusCode::OK, document)
    }

    /// 201
    pub fn created(document: T) -> Self {
        Self(StatusCode::CREATED, document)
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        (self.0, [(CONTENT_TYPE, MEDIA_TYPE)], axum::Json(self.1)).into_response()
    }
}
