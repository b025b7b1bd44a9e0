//! What the documentation says is true: its tables have every code, and its examples are accepted.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

use std::collections::BTreeSet;
use std::path::Path;

use okta_authz_filter::config::Config;
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::reply::{Recipient, Reply, Responses};
use serde_json::Value;

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Rows of the answers table: a status, what the challenge says, and the codes.
fn answers() -> Vec<(u32, String, BTreeSet<String>)> {
    let readme = read("README.md");
    let (_, table) = readme.split_once("| status | `error` in the challenge | codes |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let codes = cells[2].split(", ").map(|code| code.trim_matches('`').to_owned()).collect();
        (cells[0].parse().unwrap(), cells[1].to_owned(), codes)
    })
    .collect()
}

#[test]
fn the_answers_table_has_every_code_once_with_its_status_and_challenge() {
    let rows = answers();
    let listed: usize = rows.iter().map(|(_, _, codes)| codes.len()).sum();
    assert_eq!(listed, Rejection::ALL.len());
    for rejection in Rejection::ALL {
        let (status, challenge, _) =
            rows.iter().find(|(_, _, codes)| codes.contains(rejection.code())).unwrap_or_else(|| {
                panic!("{} is not in the README", rejection.code());
            });
        let reply = Reply::new(&(*rejection).into(), &Responses::default(), Recipient::default());
        assert_eq!(reply.status, *status, "{rejection:?}");
        let has = |name: &str| reply.headers.iter().find(|(have, _)| *have == name).map(|(_, value)| value);
        match has("www-authenticate") {
            None => assert!(challenge.starts_with("no challenge"), "{rejection:?}"),
            Some(sent) if !sent.contains("error=") => assert_eq!(challenge, "none", "{rejection:?}"),
            Some(sent) => {
                let error = challenge.split('`').nth(1).unwrap();
                assert!(sent.contains(&format!("error=\"{error}\"")), "{rejection:?}: {sent}");
            }
        }
        assert_eq!(has("retry-after").is_some(), challenge.contains("Retry-After"), "{rejection:?}");
    }
}

#[test]
fn the_reference_configuration_is_accepted() {
    let envoy: Value = serde_saphyr::from_str(&read("envoy.yaml")).unwrap();
    let manager =
        &envoy["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let filters = manager["http_filters"].as_array().unwrap();
    let names: Vec<_> = filters.iter().map(|filter| filter["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["okta-authz", "okta-authz-guard", "envoy.filters.http.router"],
        "the guard is right behind"
    );
    let plugin = &filters[0]["typed_config"]["config"];
    assert_eq!(plugin["failure_policy"], "FAIL_RELOAD");
    assert_ne!(plugin["vm_config"]["vm_id"], Value::Null);
    let configuration = plugin["configuration"]["value"].to_string();
    assert_eq!(Config::from_bytes(configuration.as_bytes()).map(|config| config.policy.len()), Ok(7));
}

#[test]
fn the_examples_of_the_readme_are_accepted() {
    let readme = read("README.md");
    let blocks: Vec<String> = readme
        .split("```")
        .filter_map(|block| block.strip_prefix("yaml\n"))
        .map(|block| {
            // Some stand below an item of a list.
            let indent: String = block.chars().take_while(|c| *c == ' ').collect();
            block
                .lines()
                .map(|line| line.strip_prefix(&indent).unwrap_or(line))
                .collect::<Vec<_>>()
                .join("\n")
        })
        .collect();
    assert_eq!(blocks.len(), 4, "a plugin configuration, a cluster, a denylist and tests");
    let mut configuration: Value = serde_saphyr::from_str(&blocks[0]).unwrap();
    assert_eq!(
        Config::from_bytes(configuration.to_string().as_bytes()).map(|config| config.policy.len()),
        Ok(3)
    );
    let cluster: Value = serde_saphyr::from_str(&blocks[1]).unwrap();
    assert_eq!(cluster[0]["name"], "okta");
    let denylist: Value = serde_saphyr::from_str(&blocks[2]).unwrap();
    configuration["denylist"] = denylist["denylist"].clone();
    let config = Config::from_bytes(configuration.to_string().as_bytes()).unwrap();
    assert!(config.remote_denylist.is_some());
    assert!(read("cli/tests/policy.yaml").contains(blocks[3].trim()), "the tests are some that run");
}

#[test]
fn every_test_that_a_feature_names_is_there() {
    let features = read("book/src/reference/comparison.md");
    let named: BTreeSet<&str> = features.split('`').filter(|text| text.contains(".rs::")).collect();
    assert!(named.len() > 30, "{}", named.len());
    for test in named {
        let (file, function) = test.split_once("::").unwrap();
        let text = read(file);
        let (before, _) =
            text.split_once(&format!("fn {function}()")).unwrap_or_else(|| panic!("{test} is not there"));
        let attributes = before.rsplit("\n\n").next().unwrap();
        assert!(attributes.contains("#[test]"), "{test} is no test");
    }
}
