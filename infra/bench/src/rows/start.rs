//! b2: the start time of a function. b6: the time until its first random byte.

use std::process::{Command, ExitCode};
use std::time::Instant;

use terrapi::runtime::Random;

use crate::report::Row;
use crate::stats::Spread;
use crate::{Bench, Result};

const STARTS: usize = 30;

/// The argument with which this program measures its first random byte.
pub const FIRST_RANDOM: &str = "--first-random";

/// The time from the start of the process to its first poll, alternating between hello and the functions.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let hello = bench.stage.function(bench.programs.hello());
    let mut rows = Vec::new();
    for name in ["kv-store", "token-refresh"] {
        let function = bench.stage.function(bench.programs.function(name));
        let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..STARTS {
            let base = hello.start()?.init.as_secs_f64();
            let init = function.start()?.init.as_secs_f64();
            theirs.push(base * 1e3);
            ours.push(init * 1e3);
            ratios.push(init / base);
        }
        let ratio =
            Row::new("b2", format!("{name} ÷ hello, start to first poll"), Spread::of(&ratios), "×").at_most(1.6);
        rows.push(ratio.how("30 starts by turns, plain HTTP endpoint"));
        rows.push(Row::new("b2", format!("{name}, start to first poll"), Spread::of(&ours), " ms"));
        rows.push(Row::new("b2", "hello beside it", Spread::of(&theirs), " ms"));
    }
    Ok(rows)
}

/// The first random byte of new processes, from the source that the functions use.
pub fn measure_random(_: &Bench) -> Result<Vec<Row>> {
    let program = std::env::current_exe()?;
    let first = || -> Result<f64> {
        let output = Command::new(&program).arg(FIRST_RANDOM).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    };
    let times = (0..STARTS).map(|_| first()).collect::<Result<Vec<_>>>()?;
    let row = Row::new("b6", "first random byte (ring)", Spread::of(&times), " ms").at_most(1.0).gate();
    Ok(vec![row.how("timed first thing in 30 fresh processes")])
}

/// Prints the time until the first random byte in milliseconds.
pub fn first_random() -> ExitCode {
    let began = Instant::now();
    let byte = Random::default().bytes::<1>();
    let time = began.elapsed();
    println!("{}", time.as_secs_f64() * 1e3);
    if byte.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
