//! JSON:API: documents, problems, pages and what clients send.

mod document;
mod identifiers;
mod page;
mod payload;
mod problem;

pub use document::{Answer, Document, Identifier, MEDIA_TYPE, Nobody, Resource, ToMany, ToOne};
pub use identifiers::Identifiers;
pub use page::{ListDocument, Page, PageParams, Parameters};
pub use payload::{Attributes, Payload};
pub use problem::{ErrorDocument, Problem, finish};
