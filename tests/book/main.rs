//! Tests of the book. The filter accepts its configurations, the runbook has every denial code,
//! links lead to existing chapters, and the generated chapters are current. `make reference`
//! generates them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

mod command_line;
mod commands;
mod configuration;
mod examples;
mod fields;
mod links;
mod metrics;
mod programs;
mod responses;
mod runbook;
mod sections;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: impl AsRef<Path>) -> String {
    let path = root().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn schema() -> Value {
    okta_authz_filter::config::schema()
}

/// Returns all files below a directory whose names end like this.
fn files(directory: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![root().join(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Asserts that a chapter has its generated text. With `BLESS=1`, writes the text first.
fn assert_generated(chapter: &str, text: &str) {
    if std::env::var_os("BLESS").is_some() {
        fs::write(root().join(chapter), text).unwrap();
    }
    assert!(read(chapter) == text, "{chapter} is not current: make reference");
}
