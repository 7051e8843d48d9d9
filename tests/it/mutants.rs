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
