//! JSON:API documents.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of every body (RFC 6838; <https://jsonapi.org/format/#introduction>).
pub const MEDIA_TYPE: &str = "application/vnd.api+json";

/// A document with one resource.
#[derive(Debug, Serialize, ToSchema)]
pub struct Document<T> {
    /// The resource.
    pub data: T,
}

/// A resource object.
#[derive(Debug, Serialize, ToSchema)]
pub struct Resource<A, R> {
    /// Its id, unique among resources of its type.
    pub id: String,
    /// Its type.
    pub r#type: &'static str,
    /// Its attributes.
    pub attributes: A,
    /// Its relationships.
    pub relationships: R,
    /// Its links.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub links: Option<SelfLink>,
}

/// A link to the resource itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct SelfLink {
    /// Its path.
    #[serde(rename = "self")]
    pub own: String,
}

impl<A, R> Resource<A, R> {
    /// The resource with its path as the link.
    pub fn at(self, path: String) -> Self {
        Self { links: Some(SelfLink { own: path }), ..self }
    }
}

/// Identifies a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Identifier {
    /// Its id.
    pub id: String,
    /// Its type.
    pub r#type: &'static str,
}

impl Identifier {
    /// Identifies the resource with this type and id.
    pub fn new(r#type: &'static str, id: &impl ToString) -> Self {
        Self { id: id.to_string(), r#type }
    }
}

/// A relationship to one resource, or to one that no longer exists.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToOne {
    /// The resource. Null if it no longer exists.
    pub data: Option<Identifier>,
}

impl From<Identifier> for ToOne {
    fn from(identifier: Identifier) -> Self {
        Self { data: Some(identifier) }
    }
}

/// A relationship to any number of resources.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToMany {
    /// The resources.
    pub data: Vec<Identifier>,
}

/// An object without members.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct EmptyObject {}

/// An answer with a document.
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
