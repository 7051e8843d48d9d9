//! The API reference as a web page: Swagger UI for `/openapi.json`. The page loads from this host only and sends
//! nothing to another one.

use std::sync::LazyLock;

use axum::response::{Html, IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use terrapi::domain::Error;
use terrapi::http::{ApiError, ErrorBody, PathParams};

use crate::asset::{Asset, Caching, Content};

/// The `Content-Security-Policy`. Swagger UI loads its arrows from `data:` URLs and sets a few inline styles.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("../assets/docs/index.html");

static ASSETS: [Asset; 4] = [
    Asset {
        name: "swagger-ui-bundle.js",
        media_type: "text/javascript",
        content: Content::Gzip(include_bytes!("../assets/swagger-ui/swagger-ui-bundle.js.gz")),
    },
    Asset {
        name: "swagger-ui.css",
        media_type: "text/css",
        content: Content::Gzip(include_bytes!("../assets/swagger-ui/swagger-ui.css.gz")),
    },
    Asset {
        name: "page.js",
        media_type: "text/javascript",
        content: Content::Plain(include_bytes!("../assets/docs/page.js")),
    },
    Asset {
        name: "page.css",
        media_type: "text/css",
        content: Content::Plain(include_bytes!("../assets/docs/page.css")),
    },
];

/// The page, with the versions in the URLs of its files.
static VERSIONED_PAGE: LazyLock<String> = LazyLock::new(|| {
    ASSETS.iter().fold(PAGE.to_owned(), |page, asset| {
        page.replace(&format!("{{{}}}", asset.name), &format!("docs/{}?v={}", asset.name, asset.version()))
    })
});

/// Show the reference
#[utoipa::path(get, path = "/docs", tag = "documentation", operation_id = "show_reference",
    responses((status = 200, description = "A page for people", body = String, content_type = "text/html")))]
pub async fn page() -> impl IntoResponse {
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, Html(VERSIONED_PAGE.as_str()))
}

/// Get a file of the reference
#[utoipa::path(get, path = "/docs/{asset}", tag = "documentation", operation_id = "get_reference_file",
    params(("asset" = String, Path, description = "The file's name", example = "page.js")),
    responses((status = 200, description = "The file", headers(("etag" = String)),
            content((String = "text/javascript"), (String = "text/css"))),
        (status = 304, description = "Unchanged", headers(("etag" = String))),
        (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn asset(path: PathParams, headers: HeaderMap) -> Result<Response, ApiError> {
    let asset = ASSETS.iter().find(|asset| asset.name == path.text("asset")).ok_or(Error::NotFound)?;
    Ok(asset.answer(&headers, Caching::Immutable)?)
}
