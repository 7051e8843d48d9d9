//! Routes that describe themselves.

use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::runtime::App;

/// A function's routes with their descriptions.
pub type Routes = OpenApiRouter<App>;

/// The description of a function's routes. Wildcards are named as OpenAPI has them: `{key}`.
pub fn document(routes: Routes) -> OpenApi {
    let (_, mut document) = routes.split_for_parts();
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    document
}
