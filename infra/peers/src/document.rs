//! The section of `docs/benchmarks.md` that this program writes. `make bench` writes the rest and keeps the section.

use std::fs;
use std::path::Path;

use crate::Result;

const BEGIN: &str = "<!-- peers -->";
const END: &str = "<!-- /peers -->";
const HEADING: &str = "## Beside its peers";

/// Replaces the section, or appends it.
pub fn write(workspace: &Path, section: &str) -> Result<()> {
    let path = workspace.join("docs/benchmarks.md");
    let text = fs::read_to_string(&path)?;
    Ok(fs::write(&path, with_section(&text, section))?)
}

fn with_section(text: &str, section: &str) -> String {
    let section = format!("{BEGIN}\n\n{HEADING}\n\n{}\n\n{END}", section.trim());
    let found = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    match found {
        Some((before, after)) => format!("{before}{section}{after}"),
        None => format!("{}\n\n{section}\n", text.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_is_appended_then_replaced() {
        let first = with_section("# Benchmarks\n", "old");
        assert_eq!(first, "# Benchmarks\n\n<!-- peers -->\n\n## Beside its peers\n\nold\n\n<!-- /peers -->\n");
        assert_eq!(with_section(&first, "new"), first.replace("old", "new"));
    }
}
