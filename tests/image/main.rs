//! The image and the SBOM of a release: content and reproducibility. `make reproduce` also builds
//! the module twice and compares it. Also `make push`, which pushes the image to a registry.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod push;
mod registry;
mod sbom;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const LABEL: &str = "org.opencontainers.image.revision=0123456789abcdef";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns an empty directory.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("image").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// Runs a command that must succeed, and returns its standard output.
fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Returns a module that is longer than a block of uncompressed DEFLATE (65,535 bytes).
fn module() -> Vec<u8> {
    let body = (0..200_000_u32).flat_map(u32::to_le_bytes);
    b"\0asm\x01\0\0\0".iter().copied().chain(body).collect()
}

/// Builds an image of this module in a directory, and returns its digest.
fn build_image(directory: &Path, module: &[u8], umask: &str, timezone: &str, epoch: &str) -> String {
    fs::write(directory.join("module.wasm"), module).unwrap();
    let script = r#"umask "$1" && exec python3 "$2/scripts/oci_image.py" --module module.wasm --name okta-authz-filter \
        --version "$3" --epoch "$4" --label "$5" --directory oci --archive image.tar"#;
    let mut shell = Command::new("bash");
    shell.args(["-c", script, "bash", umask]).arg(root()).args([VERSION, epoch, LABEL]);
    let digest = output(shell.current_dir(directory).env("TZ", timezone));
    String::from_utf8(digest).unwrap().trim().to_owned()
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Returns the path of a blob in the OCI layout.
fn blob(directory: &Path, descriptor: &Value) -> PathBuf {
    directory.join("oci/blobs").join(descriptor["digest"].as_str().unwrap().replace(':', "/"))
}

#[test]
fn image_built_twice_is_identical() {
    let (one, other) = (scratch("one"), scratch("another directory with a longer name"));
    let digest = build_image(&one, &module(), "022", "UTC", "1700000000");
    assert_eq!(digest, build_image(&other, &module(), "077", "Asia/Kathmandu", "1700000000"));
    assert_eq!(fs::read(one.join("image.tar")).unwrap(), fs::read(other.join("image.tar")).unwrap());
    output(Command::new("diff").arg("-r").args([one.join("oci"), other.join("oci")]));

    let later = scratch("later");
    assert_ne!(digest, build_image(&later, &module(), "022", "UTC", "1700000001"), "the image has the time");
    let mut changed = module();
    *changed.last_mut().unwrap() ^= 1;
    assert_ne!(digest, build_image(&scratch("changed"), &changed, "022", "UTC", "1700000000"));
}

#[test]
fn image_has_one_layer_with_the_module() {
    let directory = scratch("content");
    let digest = build_image(&directory, &module(), "022", "UTC", "1700000000");
    let index = read_json(&directory.join("oci/index.json"));
    let [named] = index["manifests"].as_array().unwrap().as_slice() else { panic!("{index}") };
    assert_eq!(named["digest"], digest);
    assert_eq!(named["annotations"]["org.opencontainers.image.ref.name"], VERSION);

    let manifest = read_json(&blob(&directory, named));
    let [layer] = manifest["layers"].as_array().unwrap().as_slice() else { panic!("{manifest}") };
    assert_eq!(
        layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip",
        "the media type that Istio reads"
    );
    let path = blob(&directory, layer);
    let listed = output(Command::new("tar").arg("-tvzf").arg(&path).args(["--utc", "--numeric-owner"]));
    let listed = String::from_utf8(listed).unwrap();
    let fields: Vec<&str> = listed.split_whitespace().collect();
    assert_eq!(fields, ["-rw-r--r--", "0/0", "800008", "2023-11-14", "22:13", "plugin.wasm"]);
    assert_eq!(output(Command::new("tar").arg("-xOzf").arg(&path).arg("plugin.wasm")), module());

    let config = read_json(&blob(&directory, &manifest["config"]));
    assert_eq!((&config["os"], &config["created"]), (&json!("linux"), &json!("2023-11-14T22:13:20Z")));
    assert_eq!(config["config"]["Labels"]["org.opencontainers.image.revision"], "0123456789abcdef");
    assert_eq!(config["config"]["Labels"]["org.opencontainers.image.version"], VERSION);
    assert_eq!(manifest["annotations"], config["config"]["Labels"]);

    // The archive also has the manifest that `docker load` requires.
    let archive =
        output(Command::new("tar").arg("-xOf").arg(directory.join("image.tar")).arg("manifest.json"));
    let docker: Value = serde_json::from_slice(&archive).unwrap();
    assert_eq!(docker[0]["RepoTags"], json!([format!("okta-authz-filter:{VERSION}")]));
    assert_eq!(docker[0]["Layers"].as_array().unwrap().len(), 1);
}

#[test]
fn image_of_an_invalid_module_fails() {
    let directory = scratch("none");
    fs::write(directory.join("module.wasm"), "<html>").unwrap();
    let mut python = Command::new("python3");
    python.arg(root().join("scripts/oci_image.py")).current_dir(&directory);
    python.args("--module module.wasm --name a --version 1 --epoch 0 --directory oci --archive a".split(' '));
    let result = python.output().unwrap();
    assert!(
        !result.status.success() && String::from_utf8_lossy(&result.stderr).contains("is not a wasm module")
    );
    assert!(!directory.join("oci").exists());
}

/// The Dockerfile repeats the pinned versions of `scripts/release.sh`, because it cannot read them.
#[test]
fn dockerfile_has_the_toolchain_of_a_release() {
    let pins = fs::read_to_string(root().join("scripts/release.sh")).unwrap();
    let rust = pins.lines().find_map(|line| line.strip_prefix("release_rust=")).unwrap();
    let dockerfile = fs::read_to_string(root().join("Dockerfile")).unwrap();
    assert!(dockerfile.contains(&format!("FROM rust:{rust}-slim-bookworm AS build")), "{rust}");
    assert!(dockerfile.contains(&format!("org.opencontainers.image.version=\"{VERSION}\"")));
}

/// Cargo reads the manifest of each member of the workspace, and the images copy single files.
#[test]
fn dockerfiles_copy_the_manifest_of_each_workspace_member() {
    let cargo = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = cargo.lines().find_map(|line| line.strip_prefix("members = ")).unwrap();
    let members: Vec<String> = serde_json::from_str(members).unwrap();
    assert!(members.len() > 4);
    for file in ["Dockerfile", "examples/compose/Dockerfile"] {
        let dockerfile = fs::read_to_string(root().join(file)).unwrap();
        for member in members.iter().filter(|member| *member != ".") {
            let copy = format!("COPY {member}/Cargo.toml {member}/\n");
            assert!(dockerfile.contains(&copy), "{file}: {copy}");
        }
    }
}
