//! Each `make TARGET` in a document is a target of the Makefile, and `make help` describes it.

use std::collections::BTreeSet;

use super::{files, read, root};

/// Returns the targets that `make help` describes.
fn targets() -> BTreeSet<String> {
    let makefile = read("Makefile");
    let described = makefile.lines().filter(|line| !line.starts_with('#') && line.contains(" ## "));
    described.filter_map(|line| line.split_once(':')).map(|(name, _)| name.to_owned()).collect()
}

/// Returns the targets in code and in console sessions. In prose, `make` is a verb.
fn mentioned_targets(text: &str) -> BTreeSet<String> {
    let commands =
        ["`make ", "$ make ", "run: make "].into_iter().flat_map(|start| text.split(start).skip(1));
    let arguments =
        commands.map(|rest| rest.split(['`', '#', '\n', ';', '|', '>', '&']).next().unwrap_or_default());
    arguments
        .flat_map(str::split_whitespace)
        .filter(|word| !word.contains('=') && !word.starts_with('-'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn make_targets_in_documents_are_described_by_make_help() {
    let targets = targets();
    let mut documents = files("book/src", ".md");
    documents.extend(files(".github", ".yml"));
    documents.extend(files(".github", ".md"));
    documents
        .extend(["README.md", "CONTRIBUTING.md", "SECURITY.md", "DESIGN.md"].map(|name| root().join(name)));
    let mut checked = 0;
    for path in documents {
        for target in mentioned_targets(&read(&path)) {
            // The release workflow alone runs these, and `make help` does not list them.
            assert!(
                targets.contains(&target) || target.starts_with("publish-"),
                "{}: make {target} is not described in the Makefile",
                path.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked}");
}
