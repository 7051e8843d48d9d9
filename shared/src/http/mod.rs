//! HTTP: who is calling, what they sent, and how results become answers.

mod authorize;
mod base_url;
mod body;
mod cookie;
mod cors;
mod cursor;
mod error;
mod etag;
mod event;
mod layers;
mod openapi;
mod origin;
mod page;
mod path;
mod query;
mod rate;
mod routes;
mod team_token;

pub use authorize::{
    AccessTokenCreate, Administrator, AnyCaller, Authorized, InGroup, InInstallation, InNamespace, KvStoreRead,
    KvStoreReadWrite, KvStoreWrite, Needs, OnVcs, authenticate, bearer,
};
pub use base_url::parse_origin;
pub use body::{JsonBody, OptionalJsonBody, present, read_body};
pub use cookie::{find_cookie, session_begins, session_cookie, session_ends, set_cookie};
pub use cors::ListedOrigins;
pub use cursor::{open_cursor, seal_cursor};
pub use error::{ApiError, ErrorBody};
pub use etag::unchanged;
pub use event::{ClientInfo, FrontEnd, MalformedEvent, into_request};
pub use layers::{MAX_BODY_BYTES, service};
pub use openapi::{GithubInstallationPath, InstallationPath, PageQuery, RecordPath, VcsPath, document, whole_document};
pub use origin::Origin;
pub use page::{PageLink, page_link};
pub use path::PathParams;
pub use query::Query;
pub use rate::{Stranger, charge, network, refuse_limited};
pub use routes::{Described, Description, Finish, Handlers, Routes, macros};
pub use team_token::{Holder, ProvenToken, prove_team_token};
