//! Every file of these tests is compiled, and every function has a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};

/// A file that no `mod` names is left out without a word, and its tests never run.
#[test]
fn every_file_of_the_tests_is_a_module() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("it")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        let entries: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        let (inner, sources): (Vec<_>, Vec<_>) = entries.into_iter().partition(|path| path.is_dir());
        // A folder's files are named by one of them, or by the file of the folder's name beside it.
        let beside = fs::read_to_string(folder.with_extension("rs")).unwrap_or_default();
        let texts: Vec<_> = sources.iter().map(|file| fs::read_to_string(file).unwrap()).chain([beside]).collect();
        for name in sources.iter().map(|file| file.file_stem().unwrap().to_str().unwrap()) {
            let line = format!("mod {name};");
            let named = texts.iter().flat_map(|text| text.lines()).any(|it| it.trim().ends_with(&line));
            assert!(named || ["main", "mod"].contains(&name), "no module is {name} of {}", folder.display());
        }
        files += sources.len();
        folders.extend(inner);
    }
    assert!(files > 100, "{files}");
}

#[test]
fn every_function_has_a_folder_of_tests_with_its_name() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let functions: Vec<_> =
        fs::read_dir(project.join("functions")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(functions.len() >= 9, "{functions:?}");
    for function in functions {
        let name = function.file_name().unwrap().to_str().unwrap().replace('-', "_");
        assert!(project.join("tests/it").join(&name).is_dir(), "no folder tests/it/{name}");
    }
}
