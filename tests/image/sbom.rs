//! The crates in the module: the SBOM, the module itself and the page *Dependencies* agree.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::{module, root, scratch};

/// Runs `scripts/sbom.py` with more arguments.
fn sbom(module: &Path, arguments: &[&str]) -> Output {
    let mut python = Command::new("python3");
    python.args(["scripts/sbom.py", "--target", "wasm32-wasip1", "--rust", "1.95.0", "--module"]);
    // The cargo that runs these tests may not be in the `PATH`.
    let cargo = Path::new(env!("CARGO")).parent().unwrap();
    let path = format!("{}:{}", cargo.display(), std::env::var("PATH").unwrap());
    python.arg(module).args(arguments).current_dir(root()).env("PATH", path).output().unwrap()
}

/// Returns the SBOM of a module that is not a real one, which changes nothing but its digest.
fn any_sbom(name: &str) -> Vec<u8> {
    let path = scratch(name).join("module.wasm");
    fs::write(&path, module()).unwrap();
    let output = sbom(&path, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Returns the names of the crates in the SBOM.
fn crates(sbom: &Value) -> BTreeSet<String> {
    let components = sbom["components"].as_array().unwrap().iter();
    let names = components.map(|component| component["name"].as_str().unwrap().to_owned());
    names.filter(|name| name != "rust-std").collect()
}

/// The SBOM has the linked crates, and no crates that run only at build time.
#[test]
fn sbom_lists_the_crates_in_the_module() {
    let text = any_sbom("sbom");
    assert_eq!(text, any_sbom("sbom-again"));
    assert!(
        !String::from_utf8_lossy(&text).contains(root().to_str().unwrap()),
        "the SBOM has a path of this machine"
    );
    let sbom: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!((&sbom["bomFormat"], &sbom["specVersion"]), (&json!("CycloneDX"), &json!("1.5")));
    assert!(sbom["serialNumber"].as_str().unwrap().starts_with("urn:uuid:"));
    assert_eq!(sbom["metadata"]["component"]["name"], "okta-authz-filter");

    let names = crates(&sbom);
    for name in ["jwt-simple", "superboring", "p256", "serde_json", "proxy-wasm"] {
        assert!(names.contains(name), "{name} is missing: {names:?}");
    }
    for name in ["serde_derive", "syn", "prost-derive", "tokio", "axum", "criterion", "lexopt", "ureq"] {
        assert!(!names.contains(name), "{name} is not in the module");
    }
    let components = sbom["components"].as_array().unwrap();
    assert!(components.iter().any(|component| component["name"] == "rust-std"));
    for component in components {
        assert!(component["licenses"][0]["expression"].is_string(), "{component}");
        let is_crate = component["purl"].as_str().unwrap().starts_with("pkg:cargo/");
        assert_eq!(component["hashes"][0]["content"].is_string(), is_crate, "{component}");
    }
    // Every crate is a dependency of a listed component.
    let dependencies = sbom["dependencies"].as_array().unwrap();
    let listed: Vec<&Value> = dependencies.iter().map(|dependency| &dependency["ref"]).collect();
    let used: Vec<&Value> =
        dependencies.iter().filter_map(|dependency| dependency["dependsOn"].as_array()).flatten().collect();
    assert!(used.iter().all(|reference| listed.contains(reference)));
    assert!(components.iter().all(|component| used.contains(&&component["bom-ref"])));
}

/// `make wasm` keeps the module with the names of its functions.
#[test]
fn sbom_lists_every_crate_with_a_function_in_the_module() {
    let directory = root().join("target/filter");
    let symbols = directory.join("okta_authz_filter.symbols.wasm");
    assert!(symbols.is_file(), "{} is missing: run `make wasm`", symbols.display());
    let optimized = directory.join("okta_authz_filter.wasm");
    let check = |symbols: &Path| sbom(&optimized, &["--symbols", symbols.to_str().unwrap()]);
    let error = |symbols: &Path| {
        let output = check(symbols);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let output = check(&symbols);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    // With the name of a crate changed, the module has a crate that is not in the list.
    let mut bytes = fs::read(&symbols).unwrap();
    let (name, other) = (b"10proxy_wasm", b"10proxy_wazm");
    let found: Vec<usize> =
        (0..bytes.len() - name.len()).filter(|at| bytes[*at..].starts_with(name)).collect();
    assert!(!found.is_empty());
    for at in found {
        bytes[at..at + name.len()].copy_from_slice(other);
    }
    let changed = scratch("symbols").join("module.wasm");
    fs::write(&changed, bytes).unwrap();
    assert!(error(&changed).contains("crates that are not in the list: proxy_wazm"), "{}", error(&changed));
    assert!(error(&optimized).contains("the module has no names of functions"));
}

/// Returns the crates in the table below a heading of the page *Dependencies*.
fn documented(heading: &str) -> Vec<String> {
    let page = fs::read_to_string(root().join("book/src/reference/dependencies.md")).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(" | ").collect()).collect();
    for row in &rows {
        assert!(matches!(row[..], [_, purpose, who] if !purpose.is_empty() && who.len() > 2), "{row:?}");
    }
    rows.iter().map(|row| row[0].trim_end_matches('`').to_owned()).collect()
}

#[test]
fn page_on_dependencies_has_each_crate_of_the_module_once() {
    let sbom: Value = serde_json::from_slice(&any_sbom("page")).unwrap();
    let documented = [documented("Direct"), documented("Indirect")].concat();
    let set: BTreeSet<String> = documented.iter().cloned().collect();
    assert_eq!(set.len(), documented.len(), "a crate is listed twice");
    assert_eq!(set, crates(&sbom));
}

#[test]
fn direct_dependencies_are_documented_and_used() {
    let sbom: Value = serde_json::from_slice(&any_sbom("direct")).unwrap();
    let filter = &sbom["metadata"]["component"]["bom-ref"];
    let dependencies = sbom["dependencies"].as_array().unwrap();
    let of_filter = dependencies.iter().find(|dependency| dependency["ref"] == *filter).unwrap();
    let direct = of_filter["dependsOn"].as_array().unwrap().iter().filter_map(|reference| {
        let reference = reference.as_str().unwrap().strip_prefix("pkg:cargo/")?;
        Some(reference.split_once('@').unwrap().0.to_owned())
    });
    let direct: BTreeSet<String> = direct.collect();
    assert_eq!(documented("Direct").into_iter().collect::<BTreeSet<_>>(), direct);

    let mut source = String::new();
    read_rust_files(&root().join("src"), &mut source);
    for name in direct {
        let path = format!("{}::", name.replace('-', "_"));
        assert!(source.contains(&path), "src/ does not use {name}: remove it from Cargo.toml");
    }
}

/// Adds the text of each Rust file below a directory.
fn read_rust_files(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_rust_files(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *text += &fs::read_to_string(path).unwrap();
        }
    }
}
