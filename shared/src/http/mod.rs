//! HTTP: authenticates callers, parses requests, and renders answers.

mod authorize;
mod body;
mod cookie;
mod cors;
mod credential;
mod cursor;
mod deadline;
mod error;
mod etag;
mod event;
mod gateway;
mod json;
mod layers;
mod listing;
mod openapi;
mod origin;
mod path;
mod query;
mod routes;

pub use authorize::{
    AccessTokenCreate, Administrator, AnyCaller, Authorized, InGroup, InInstallation, InNamespace, KvStoreRead,
    KvStoreReadWrite, KvStoreWrite, Needs, OnVcs, require_administrator,
};
pub use body::{JsonBody, NoStore, OptionalJsonBody, present, read_body};
pub use cookie::{cookie_tokens, session_begins, session_cookies, session_ends, set_cookie};
pub use credential::{
    AnonymousRateLimit, Holder, ProvenToken, UnverifiedCredential, authenticate, charged, prove_api_key,
    prove_team_token,
};
pub use cursor::{open_cursor, seal_cursor};
pub use deadline::within;
pub use error::{ApiError, ErrorBody, RenderedFailure, Rendering, log_failure};
pub use etag::unchanged;
pub use event::{ClientInfo, FrontEnd, MalformedEvent, into_request};
pub use gateway::{GatewayEvent, Payload, Text};
pub use json::read_json;
pub use layers::{MAX_BODY_BYTES, lambda_service};
pub use listing::{ListQuery, Listed, Page, seal_position};
pub use openapi::{document, whole_document};
pub use origin::Origin;
pub use path::PathParams;
pub use query::Query;
pub use routes::{Described, Description, Finish, Handlers, Routes, macros};
