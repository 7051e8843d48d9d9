//! Installations: `/api/v1/{vcs}/installations/…`, and older paths without a provider, which stand for GitHub.

mod groups;
mod of_user;
mod onboarding;
mod paths;
mod refresh;

use terrapi::http::{Description, Routes};
use terrapi::routes;

pub fn routes<D: Description>() -> Routes<D> {
    Routes::new()
        .routes(routes!(refresh::refresh_repositories))
        .routes(routes!(refresh::refresh_github_repositories))
        .routes(routes!(of_user::list_github_installations))
        .routes(routes!(of_user::list_gitlab_installations))
        .routes(routes!(groups::list_gitlab_groups))
        .routes(routes!(groups::is_gitlab_group_member))
        .routes(routes!(groups::gitlab_whoareyou))
        .routes(routes!(onboarding::get_gitlab_webhook))
        .routes(routes!(onboarding::put_gitlab_access_token))
}
