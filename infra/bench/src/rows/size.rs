//! b1: the binaries' size, which a cold start must load.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use terrapi_local::Template;

use crate::report::Row;
use crate::stats::Spread;
use crate::{Bench, Result};

/// The functions on the data plane, whose cold starts users wait for.
const DATA_PLANE: [&str; 2] = ["kv-store", "token-refresh"];
/// What is known about a size beyond its limit.
const NOTES: [(&str, &str); 2] = [
    (
        "kv-store",
        "the S3 half of `object_store` is 2 MB of it, the gap to token-refresh: `crc-fast` alone has 0.7 MB of tables and \
         code for every processor, `quick-xml` 0.12 MB. Next: GET, PUT and DELETE of one object, signed with `aws-sigv4`, \
         which the SDK brings anyway",
    ),
    (
        "token-refresh",
        "two SDKs with their endpoint rules (0.35 MB the DynamoDB one), HTTP/2 that nothing here speaks but the SDK's \
         client always brings (0.2 MB), unwinding tables (0.7 MB). Next: opt-level z",
    ),
];
const MIB: f64 = 1024.0 * 1024.0;

/// Each function against hello, plain and packed.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (hello, hello_packed) = sizes(&bench.programs.hello())?;
    let mut rows = vec![
        Row::new("b1", "hello, binary", Spread::one(hello / MIB), " MiB").how("file size, stripped"),
        Row::new("b1", "hello, packed", Spread::one(hello_packed / MIB), " MiB").how("gzip -9"),
    ];
    for function in &Template::project()?.functions {
        let (plain, packed) = sizes(&bench.programs.function(function))?;
        let ratio = Row::new("b1", format!("{function} ÷ hello, binary"), Spread::one(plain / hello), "×");
        let ratio = ratio.how("file size, stripped");
        let packed = Row::new("b1", format!("{function}, packed"), Spread::one(packed / MIB), " MiB").how("gzip -9");
        if DATA_PLANE.contains(&function.as_str()) {
            let (mut ratio, packed) = (ratio.at_most(3.7).gate(), packed.at_most(3.0).gate());
            if ratio.misses() {
                ratio.note = NOTES.iter().filter(|(name, _)| name == function).map(|(_, note)| *note).collect();
            }
            rows.extend([ratio, packed]);
        } else {
            rows.extend([ratio, packed]);
        }
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
