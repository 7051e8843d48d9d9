//! The mutants of `make test-mutants`: each must still match the source.

#[path = "../mutants/list.rs"]
mod list;

use std::fs;

#[test]
fn every_mutant_applies_to_the_source() {
    let mutants = list::mutants();
    assert!(mutants.len() >= 10);
    for mutant in mutants {
        let source = fs::read_to_string(list::project().join(&mutant.file)).unwrap();
        let mutated = mutant.applied_to(&source).unwrap_or_else(|problem| panic!("{problem}"));
        assert_ne!(mutated, source, "{}", mutant.name);
        assert_ne!(mutant.noticed_by, Vec::<String>::new(), "{}", mutant.name);
    }
}

#[test]
fn tests_named_by_the_mutants_exist() {
    for filter in list::mutants().into_iter().flat_map(|mutant| mutant.noticed_by) {
        let (module, beginning) = filter.rsplit_once("::").unwrap();
        let file = list::project().join(format!("tests/it/{}.rs", module.replace("::", "/")));
        let source = fs::read_to_string(file).unwrap_or_else(|error| panic!("{filter}: {error}"));
        assert!(source.contains(&format!("fn {beginning}")), "{filter} selects no test");
    }
}
