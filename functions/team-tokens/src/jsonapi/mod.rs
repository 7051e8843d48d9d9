//! JSON:API: documents, problems, pages and what clients send.

mod document;
mod finish;
mod identifiers;
mod page;
mod payload;
mod problem;

pub use document::{Answer, Document, Identifier, Nobody, Resource, ToMany, ToOne};
pub use finish::finish;
pub use identifiers::Identifiers;
pub use page::{ListDocument, Page, PageParams, Parameters};
pub use payload::{Attributes, Payload};
pub use problem::{ErrorDocument, Problem};

/// The media type of every body (RFC 6838; <https://jsonapi.org/format/#introduction>).
pub const MEDIA_TYPE: &str = "application/vnd.api+json";
