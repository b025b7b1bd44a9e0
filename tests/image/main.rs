//! The image of a release: what is in it, and that it is the same wherever, whenever and by whomever it is made. That the module
//! is, too, takes two whole builds: `make reproduce`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const LABEL: &str = "org.opencontainers.image.revision=0123456789abcdef";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An empty directory.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("image").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Longer than a block of the compression that is none.
fn module() -> Vec<u8> {
    let body = (0..200_000_u32).flat_map(u32::to_le_bytes);
    b"\0asm\x01\0\0\0".iter().copied().chain(body).collect()
}

/// Makes an image of this module in `place`, and gives its digest.
fn image(place: &Path, module: &[u8], umask: &str, timezone: &str, epoch: &str) -> String {
    fs::write(place.join("module.wasm"), module).unwrap();
    let script = r#"umask "$1" && exec python3 "$2/scripts/oci_image.py" --module module.wasm --name okta-authz-filter \
        --version "$3" --epoch "$4" --label "$5" --directory oci --archive image.tar"#;
    let mut shell = Command::new("bash");
    shell.args(["-c", script, "bash", umask]).arg(root()).args([VERSION, epoch, LABEL]);
    let told = output(shell.current_dir(place).env("TZ", timezone));
    String::from_utf8(told).unwrap().trim().to_owned()
}

fn json_file(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn blob(place: &Path, descriptor: &Value) -> PathBuf {
    place.join("oci/blobs").join(descriptor["digest"].as_str().unwrap().replace(':', "/"))
}

#[test]
fn image_built_twice_is_identical() {
    let (one, other) = (scratch("one"), scratch("another place, with a longer name"));
    let digest = image(&one, &module(), "022", "UTC", "1700000000");
    assert_eq!(digest, image(&other, &module(), "077", "Asia/Kathmandu", "1700000000"));
    assert_eq!(fs::read(one.join("image.tar")).unwrap(), fs::read(other.join("image.tar")).unwrap());
    output(Command::new("diff").arg("-r").args([one.join("oci"), other.join("oci")]));

    let later = scratch("later");
    assert_ne!(digest, image(&later, &module(), "022", "UTC", "1700000001"), "the time is in it");
    let mut changed = module();
    *changed.last_mut().unwrap() ^= 1;
    assert_ne!(digest, image(&scratch("changed"), &changed, "022", "UTC", "1700000000"));
}

#[test]
fn image_has_one_layer_with_the_module() {
    let place = scratch("content");
    let digest = image(&place, &module(), "022", "UTC", "1700000000");
    let index = json_file(&place.join("oci/index.json"));
    let [named] = index["manifests"].as_array().unwrap().as_slice() else { panic!("{index}") };
    assert_eq!(named["digest"], digest);
    assert_eq!(named["annotations"]["org.opencontainers.image.ref.name"], VERSION);

    let manifest = json_file(&blob(&place, named));
    let [layer] = manifest["layers"].as_array().unwrap().as_slice() else { panic!("{manifest}") };
    assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip", "what Istio reads");
    let path = blob(&place, layer);
    let listed = output(Command::new("tar").arg("-tvzf").arg(&path).args(["--utc", "--numeric-owner"]));
    let listed = String::from_utf8(listed).unwrap();
    let fields: Vec<&str> = listed.split_whitespace().collect();
    assert_eq!(fields, ["-rw-r--r--", "0/0", "800008", "2023-11-14", "22:13", "plugin.wasm"]);
    assert_eq!(output(Command::new("tar").arg("-xOzf").arg(&path).arg("plugin.wasm")), module());

    let config = json_file(&blob(&place, &manifest["config"]));
    assert_eq!((&config["os"], &config["created"]), (&json!("linux"), &json!("2023-11-14T22:13:20Z")));
    assert_eq!(config["config"]["Labels"]["org.opencontainers.image.revision"], "0123456789abcdef");
    assert_eq!(config["config"]["Labels"]["org.opencontainers.image.version"], VERSION);
    assert_eq!(manifest["annotations"], config["config"]["Labels"]);

    // The archive has the layout, and what `docker load` asks for.
    let archive = output(Command::new("tar").arg("-xOf").arg(place.join("image.tar")).arg("manifest.json"));
    let docker: Value = serde_json::from_slice(&archive).unwrap();
    assert_eq!(docker[0]["RepoTags"], json!([format!("okta-authz-filter:{VERSION}")]));
    assert_eq!(docker[0]["Layers"].as_array().unwrap().len(), 1);
}

#[test]
fn image_of_an_invalid_module_fails() {
    let place = scratch("none");
    fs::write(place.join("module.wasm"), "<html>").unwrap();
    let mut python = Command::new("python3");
    python.arg(root().join("scripts/oci_image.py")).current_dir(&place);
    python.args("--module module.wasm --name a --version 1 --epoch 0 --directory oci --archive a".split(' '));
    let told = python.output().unwrap();
    assert!(!told.status.success() && String::from_utf8_lossy(&told.stderr).contains("is no wasm module"));
    assert!(!place.join("oci").exists());
}

/// What only runs on the developer's machine is not in the bill, and what is linked in is.
#[test]
fn sbom_lists_the_crates_in_the_module() {
    let module = scratch("bill").join("module.wasm");
    fs::write(&module, self::module()).unwrap();
    let bill = || {
        let mut python = Command::new("python3");
        python.args(["scripts/sbom.py", "--target", "wasm32-wasip1", "--rust", "1.95.0", "--module"]);
        // The cargo of these tests, which may be Debian's.
        let cargo = Path::new(env!("CARGO")).parent().unwrap();
        let path = format!("{}:{}", cargo.display(), std::env::var("PATH").unwrap());
        output(python.arg(&module).current_dir(root()).env("PATH", path))
    };
    let text = bill();
    assert_eq!(text, bill());
    assert!(!String::from_utf8_lossy(&text).contains(root().to_str().unwrap()), "no path of this machine");
    let bill: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&json!("CycloneDX"), &json!("1.5")));
    assert!(bill["serialNumber"].as_str().unwrap().starts_with("urn:uuid:"));
    assert_eq!(bill["metadata"]["component"]["name"], "okta-authz-filter");

    let components = bill["components"].as_array().unwrap();
    let names: Vec<&str> = components.iter().map(|component| component["name"].as_str().unwrap()).collect();
    for name in ["jwt-simple", "superboring", "p256", "serde_json", "proxy-wasm", "rust-std"] {
        assert!(names.contains(&name), "{name} is in the module: {names:?}");
    }
    for name in ["serde_derive", "syn", "prost-derive", "tokio", "axum", "criterion", "lexopt", "ureq"] {
        assert!(!names.contains(&name), "{name} is not in the module");
    }
    for component in components {
        assert!(component["licenses"][0]["expression"].is_string(), "{component}");
        let is_crate = component["purl"].as_str().unwrap().starts_with("pkg:cargo/");
        assert_eq!(component["hashes"][0]["content"].is_string(), is_crate, "{component}");
    }
    // Every crate is used by something that is there.
    let dependencies = bill["dependencies"].as_array().unwrap();
    let known: Vec<&Value> = dependencies.iter().map(|one| &one["ref"]).collect();
    let used: Vec<&Value> =
        dependencies.iter().filter_map(|one| one["dependsOn"].as_array()).flatten().collect();
    assert!(used.iter().all(|one| known.contains(one)));
    assert!(components.iter().all(|component| used.contains(&&component["bom-ref"])));
}

/// The pins of a release are written twice, because a Dockerfile cannot read them.
#[test]
fn dockerfile_has_the_toolchain_of_a_release() {
    let pins = fs::read_to_string(root().join("scripts/release.sh")).unwrap();
    let rust = pins.lines().find_map(|line| line.strip_prefix("release_rust=")).unwrap();
    let dockerfile = fs::read_to_string(root().join("Dockerfile")).unwrap();
    assert!(dockerfile.contains(&format!("FROM rust:{rust}-slim-bookworm AS build")), "{rust}");
    assert!(dockerfile.contains(&format!("org.opencontainers.image.version=\"{VERSION}\"")));
}
