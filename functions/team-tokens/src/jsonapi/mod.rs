//! JSON:API: documents, problems, pages and payloads.

mod document;
mod identifiers;
mod page;
mod payload;
mod problem;

pub use document::{Answer, Document, EmptyObject, Identifier, MEDIA_TYPE, Resource, ToMany, ToOne};
pub use identifiers::Identifiers;
pub use page::{ListDocument, Page, PageParams, Parameters};
pub use payload::{Attributes, Payload};
pub use problem::{ErrorDocument, Problem, finish};
