//! The table of results, for the terminal and `docs/benchmarks.md`.

use std::fmt::Write as _;

use crate::stats::Spread;

/// The text above the table in the document.
pub const PREFACE: &str = "`make bench` writes this page. It answers: how fast, how large and how expensive are the \
functions? It fails if a row marked **gate** exceeds its limit; these rows do not depend on the clock. The other rows \
are reported only: absolute times vary with the machine, so most rows are ratios to an empty (\"hello\") function that \
is measured in the same minute. A limit counts as missed if every run exceeds it. The functions run as they are \
deployed, one event at a time unless a row says otherwise, against the embedded engine in memory. Rate limits are off, \
so that they do not refuse the load: `RATE_LIMIT_PRINCIPALS_PER_SECOND` and `RATE_LIMIT_PRINCIPALS_BURST` are 0, and \
a2 uses a limit that it cannot reach. A rate limit costs one write for about twenty requests.
";

/// The section of the document that `make bench-peers` writes, with its markers and an empty line before it. Empty if
/// there is none.
pub fn peers(document: &str) -> String {
    let (begin, end) = ("<!-- peers -->", "<!-- /peers -->");
    let section = document.split_once(begin).and_then(|(_, rest)| rest.split_once(end));
    section.map_or_else(String::new, |(section, _)| format!("\n{begin}{section}{end}\n"))
}

/// The limit of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// The largest allowed value.
    AtMost(f64),
    /// The figure is only reported.
    None,
}

#[derive(Debug, Clone)]
pub struct Row {
    /// The id, for example `b1`.
    pub id: &'static str,
    /// Whether the command fails if the figure exceeds the limit.
    pub gate: bool,
    pub measure: String,
    /// How it is measured.
    pub how: &'static str,
    pub figure: Spread,
    pub unit: &'static str,
    pub limit: Limit,
    /// Remarks: why a limit is missed, and what to try next.
    pub note: String,
}

impl Row {
    /// A row without a limit.
    pub fn new(id: &'static str, measure: impl Into<String>, figure: Spread, unit: &'static str) -> Self {
        let (measure, note) = (measure.into(), String::new());
        Self { id, gate: false, measure, how: "", figure, unit, limit: Limit::None, note }
    }

    /// A row that could not be measured, which counts as failed.
    pub fn failed(id: &'static str, reason: &str) -> Self {
        Self::new(id, "could not be measured", Spread::one(f64::NAN), "").at_most(0.0).gate().note(reason)
    }

    /// Sets how it is measured.
    #[must_use]
    pub const fn how(mut self, how: &'static str) -> Self {
        self.how = how;
        self
    }

    #[must_use]
    pub const fn at_most(mut self, limit: f64) -> Self {
        self.limit = Limit::AtMost(limit);
        self
    }

    /// Makes the command fail if the figure exceeds the limit.
    #[must_use]
    pub const fn gate(mut self) -> Self {
        self.gate = true;
        self
    }

    /// Sets the remarks.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// A limit is missed if every run exceeds it, or if the figure could not be measured.
    pub fn misses(&self) -> bool {
        match self.limit {
            Limit::AtMost(limit) => self.figure.smallest > limit || self.figure.smallest.is_nan(),
            Limit::None => false,
        }
    }

    fn cells(&self) -> [String; 6] {
        let Spread { median, smallest, largest } = self.figure;
        let mut figure = format!("{}{}", number(median), self.unit);
        if smallest < median || median < largest {
            let _ = write!(figure, " ({}–{})", number(smallest), number(largest));
        }
        let limit = match self.limit {
            Limit::AtMost(limit) => format!("≤ {}{}", number(limit), self.unit),
            Limit::None => "–".into(),
        };
        let verdict = match (self.limit, self.misses()) {
            (Limit::None, _) => "–",
            (_, false) => "ok",
            (_, true) => "**missed**",
        };
        let id = if self.gate { format!("{} **gate**", self.id) } else { self.id.to_owned() };
        [id, self.measure.clone(), figure, limit, verdict.to_owned(), self.how.to_owned()]
    }
}

/// Formats a value with three significant digits.
fn number(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        "not measured".into()
    } else if size >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 0.01 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

/// The table in Markdown, followed by the remarks.
pub fn markdown(rows: &[Row]) -> String {
    let mut text =
        "| # | measure | median (least–greatest) | limit | verdict | how |\n|---|---|---|---|---|---|\n".to_owned();
    for row in rows {
        let _ = writeln!(text, "| {} |", row.cells().join(" | "));
    }
    let notes: Vec<_> = rows.iter().filter(|row| !row.note.is_empty()).collect();
    if !notes.is_empty() {
        text.push_str("\n## Notes\n\n");
    }
    for row in notes {
        let _ = writeln!(text, "* **{}, {}**: {}", row.id, row.measure, row.note);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[f64]) -> Row {
        Row::new("x1", "something", Spread::of(values), " ms").at_most(2.0)
    }

    #[test]
    fn limit_fails_only_when_every_run_exceeds_it() {
        assert!(!row(&[1.0, 2.0]).misses());
        assert!(!row(&[1.9, 3.0, 4.0]).misses());
        assert!(row(&[2.1, 3.0]).misses());
        assert!(row(&[]).misses(), "not measured");
        assert!(!Row::new("x1", "something", Spread::one(9.0), "").misses());
    }

    #[test]
    fn section_of_the_peers_is_kept() {
        let section = "\n<!-- peers -->\n\n## Beside its peers\n\n<!-- /peers -->\n";
        assert_eq!(peers(&format!("# Benchmarks\n{section}")), section);
        assert_eq!(peers("# Benchmarks\n"), "");
    }

    #[test]
    fn table_has_a_line_per_row_with_optional_notes() {
        let text = markdown(&[row(&[1.0, 1.5, 1.5]).gate(), row(&[3.0]).note("why")]);
        assert!(text.contains("| x1 **gate** | something | 1.50 ms (1–1.50) | ≤ 2 ms | ok |"), "{text}");
        assert!(text.contains("| x1 | something | 3 ms | ≤ 2 ms | **missed** |"), "{text}");
        assert!(text.ends_with("* **x1, something**: why\n"), "{text}");
    }
}
