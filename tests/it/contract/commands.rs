//! The Makefile's commands that run without an AWS account.

use std::process::Command;

/// The command that `make deploy` would run, with these variables and no profile.
fn deploy(variables: &[(&str, &str)]) -> String {
    let mut make = Command::new("make");
    make.args(["--dry-run", "deploy"]).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    for variable in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "STAGE", "MAKEFLAGS", "MAKELEVEL"] {
        make.env_remove(variable);
    }
    make.env("AWS_CONFIG_FILE", "/dev/null").envs(variables.iter().copied());
    String::from_utf8(make.output().unwrap().stdout).unwrap()
}

#[test]
fn deploy_passes_the_region_to_sam() {
    for (variables, region) in [
        (&[][..], "us-east-1"),
        (&[("AWS_REGION", "eu-west-1")], "eu-west-1"),
        (&[("AWS_DEFAULT_REGION", "eu-central-1")], "eu-central-1"),
        (&[("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-central-1")], "eu-west-1"),
    ] {
        let commands = deploy(variables);
        for command in ["sam build --beta-features", "sam deploy --config-env default"] {
            assert!(commands.contains(&format!("{command} --region {region}\n")), "{variables:?}: {commands}");
        }
    }
}
