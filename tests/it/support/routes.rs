//! Selects the function for a URL path, as the gateway does, from the same template.

use std::collections::HashMap;

use axum::Router;
use terrapi_local::Template;

/// The functions behind the template's routes.
#[derive(Clone)]
pub struct Gateway(HashMap<String, Router>);

impl Gateway {
    pub fn new(functions: HashMap<String, Router>) -> Self {
        Self(functions)
    }

    /// The function for a URL path. Among matching routes the one with the most literal segments wins; without a match,
    /// the default route.
    pub fn function(&self, path: &str) -> (&str, Router) {
        let routes = &Template::project().unwrap().routes;
        let best = routes.iter().filter(|route| takes(&route.path, path)).max_by_key(|route| literals(&route.path));
        let default = || routes.iter().find(|route| route.path == "$default");
        let name = &best.or_else(default).unwrap().function;
        (name, self.0[name].clone())
    }
}

fn takes(route: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for expected in route.split('/') {
        if expected.ends_with("+}") {
            return segments.next().is_some_and(|segment| !segment.is_empty());
        }
        let Some(segment) = segments.next() else { return false };
        if !(expected == segment || expected.starts_with('{') && !segment.is_empty()) {
            return false;
        }
    }
    segments.next().is_none()
}

fn literals(route: &str) -> usize {
    route.split('/').filter(|segment| !segment.starts_with('{')).count()
}
