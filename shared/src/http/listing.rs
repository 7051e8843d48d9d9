//! Listings by pages: which page is asked for, the page, the way to the next one, and the description of each.

use std::borrow::Cow;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{AppendHeaders, IntoResponse, Response};
use http::header::{HeaderValue, LINK};
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::cursor::{open_cursor, seal_cursor};
use super::error::ApiError;
use super::origin::{Origin, next_link};
use super::query::Query;
use crate::domain::{Caller, Code, Error, Result};
use crate::runtime::App;

/// Every position is filled up to this many bytes, so that a cursor's length tells nothing about what stands at it. The
/// longest is that of an API key whose name has 256 bytes.
const POSITION_BYTES: usize = 640;

/// Which page is asked for. What is wrong with it is told by [`Self::listing`], after the handler has read the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// The number of items on a page: 20 if absent, at most 100. A larger number counts as 100.
    #[param(minimum = 1, example = 20, value_type = Option<i64>)]
    limit: Result<usize>,
    /// The cursor from a `next` link.
    #[param(value_type = Option<String>)]
    page: Result<Option<String>>,
    #[param(ignore)]
    origin: Origin,
}

impl FromRequestParts<App> for ListQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let query = Query::from_request_parts(parts, app).await?;
        let page = query.text("page").map(|cursor| cursor.map(str::to_owned));
        Ok(Self { limit: query.limit(20, 100), page, origin: Origin::of(parts, app) })
    }
}

impl ListQuery {
    /// Opens the cursor. `name` is a text that no two listings share, and holds the listing's filters: a cursor opens only in
    /// its listing, and for the user to whom it was given. `P` is a position in the listing.
    ///
    /// # Errors
    /// [`Code::InvalidQuery`] for the limit, [`Code::InvalidCursor`] for a text that is no cursor of this listing and user.
    pub async fn listing<'a, P: DeserializeOwned>(
        self,
        app: &'a App,
        caller: &Caller,
        name: &str,
    ) -> Result<Listing<'a, P>> {
        let (limit, cursor, bound_to) = (self.limit?, self.page?, format!("{}#{name}", caller.user));
        let mut after = None;
        if let Some(cursor) = cursor {
            let position = open_cursor(app, &bound_to, &cursor).await?;
            after = Some(serde_json::from_slice(&position).map_err(|_| Error::invalid(Code::InvalidCursor))?);
        }
        Ok(Listing { limit, after, repeated: vec![("limit", limit.to_string())], app, bound_to, origin: self.origin })
    }
}

/// A listing of which a page is asked for.
pub struct Listing<'a, P> {
    /// How many items the page has at most.
    pub limit: usize,
    /// The position behind which the page begins; `None` for the first page.
    pub after: Option<P>,
    /// The parameters that the request for the next page must repeat.
    pub repeated: Vec<(&'static str, String)>,
    app: &'a App,
    bound_to: String,
    origin: Origin,
}

impl<P: Serialize + Send + Sync> Listing<'_, P> {
    /// The page of what was found. `next` is the position behind which the next page begins.
    pub async fn page<T: Listed>(self, found: Vec<impl Into<T> + Send>, next: Option<P>) -> Result<Page<T>> {
        let cursor = match next {
            Some(position) => Some(seal_position(self.app, &self.bound_to, &position).await?),
            None => None,
        };
        Ok(Page::new(found.into_iter().map(Into::into).collect(), &self.origin, cursor, self.repeated))
    }
}

/// The cursor of a position in a listing. `bound_to` is the user and the name of the listing, with `#` between them.
pub async fn seal_position<P: Serialize + Sync>(app: &App, bound_to: &str, position: &P) -> Result<String> {
    let mut text = serde_json::to_vec(position).map_err(|error| Error::internal("writing a cursor", error))?;
    // White space behind a JSON text does not change it.
    text.resize(text.len().max(POSITION_BYTES), b' ');
    seal_cursor(app, bound_to, &text).await
}

/// What pages hold.
pub trait Listed: Serialize + ToSchema {
    /// The name of such a page's schema, and the descriptions of the page and of its results.
    const PAGE: [&str; 3];
    /// The parameter that takes the cursor.
    const CURSOR: &str = "page";
}

/// A page of a listing. It has a `Link` header, unless it is the last one.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    results: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip)]
    link: Option<HeaderValue>,
}

impl<T: Listed> Page<T> {
    /// The next page has the same address with `cursor` and the parameters in `repeated`.
    pub fn new(
        results: Vec<T>,
        origin: &Origin,
        cursor: Option<String>,
        repeated: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        let next = cursor.iter().map(|cursor| (T::CURSOR, cursor.clone()));
        let parameters: Vec<_> = next.chain(repeated).collect();
        let link = cursor.as_ref().and_then(|_| next_link(origin, &parameters));
        Self { results, next_cursor: cursor, link }
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(mut self) -> Response {
        let link = self.link.take().map(|link| (LINK, link));
        (AppendHeaders(link), Json(self)).into_response()
    }
}

impl<T: Listed> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let [_, page, results] = T::PAGE;
        let cursor = format!("The cursor in the `Link` header, to pass as `{}`; absent on the last page.", T::CURSOR);
        let items = Ref::from_schema_name(T::name());
        ObjectBuilder::new()
            .description(Some(page))
            .property("results", ArrayBuilder::new().items(items).description(Some(results)))
            .required("results")
            .property("next_cursor", ObjectBuilder::new().schema_type(Type::String).description(Some(cursor)))
            .into()
    }
}

impl<T: Listed> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        let [name, ..] = T::PAGE;
        name.into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}
