//! Imports point one way, between the layers of the library and between the files of each crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The library's folders from top to bottom. A folder may import those on the lines below its own.
const LAYERS: [&[&str]; 8] = [
    &["lambda"],
    &["http"],
    &["usecases"],
    &["runtime"],
    &["store", "vcs"],
    &["auth"],
    &["deadline", "progress"],
    &["domain"],
];

/// The path of a module in its crate, such as `["store", "kv", "head"]`.
type Module = Vec<String>;

/// The modules of one crate and what each of them names.
struct Crate {
    imports: BTreeMap<Module, BTreeSet<Module>>,
}

impl Crate {
    fn read(folder: &str) -> Self {
        let root = Path::new(ROOT).join(folder).join("src");
        let files = sources(&root);
        let modules: BTreeSet<Module> = files.iter().map(|file| module(&root, file)).collect();
        let imports = files.iter().map(|file| {
            let own = module(&root, file);
            let mut found = Paths { own: own.clone(), is_folder: file.ends_with("mod.rs"), named: BTreeSet::new() };
            found.visit_file(&syn::parse_file(&std::fs::read_to_string(file).unwrap()).unwrap());
            let longest =
                |path: &Module| (0..=path.len()).rev().map(|n| path[..n].to_vec()).find(|m| modules.contains(m));
            let targets = found.named.iter().filter_map(longest).filter(|target| *target != own).collect();
            (own, targets)
        });
        Self { imports: imports.collect() }
    }

    /// Modules that import each other, directly or through others. A folder's `mod.rs` lists its files, so it is left out.
    fn cycles(&self) -> Vec<Module> {
        let parents: BTreeSet<&[String]> =
            self.imports.keys().filter_map(|module| Some(module.split_last()?.1)).collect();
        let is_leaf = |module: &Module| !parents.contains(module.as_slice());
        let reaches_itself = |start: &&Module| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![*start]);
            while let Some(module) = next.pop() {
                for target in self.imports[module].iter().filter(|target| is_leaf(target)) {
                    if seen.insert(target) {
                        next.push(target);
                    }
                }
            }
            seen.contains(*start)
        };
        self.imports.keys().filter(|module| is_leaf(module)).filter(reaches_itself).cloned().collect()
    }
}

/// Collects the paths of a file that begin in its own crate, outside its tests.
struct Paths {
    own: Module,
    is_folder: bool,
    named: BTreeSet<Module>,
}

impl Paths {
    fn note(&mut self, path: &[String]) {
        let mut base = match path.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("super" | "self") => self.own.clone(),
            _ => return,
        };
        for (at, word) in path.iter().enumerate() {
            match (at, word.as_str()) {
                (0, "crate" | "self") => {}
                (_, "super") => drop(base.pop()),
                _ => base.push(word.clone()),
            }
        }
        self.named.insert(base);
    }

    fn note_tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |word: String| [before, &[word]].concat();
        match tree {
            UseTree::Path(path) => self.note_tree(&with(path.ident.to_string()), &path.tree),
            UseTree::Name(name) => self.note(&with(name.ident.to_string())),
            UseTree::Rename(name) => self.note(&with(name.ident.to_string())),
            UseTree::Glob(_) => self.note(before),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_tree(before, tree)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !attributes.iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        // A folder's `mod.rs` names its own files to publish them.
        if !self.is_folder || matches!(&item.tree, UseTree::Path(path) if path.ident == "crate") {
            self.note_tree(&[], &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.note(&words);
        visit::visit_path(self, path);
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let own = files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    own.chain(folders.iter().flat_map(|folder| sources(folder))).collect()
}

fn module(root: &Path, file: &Path) -> Module {
    let path = file.strip_prefix(root).unwrap().with_extension("");
    let mut words: Module = path.iter().map(|word| word.to_str().unwrap().to_owned()).collect();
    words.pop_if(|last| ["lib", "main", "mod"].contains(&last.as_str()));
    words
}

fn functions() -> Vec<String> {
    let entries = std::fs::read_dir(Path::new(ROOT).join("functions")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn layers_import_only_what_is_below_them() {
    let height = |layer: &str| LAYERS.iter().position(|layers| layers.contains(&layer));
    for (module, targets) in &Crate::read("shared").imports {
        let Some(layer) = module.first() else { continue };
        let own = height(layer).unwrap_or_else(|| panic!("`{layer}` has no place in LAYERS"));
        for target in targets.iter().filter_map(|target| target.first()).filter(|target| *target != layer) {
            let name = module.join("::");
            assert!(
                height(target).is_some_and(|below| below > own),
                "`{name}` imports `{target}`, which is not below it"
            );
        }
    }
}

#[test]
fn files_of_a_crate_do_not_import_each_other_in_circles() {
    let functions = functions().into_iter().map(|function| format!("functions/{function}"));
    for folder in functions.chain(
        ["shared", "infra/local", "infra/watch", "infra/server", "infra/bench", "infra/peers"].map(str::to_owned),
    ) {
        let circles: Vec<_> = Crate::read(&folder).cycles().iter().map(|module| module.join("::")).collect();
        assert!(circles.is_empty(), "{folder}: these modules import each other: {circles:?}");
    }
}

#[test]
fn functions_and_the_library_name_no_function() {
    let functions = functions();
    for folder in functions.iter().map(|function| format!("functions/{function}")).chain(["shared".to_owned()]) {
        let manifest = std::fs::read_to_string(Path::new(ROOT).join(&folder).join("Cargo.toml")).unwrap();
        for other in functions.iter().filter(|other| folder != format!("functions/{other}")) {
            let named = manifest.lines().any(|line| line.starts_with(other.as_str()));
            assert!(!named, "{folder} depends on {other}");
        }
    }
}
