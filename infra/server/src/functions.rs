//! The routers of all functions, each for its paths in `template.yaml`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use terrapi::http::{Description, Routes, lambda_service};
use terrapi::runtime::{App, Signing};
use terrapi_local::Template;
use terrapi_local::routes::table;

use crate::error::{Error, Result};

/// Every function's routes, by the function's name.
pub fn routes<D: Description>(signing: Arc<Signing>) -> [(&'static str, Routes<D>); 7] {
    [
        ("token-refresh", token_refresh::routes(signing)),
        ("kv-store", kv_store::routes()),
        ("admin", admin::routes()),
        ("installations", installations::routes()),
        ("identity", identity::routes()),
        ("console", console::routes()),
        ("team-tokens", team_tokens::routes()),
    ]
}

/// The functions, and which one answers which path.
pub struct Functions(matchit::Router<Function>);

#[derive(Clone)]
pub struct Function {
    pub name: &'static str,
    pub router: Router,
}

impl Functions {
    /// # Errors
    /// [`Error::Start`] if the template routes to an unknown function, or has conflicting paths.
    pub fn new(app: &App, signing: Arc<Signing>, template: &Template) -> Result<Self> {
        let function = |(name, routes)| (name, Function { name, router: lambda_service(routes, app.clone()) });
        let functions: HashMap<_, _> = routes(signing).into_iter().map(function).collect();
        let mut paths = matchit::Router::new();
        for (pattern, name) in table(&template.routes) {
            let function = functions.get(name.as_str());
            let function = function.ok_or_else(|| Error::Start(format!("there is no function {name}")))?;
            let conflict = |error: matchit::InsertError| Error::Start(format!("{pattern}: {error}"));
            paths.insert(pattern.clone(), function.clone()).map_err(conflict)?;
        }
        Ok(Self(paths))
    }

    /// The function that answers a path, in its encoded form. `None` only for a path that does not begin with a slash.
    pub fn find(&self, path: &str) -> Option<&Function> {
        self.0.at(path).ok().map(|found| found.value)
    }
}
