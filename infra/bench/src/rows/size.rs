//! b1: the size of the binaries, which a cold start must load.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use terrapi_local::Template;

use crate::report::Row;
use crate::stats::Spread;
use crate::{Bench, Result};

const MIB: f64 = 1024.0 * 1024.0;

/// Compares each function with hello, uncompressed and compressed.
///
/// Hello is built for speed here, with cargo's defaults: building the functions for size is one way to get closer to
/// it, and must not change the reference.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (hello, hello_packed) = sizes(&bench.programs.yardstick())?;
    let mut rows = vec![
        Row::new("b1", "hello, binary", Spread::one(hello / MIB), " MiB").how("file size, stripped, opt-level 3"),
        Row::new("b1", "hello, packed", Spread::one(hello_packed / MIB), " MiB").how("gzip -9"),
    ];
    for function in &Template::project()?.functions {
        let (plain, packed) = sizes(&bench.programs.function(function))?;
        let ratio = Row::new("b1", format!("{function} ÷ hello, binary"), Spread::one(plain / hello), "×");
        let ratio = ratio.how("file size, stripped");
        let packed = Row::new("b1", format!("{function}, packed"), Spread::one(packed / MIB), " MiB").how("gzip -9");
        let packed_limit = if function == "kv-store" { 4.0 } else { 3.5 };
        rows.extend([ratio, packed.at_most(packed_limit).gate()]);
    }
    Ok(rows)
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a file")]
fn sizes(program: &Path) -> Result<(f64, f64)> {
    let bytes = fs::read(program)?;
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(&bytes)?;
    Ok((bytes.len() as f64, packer.finish()?.len() as f64))
}
