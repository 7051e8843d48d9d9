//! Clients generated from the published document compile, exchange a key, and use the key-value store.
//!
//! A language whose tools are missing on this machine is skipped with a message; continuous integration must have all.
#![expect(clippy::disallowed_methods, reason = "CI says in the environment that no language may be missing")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use terrapi::domain::Capability::{KvStoreRead, KvStoreWrite};
use tokio::process::Command;

use crate::support::TestService;
use crate::support::served::Served;

const TESTS: &str = env!("CARGO_MANIFEST_DIR");
/// How long one step may take on a machine that compiles meanwhile.
const STEP_LIMIT: Duration = Duration::from_secs(300);

/// A folder for generated code, the service, and the programs that a flow needs.
struct Flow {
    name: &'static str,
    folder: PathBuf,
    service: TestService,
    served: Served,
}

impl Flow {
    /// `None` if one of `programs` is not installed.
    async fn begin(name: &'static str, programs: &[&str]) -> Option<Self> {
        for program in programs {
            let found = Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
            if found.is_err() {
                assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
                println!("skipped: {name} needs {program}, which is not installed");
                return None;
            }
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let service = TestService::new().await;
        let served = Served::start(&service.gateway).await;
        Some(Self { name, folder, service, served })
    }

    /// Runs a program in the flow's folder. Panics with its output if it fails.
    async fn step(&self, program: impl AsRef<OsStr>, arguments: &[&str]) {
        let key = self.service.api_key(&[KvStoreRead, KvStoreWrite]).await;
        let program = program.as_ref();
        let step = Command::new(program)
            .args(arguments)
            .current_dir(&self.folder)
            .env("TERRAPI_URL", &self.served.origin)
            .env("TERRAPI_API_KEY", key)
            .env("TERRAPI_INSTALLATION", "12345")
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let step = tokio::time::timeout(STEP_LIMIT, step).await;
        let output = step.unwrap_or_else(|_| panic!("{}: {} does not end", self.name, program.display()));
        let output = output.unwrap_or_else(|error| panic!("{}: {}: {error}", self.name, program.display()));
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {} {arguments:?}\n{out}{error}", self.name, program.display());
    }

    /// Checks the calls that arrived: none is an error that the flow did not provoke.
    fn check_calls(&self) {
        let exchanges = self.served.take();
        let refused = exchanges.iter().filter(|exchange| exchange.reply.status.is_client_error()).count();
        assert_eq!((exchanges.len(), refused), (9, 1), "one exchange, three sets, a get, two cas, two pages");
    }
}

fn document() -> String {
    format!("{TESTS}/../functions/console/assets/openapi.json")
}

fn source(file: &str) -> String {
    format!("{TESTS}/clients/generated/{file}")
}

/// A program in the Python environment that `make test` installs.
fn tool(name: &str) -> String {
    let tool = format!("{TESTS}/../.tools/bin/{name}");
    assert!(Path::new(&tool).exists(), "{tool} is not there: `make test` installs it");
    tool
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openapi_python_client_generates_a_working_client() {
    let flow = Flow::begin("python-client", &[]).await.unwrap();
    let configuration = "package_name_override: terrapi_client\npost_hooks: []\n";
    std::fs::write(flow.folder.join("config.yaml"), configuration).unwrap();
    let generate = ["generate", "--path", &document(), "--config", "config.yaml", "--meta", "none"];
    let output = ["--output-path", "terrapi_client", "--fail-on-warning"];
    flow.step(tool("openapi-python-client"), &[&generate[..], &output].concat()).await;
    flow.step(tool("python3"), &[&source("python_openapi_client.py"), "."]).await;
    flow.check_calls();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openapi_generator_generates_a_working_client() {
    let Some(flow) = Flow::begin("python-generator", &["java"]).await else { return };
    let generate = ["generate", "--generator-name", "python", "--input-spec", &document(), "--output", "."];
    let options = ["--package-name", "terrapi_client", "--global-property", "apiTests=false,modelTests=false"];
    flow.step(tool("openapi-generator-cli"), &[&generate[..], &options].concat()).await;
    flow.step(tool("python3"), &[&source("python_openapi_generator.py"), "."]).await;
    flow.check_calls();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openapi_typescript_generates_a_working_client() {
    let Some(flow) = Flow::begin("typescript", &["node", "npm"]).await else { return };
    copy(&source("typescript"), &flow.folder, &["flow.ts", "tsconfig.json", "package.json"]);
    let modules = source("typescript/node_modules");
    assert!(Path::new(&modules).exists(), "{modules} is not there: `make test` installs it");
    std::os::unix::fs::symlink(&modules, flow.folder.join("node_modules")).unwrap();
    flow.step("node_modules/.bin/openapi-typescript", &[&document(), "--output", "api.ts"]).await;
    flow.step("node_modules/.bin/tsc", &[]).await;
    flow.step("node", &["out/flow.js"]).await;
    flow.check_calls();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oapi_codegen_generates_a_working_client() {
    let Some(flow) = Flow::begin("go", &["go"]).await else { return };
    copy(&source("go"), &flow.folder, &["flow.go", "go.mod", "go.sum"]);
    std::fs::create_dir(flow.folder.join("api")).unwrap();
    let generate = ["tool", "oapi-codegen", "-generate", "types,client", "-package", "api", "-o", "api/api.go"];
    flow.step("go", &[&generate[..], &[&document()]].concat()).await;
    flow.step("go", &["run", "."]).await;
    flow.check_calls();
}

fn copy(from: &str, to: &Path, files: &[&str]) {
    for file in files {
        std::fs::copy(Path::new(from).join(file), to.join(file)).unwrap();
    }
}
