//! The configurations in the book are accepted without a warning, and their policy tests pass.

use std::path::PathBuf;

use serde_json::Value;

use super::{files, read};

/// Returns the examples with these names. Names that end with `-before` are configurations of other
/// software, those that end with `-tests` are policy tests.
fn examples(wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = files("book/examples", ".yaml");
    found.retain(|path| wanted(path.file_stem().unwrap().to_str().unwrap()));
    found
}

fn okta_authz(args: &[&str], paths: &[PathBuf]) -> String {
    let mut command = test_support::okta_authz();
    let output = command.args(args).args(paths).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn configuration_in_the_book_is_accepted_without_a_warning() {
    let configurations = examples(|name| {
        !name.ends_with("-before") && !name.ends_with("-tests") && !name.starts_with("shadow")
    });
    assert!(configurations.len() >= 3, "{configurations:?}");
    okta_authz(&["check", "--deny-warnings"], &configurations);
}

#[test]
fn configuration_in_shadow_mode_is_accepted_with_one_warning() {
    let configurations = examples(|name| name.starts_with("shadow") && !name.ends_with("-tests"));
    assert_eq!(configurations.len(), 2, "{configurations:?}");
    for configuration in configurations {
        let output = okta_authz(&["check"], &[configuration]);
        let warnings: Vec<_> = output.lines().filter(|line| line.contains("warning: ")).collect();
        assert!(matches!(warnings[..], [warning] if warning.contains("`shadow`")), "{output}");
    }
}

#[test]
fn policy_tests_in_the_book_pass() {
    let suites = examples(|name| name.ends_with("-tests"));
    assert!(suites.len() >= 5, "{suites:?}");
    okta_authz(&["test"], &suites);
}

#[test]
fn example_file_is_yaml_and_in_a_chapter() {
    let chapters: String = files("book/src", ".md").iter().map(read).collect();
    for path in examples(|_| true) {
        let name = path.file_name().unwrap().to_str().unwrap();
        serde_saphyr::from_multiple::<Value>(&read(&path)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(chapters.contains(&format!("examples/{name}")), "{name} is in no chapter");
    }
}

/// Blocks in the text of a chapter, each a part of a configuration.
#[test]
fn yaml_block_in_a_chapter_is_yaml() {
    for path in files("book/src", ".md") {
        let chapter = read(&path);
        let blocks = chapter.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("yaml\n"));
        for block in blocks.filter(|block| !block.starts_with("{{#include")) {
            serde_saphyr::from_str::<Value>(block)
                .unwrap_or_else(|error| panic!("{}: {error}: {block}", path.display()));
        }
    }
}

/// Returns the YAML blocks of the README: Envoy, Istio, Envoy Gateway, policy tests.
fn readme_blocks() -> [String; 4] {
    let readme = read("README.md");
    let blocks = readme.split("```").filter_map(|block| block.strip_prefix("yaml\n")).map(str::to_owned);
    blocks.collect::<Vec<_>>().try_into().unwrap()
}

fn write_temporary(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn readme_snippets_pass_check_without_a_warning() {
    let [envoy, istio, gateway, _] = readme_blocks();
    let files = [
        write_temporary("readme-envoy.yaml", &envoy),
        write_temporary("readme-istio.yaml", &istio),
        write_temporary("readme-envoy-gateway.yaml", &gateway),
    ];
    okta_authz(&["check", "--deny-warnings"], &files);
}

#[test]
fn readme_policy_tests_pass() {
    let [envoy, .., tests] = readme_blocks();
    // The name that the README gives to the file.
    write_temporary("gateway.yaml", &envoy);
    okta_authz(&["test"], &[write_temporary("policy-tests.yaml", &tests)]);
}

/// A guide shows a part of a configuration first, and the complete file later or in `deploy`.
#[test]
fn fragment_in_a_guide_is_part_of_its_complete_configuration() {
    let lines = |text: &str| {
        let trimmed = text.lines().map(|line| line.trim().trim_start_matches("- "));
        trimmed.filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
    };
    for (guide, complete) in [
        ("browsers", "book/examples/browsers.yaml"),
        ("grpc-websockets", "book/examples/grpc-websockets.yaml"),
        ("route-policies", "deploy/envoy/route-policies.yaml"),
    ] {
        let (guide, complete) = (read(format!("book/src/guides/{guide}.md")), lines(&read(complete)));
        let blocks = guide.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("yaml\n"));
        for block in blocks.filter(|block| !block.starts_with("{{#include") && block.lines().count() > 1) {
            assert!(complete.contains(&lines(block)), "{guide}: {block}");
        }
    }
}
