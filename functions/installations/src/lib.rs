//! Installations: `/api/v1/{vcs}/installations/…`, and older paths without a provider, which stand for GitHub.
//!
//! | path | methods |
//! |---|---|
//! | `/api/v1/gitlab/groups` | GET |
//! | `/api/v1/gitlab/groups/{id}/is-member` | GET |
//! | `/api/v1/gitlab/installations` | GET |
//! | `/api/v1/gitlab/installations/{id}/webhook` | GET |
//! | `/api/v1/gitlab/installations/{installation_id}/access-token` | PUT |
//! | `/api/v1/gitlab/whoareyou` | GET |
//! | `/api/v1/installations/{installation_id}/repos/refresh` | POST |
//! | `/api/v1/user/github/installations` | GET |
//! | `/api/v1/{vcs}/installations/{installation_id}/repos/refresh` | POST |

mod groups;
mod of_user;
mod onboarding;
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
