//! The command line client `terraform`, as far as it works without a provider. It demands HTTPS of hosts that it discovers,
//! so its configuration says where the services are.

use std::fs;
use std::process::{Output, Stdio};
use std::time::Duration;

use http::StatusCode;
use terrapi_watch::function;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::blobs::Folder;

/// How long a command may take, on a machine that compiles meanwhile.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whom it speaks for, and to whom.
pub struct Terraform<'a> {
    /// `http://127.0.0.1:<port>`
    pub origin: &'a str,
    pub organization: &'a str,
    pub token: &'a str,
}

impl Terraform<'_> {
    /// Signs in, and uses the service as a `cloud` block and as the backend `remote`. Does nothing without `terraform`.
    pub async fn run(&self) {
        if Command::new("terraform").arg("version").output().await.is_err() {
            println!("skipped: terraform is not installed");
            return;
        }
        let home = Folder::new();
        fs::create_dir(home.path().join(".terraform.d")).unwrap();
        let services = format!("{}/api/v2/", self.origin);
        let configuration = format!(
            "host \"{}\" {{\n services = {{\n \"tfe.v2\" = \"{services}\"\n \"tfe.v2.1\" = \"{services}\"\n }}\n}}\n",
            self.host()
        );
        fs::write(home.path().join(".terraformrc"), configuration).unwrap();
        self.signs_in(&home).await;
        for (backend, workspaces) in [
            ("cloud", "name = \"production\""),
            ("cloud", "name = \"production\"\n project = \"p\""),
            ("cloud", "tags = [\"a\"]"),
            ("backend \"remote\"", "name = \"production\""),
            ("backend \"remote\"", "prefix = \"production-\""),
        ] {
            let said = self.init(&home, backend, workspaces).await;
            assert!(said.contains("There are no workspaces and no projects here"), "{backend}, {workspaces}: {said}");
        }
    }

    fn host(&self) -> &str {
        self.origin.strip_prefix("http://").unwrap()
    }

    /// `terraform login` with the token, and a look at the page that it sends people to.
    async fn signs_in(&self, home: &Folder) {
        let mut login = self.command(home, &["login", "-no-color", self.host()]);
        let mut login = login.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        answer(&mut login, "Enter a value:", "yes").await;
        let page = answer(&mut login, "Enter a value:", self.token).await;
        let output = timeout(PATIENCE, login.wait_with_output()).await.expect("the login does not end").unwrap();
        assert!(output.status.success(), "{page}{}", text(&output));
        assert!(text(&output).contains("Retrieved token for user api-org_"), "{}", text(&output));
        let saved = fs::read_to_string(home.path().join(".terraform.d/credentials.tfrc.json")).unwrap();
        assert!(saved.contains(self.token), "the token is not saved");
        let address = page.split_whitespace().find(|word| word.starts_with("https://")).unwrap();
        // It leaves the port away, and is of the scheme that every other host has.
        let path = address.strip_prefix("https://127.0.0.1").unwrap();
        let answer = function::client().unwrap().get(format!("{}{path}", self.origin)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path} leads to a page");
    }

    /// What `terraform init` says when it fails.
    async fn init(&self, home: &Folder, backend: &str, workspaces: &str) -> String {
        let (host, organization) = (self.host(), self.organization);
        let configuration = format!(
            "terraform {{\n {backend} {{\n hostname = \"{host}\"\n organization = \"{organization}\"\n \
             workspaces {{\n {workspaces}\n }}\n }}\n}}\n"
        );
        fs::write(home.path().join("main.tf"), configuration).unwrap();
        let _ = fs::remove_dir_all(home.path().join(".terraform"));
        let mut init = self.command(home, &["init", "-no-color", "-input=false"]);
        let output = timeout(PATIENCE, init.output()).await.expect("the start does not end").unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        text(&output).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn command(&self, home: &Folder, arguments: &[&str]) -> Command {
        let mut command = Command::new("terraform");
        command.args(arguments).current_dir(home.path()).env("HOME", home.path()).env("CHECKPOINT_DISABLE", "1");
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        // What a developer has set for another service.
        for name in ["TF_CLI_CONFIG_FILE", "TF_CLI_ARGS", "TF_LOG", "TF_DATA_DIR", "TF_WORKSPACE"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

/// Waits until a process asks, and answers. What it had said until then.
async fn answer(process: &mut Child, question: &str, answer: &str) -> String {
    let out = process.stdout.as_mut().unwrap();
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains(question) {
        let read = timeout(PATIENCE, out.read_u8()).await.expect("nothing is asked");
        said.push(read.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&said))));
    }
    process.stdin.as_mut().unwrap().write_all(format!("{answer}\n").as_bytes()).await.unwrap();
    String::from_utf8(said).unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}
