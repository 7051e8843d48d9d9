//! The emulator's table of routes in `Cargo.toml`, generated from the template by `make routes`.

use std::fs;
use std::path::Path;

use terrapi_local::Template;
use terrapi_local::routes::table;

use crate::error::{Error, Result};

/// The line above the table's entries.
const HEADER: &str = "[workspace.metadata.lambda.watch.router]\n";

/// Writes the table into the `Cargo.toml` of `workspace`. A file that is up to date is left alone.
///
/// # Errors
/// [`Error::Manifest`] if the file has no such table; [`Error::Local`]; [`Error::Io`].
pub fn write(workspace: &Path) -> Result<()> {
    let path = workspace.join("Cargo.toml");
    let manifest = fs::read_to_string(&path)?;
    let generated = generate(&manifest, Template::project()?)?;
    if generated != manifest {
        fs::write(path, generated)?;
    }
    Ok(())
}

/// The text of `Cargo.toml` with the template's routes in its table. The rest of the text stays as it is.
///
/// # Errors
/// [`Error::Manifest`] when there is no such table.
pub fn generate(manifest: &str, template: &Template) -> Result<String> {
    let (before, after) = manifest.split_once(HEADER).ok_or(Error::Manifest)?;
    let mut generated = format!("{before}{HEADER}");
    for (pattern, function) in table(&template.routes) {
        generated.extend(["\"", &pattern, "\" = \"", &function, "\"\n"]);
    }
    generated.extend(after.split_inclusive('\n').skip_while(|line| line.starts_with('"')));
    Ok(generated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_replaces_the_table_alone_and_once() {
        let template = Template::parse(
            r"
Resources:
  OneFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/one
      Events:
        Health: { Type: HttpApi, Properties: { Path: /health, Method: ANY } }
",
        )
        .unwrap();
        let manifest = |entry: &str| format!("[a]\nb = 1\n\n{HEADER}{entry}\n[c]\n\"d\" = 2\n");
        let generated = generate(&manifest("\"/old\" = \"two\"\n"), &template).unwrap();
        assert_eq!(generated, manifest("\"/health\" = \"one\"\n"));
        assert_eq!(generate(&generated, &template).unwrap(), generated);
        assert!(matches!(generate("[a]\n", &template), Err(Error::Manifest)));
    }
}
