//! The routes of a function, with or without their descriptions.

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, Route};
use tower::{Layer, Service};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::runtime::App;

/// What happens to the descriptions of the handlers.
///
/// The process of a function does not need them (`()`); building them took a third of its start. Code that needs the
/// document uses [`Described`].
pub trait Description: Default {
    /// Adds the description of one path's handlers.
    #[must_use]
    fn with(self, describe: impl FnOnce() -> UtoipaMethodRouter<App>) -> Self;
}

impl Description for () {
    fn with(self, _: impl FnOnce() -> UtoipaMethodRouter<App>) -> Self {}
}

/// Collects the descriptions for [`document`](super::document).
#[derive(Default)]
pub struct Described(OpenApiRouter<App>);

impl Described {
    pub(super) fn into_openapi(self) -> OpenApi {
        self.0.into_openapi()
    }
}

impl Description for Described {
    fn with(self, describe: impl FnOnce() -> UtoipaMethodRouter<App>) -> Self {
        Self(self.0.routes(describe()))
    }
}

/// One path's handlers, as [`routes!`](crate::routes) makes them.
pub struct Handlers<F> {
    /// The path, as axum writes it.
    pub path: String,
    /// The handler of each method.
    pub methods: MethodRouter<App>,
    /// Creates their description.
    pub describe: F,
}

/// Transforms every answer of a function.
pub type Finish = fn(&App, Response) -> Response;

/// A function's routes.
#[derive(Default)]
pub struct Routes<D = ()> {
    router: Router<App>,
    description: D,
    finish: Option<Finish>,
}

impl<D: Description> Routes<D> {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a path whose handlers describe themselves.
    #[must_use]
    pub fn routes(self, handlers: Handlers<impl FnOnce() -> UtoipaMethodRouter<App>>) -> Self {
        let description = self.description.with(handlers.describe);
        Self { router: self.router.route(&handlers.path, handlers.methods), description, ..self }
    }

    /// Adds a path that is not in any document.
    #[must_use]
    pub fn route(self, path: &str, methods: MethodRouter<App>) -> Self {
        Self { router: self.router.route(path, methods), ..self }
    }

    /// Adds a layer around the routes that were added so far.
    #[must_use]
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<std::convert::Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        Self { router: self.router.layer(layer), ..self }
    }

    /// Transforms every answer, including those for unknown paths and after a panic. For a function whose answers have
    /// another shape than those of the others.
    #[must_use]
    pub fn finished_by(self, finish: Finish) -> Self {
        Self { finish: Some(finish), ..self }
    }

    pub(super) fn into_parts(self) -> (Router<App>, D, Option<Finish>) {
        (self.router, self.description, self.finish)
    }
}

/// The handlers of one path, named `module::handler`, each with its `#[utoipa::path]`: for
/// [`Routes::routes`](crate::http::Routes::routes).
#[macro_export]
macro_rules! routes {
    ($first:ident :: $handler:ident $(, $module:ident :: $other:ident)* $(,)?) => {
        $crate::http::macros::paste! {{
            use ::utoipa::Path as _;
            let methods = ::axum::routing::MethodRouter::new();
            let methods = $crate::http::macros::on(&$first::[<__path_ $handler>]::methods(), methods, &$first::$handler);
            $(let methods = $crate::http::macros::on(&$module::[<__path_ $other>]::methods(), methods, &$module::$other);)*
            $crate::http::Handlers {
                path: $first::[<__path_ $handler>]::path(),
                methods,
                describe: || $crate::http::macros::describe!($first::$handler $(, $module::$other)*),
            }
        }}
    };
}

/// The parts of [`routes!`](crate::routes).
pub mod macros {
    use axum::handler::Handler;
    use axum::routing::MethodRouter;
    pub use pastey::paste;
    use utoipa::openapi::HttpMethod;
    use utoipa_axum::PathItemExt as _;
    pub use utoipa_axum::routes as describe;

    use crate::runtime::App;

    /// Adds a handler for its methods.
    pub fn on<H, T>(methods: &[HttpMethod], router: MethodRouter<App>, handler: &H) -> MethodRouter<App>
    where
        H: Handler<T, App>,
        T: 'static,
    {
        methods.iter().fold(router, |router, method| router.on(method.to_method_filter(), handler.clone()))
    }
}
