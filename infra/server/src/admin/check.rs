//! Checks everything in a data folder, also while it is served. What each entity must fulfil is in `shared/src/store`, in
//! the folders' `check.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use terrapi::domain::kv::BlobRef;
use terrapi::runtime::App;
use terrapi::store::check::{CheckedTable, Finding, Severity};
use terrapi_local::embedded::check_database;
use terrapi_local::folder::DataFolder;
use terrapi_local::name_set::NameSet;

use super::opened::Opened;
use crate::error::Result;

/// Prints a line for each problem and each warning, and at the end `N items checked, M problems`. Fails if there are
/// problems.
pub async fn run(folder: &DataFolder) -> Result<ExitCode> {
    folder.require_existing()?;
    let mut report = Report::default();
    for line in check_database(&folder.database())? {
        report.problem(&format!("the database: {line}"));
    }
    let app = Opened::existing(folder)?.app;
    let named = tables(&app, folder, &mut report).await?;
    unnamed_objects(&app, &folder.blobs(), &named, &mut report).await?;
    println!("{} items checked, {} problems", report.items, report.problems);
    Ok(if report.problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Default)]
struct Report {
    items: usize,
    problems: usize,
}

impl Report {
    fn problem(&mut self, text: &str) {
        self.problems += 1;
        println!("problem: {text}");
    }

    fn finding(&mut self, Finding { severity, item, text }: &Finding) {
        match severity {
            Severity::Problem => self.problem(&format!("{item}: {text}")),
            Severity::Warning => println!("warning: {item}: {text}"),
        }
    }
}

/// Checks every item. Returns the objects that items name.
async fn tables(app: &App, folder: &DataFolder, report: &mut Report) -> Result<NameSet> {
    let (mut named, blobs) = (NameSet::new()?, folder.blobs());
    let object_size = |name: &BlobRef| fs::metadata(blobs.join(&name.0)).map(|object| object.len());
    for table in CheckedTable::ALL {
        let mut after = None;
        loop {
            let now = app.clock.now().seconds();
            let page = app.store.check_page(table, after, now, &object_size).await?;
            report.items += page.items;
            page.findings.iter().for_each(|finding| report.finding(finding));
            named.insert(page.objects.iter().map(|name| name.0.as_str()))?;
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    Ok(named)
}

/// Warns of objects that no item names. The worker deletes an object some time after the last item that named it, so on a
/// folder that is used this is not a problem.
async fn unnamed_objects(app: &App, blobs: &Path, named: &NameSet, report: &mut Report) -> Result<()> {
    let mut folders = vec![blobs.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
                continue;
            }
            report.items += 1;
            let name = object_name(blobs, entry.path());
            if named.contains(&name)? || is_being_written(app, &name).await? || !entry.path().exists() {
                continue;
            }
            println!("warning: object {name}: no record names it");
        }
    }
    Ok(())
}

/// The name of the object in a file. While it is being written, `#` and a number follow.
fn object_name(blobs: &Path, file: PathBuf) -> String {
    file.strip_prefix(blobs).map(Path::to_owned).unwrap_or(file).to_string_lossy().into_owned()
}

async fn is_being_written(app: &App, name: &str) -> Result<bool> {
    let name = name.split_once('#').map_or(name, |(name, _)| name);
    Ok(app.store.has_blob_intent(&BlobRef(name.to_owned())).await?)
}
