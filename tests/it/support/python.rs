//! Runs the published Python clients of the HCP Terraform API.
#![expect(clippy::disallowed_methods, reason = "the test run may name another interpreter")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// How long a flow may take on a machine that compiles meanwhile.
const PATIENCE: Duration = Duration::from_secs(120);

/// The credentials and the service of a flow.
pub struct Client<'a> {
    pub base_url: &'a str,
    pub organization: &'a str,
    pub organization_token: &'a str,
    /// API key of an owner of the organization.
    pub api_key: &'a str,
    /// A team whose tokens may be exchanged.
    pub team_id: &'a str,
}

impl Client<'_> {
    /// Runs a script of `tests/clients/`. Panics with its output if it fails.
    pub async fn run(&self, script: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = interpreter(folder);
        let flow = tokio::process::Command::new(&python)
            .arg("-B")
            .arg(folder.join("clients").join(script))
            .env("TERRAPI_URL", self.base_url)
            .env("TERRAPI_ORGANIZATION", self.organization)
            .env("TERRAPI_ORGANIZATION_TOKEN", self.organization_token)
            .env("TERRAPI_API_KEY", self.api_key)
            .env("TERRAPI_TEAM", self.team_id)
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(PATIENCE, flow).await.unwrap_or_else(|_| panic!("{script} timed out"));
        let output = output.unwrap_or_else(|error| panic!("{} does not start: {error}", python.display()));
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}: {}\n{out}{error}", output.status);
        print!("{out}");
    }
}

/// The Python interpreter with the clients, which `make test` installs under `.tools/`.
fn interpreter(tests: &Path) -> PathBuf {
    let installed = tests.join("../.tools/bin/python3");
    let python = std::env::var_os("TERRAPI_PYTHON").map_or(installed, PathBuf::from);
    assert!(
        python.exists(),
        "{} is not there: run the tests with `make test`, which installs the clients, or let TERRAPI_PYTHON name a \
         Python that has those of requirements-dev.txt",
        python.display()
    );
    python
}
