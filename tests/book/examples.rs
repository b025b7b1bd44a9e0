//! Configurations in the book are accepted without a warning, and do what the text says that they do.

use std::path::PathBuf;

use serde_json::Value;

use super::{files, read};

/// `before` is for the eyes: other software reads it. `tests` are for `okta-authz test`.
fn examples(wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = files("book/examples", ".yaml");
    found.retain(|path| wanted(path.file_stem().unwrap().to_str().unwrap()));
    found
}

fn okta_authz(args: &[&str], paths: &[PathBuf]) {
    let mut command = test_support::okta_authz();
    let output = command.args(args).args(paths).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_configuration_is_accepted_without_a_warning() {
    let configurations = examples(|name| !name.ends_with("-before") && !name.ends_with("-tests"));
    assert!(configurations.len() >= 3, "{configurations:?}");
    okta_authz(&["check", "--deny-warnings"], &configurations);
}

#[test]
fn every_policy_does_what_the_book_says() {
    let suites = examples(|name| name.ends_with("-tests"));
    assert_eq!(suites.len(), 3, "{suites:?}");
    okta_authz(&["test"], &suites);
}

#[test]
fn every_example_is_yaml_and_in_a_chapter() {
    let chapters: String = files("book/src", ".md").iter().map(read).collect();
    for path in examples(|_| true) {
        let name = path.file_name().unwrap().to_str().unwrap();
        serde_saphyr::from_multiple::<Value>(&read(&path)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(chapters.contains(&format!("examples/{name}")), "{name} is in no chapter");
    }
}

/// A few lines that stand in the text itself, each part of a configuration.
#[test]
fn what_stands_in_a_chapter_is_yaml() {
    for path in files("book/src", ".md") {
        let chapter = read(&path);
        let blocks = chapter.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("yaml\n"));
        for block in blocks.filter(|block| !block.starts_with("{{#include")) {
            serde_saphyr::from_str::<Value>(block)
                .unwrap_or_else(|error| panic!("{}: {error}: {block}", path.display()));
        }
    }
}
