//! Links within the book lead to existing chapters, headings and images, and the summary lists every
//! chapter. `make book-check` checks the links of the built pages.

use std::path::Path;

use super::{files, read, root};

/// Returns the anchor that mdBook gives to a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || "_- ".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Returns the text of a chapter, with the Markdown files that it includes.
fn with_includes(path: &Path) -> String {
    let text = read(path);
    let mut whole = text.clone();
    for include in text.split("{{#include ").skip(1) {
        let name = include.split_once("}}").unwrap().0.split(':').next().unwrap();
        let file = path.parent().unwrap().join(name);
        assert!(file.exists(), "{}: {name} does not exist", path.display());
        if name.ends_with(".md") {
            whole.push_str(&read(&file));
        }
    }
    whole
}

#[test]
fn link_leads_to_existing_file_and_heading() {
    let mut checked = 0;
    for path in files("book/src", ".md") {
        let text = read(&path);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(link, _)| link)) {
            if link.contains("://") {
                continue;
            }
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link}", path.display());
            if !fragment.is_empty() {
                let text = with_includes(&target);
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let found =
                    headings.map(|line| anchor(line.trim_start_matches('#'))).any(|one| one == fragment);
                assert!(found, "{}: {link}", path.display());
            }
            checked += 1;
        }
    }
    assert!(checked > 60, "{checked}");
}

#[test]
fn summary_lists_every_chapter() {
    let summary = read("book/src/SUMMARY.md");
    for path in files("book/src", ".md") {
        with_includes(&path);
        let name = path.strip_prefix(root().join("book/src")).unwrap().to_str().unwrap();
        assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "{name}");
    }
}
