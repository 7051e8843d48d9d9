//! The pages for people, and the answer to unknown paths.

use terrapi::http::Routes;

/// The function's routes.
pub fn routes() -> Routes {
    Routes::new()
}
