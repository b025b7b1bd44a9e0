//! `make push`, against a real registry on loopback.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use super::registry::{BASIC, PASSWORD, Registry, USER};
use super::{VERSION, build_image, module, output, root, scratch};

const NAME: &str = "team/okta-authz-filter";

/// A directory like `target/image`, and the digest of its image.
struct Built {
    directory: PathBuf,
    digest: String,
}

impl Built {
    fn new(directory: &Path, module: &[u8]) -> Self {
        let directory = directory.join("image");
        fs::create_dir_all(&directory).unwrap();
        let digest = build_image(&directory, module, "022", "UTC", "1700000000");
        fs::write(directory.join("image-digest"), &digest).unwrap();
        let sums =
            output(Command::new("sha256sum").args(["module.wasm", "image-digest"]).current_dir(&directory));
        fs::write(directory.join("SHA256SUMS"), sums).unwrap();
        Self { directory, digest }
    }

    /// Returns the command that pushes the image, without the credentials of this machine.
    fn push(&self, registry: &str) -> Command {
        let home = self.directory.join("../home");
        fs::create_dir_all(&home).unwrap();
        let mut command = Command::new(root().join("scripts/push"));
        command.arg("--built").arg(&self.directory).arg(registry);
        for name in ["REGISTRY_USER", "REGISTRY_PASSWORD", "REGISTRY_AUTH_FILE", "IMAGE_TAG", "DOCKER_CONFIG"]
        {
            command.env_remove(name);
        }
        for name in ["HOME", "XDG_RUNTIME_DIR", "TMPDIR"] {
            command.env(name, &home);
        }
        command
    }

    /// Asserts that no file in the home directory, which is also that of temporary files, has the
    /// password. skopeo keeps other files there.
    fn assert_no_credentials_remain(&self) {
        let mut grep = Command::new("grep");
        grep.args(["-rlF", "-e", PASSWORD, "-e", BASIC, "."]).current_dir(self.directory.join("../home"));
        let found = grep.output().unwrap();
        assert_eq!((found.status.code(), found.stdout.as_slice()), (Some(1), &b""[..]), "{found:?}");
    }
}

/// Runs a command that must fail, and returns its standard error.
fn failure(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{command:?}: {error}");
    error
}

fn sha256(bytes: &[u8], directory: &Path) -> String {
    let file = directory.join("served");
    fs::write(&file, bytes).unwrap();
    let sum = output(Command::new("sha256sum").arg("-b").arg(file));
    format!("sha256:{}", String::from_utf8(sum).unwrap().split_once(' ').unwrap().0)
}

#[test]
fn pushed_image_is_served_with_its_digest_and_module() {
    let directory = scratch("push");
    let (built, registry) = (Built::new(&directory, &module()), Registry::start(&directory));
    output(&mut built.push(&format!("{}/team", registry.address())));

    let (status, manifest) = registry.fetch(&format!("{NAME}/manifests/{VERSION}"));
    assert_eq!((status, sha256(&manifest, &directory)), (200, built.digest.clone()));
    assert_eq!(registry.fetch(&format!("{NAME}/manifests/{}", built.digest)), (200, manifest.clone()));
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    let (status, bytes) = registry.fetch(&format!("{NAME}/blobs/{layer}"));
    assert_eq!((status, sha256(&bytes, &directory).as_str()), (200, layer));
    let mut tar = Command::new("tar");
    assert_eq!(output(tar.arg("-xOzf").arg(directory.join("served")).arg("plugin.wasm")), module());
}

#[test]
fn image_pushed_twice_is_written_once() {
    let directory = scratch("push-twice");
    let (built, registry) = (Built::new(&directory, &module()), Registry::start(&directory));
    let target = format!("{}/team", registry.address());
    let written = |log: String| log.matches("\"PUT /v2/team/okta-authz-filter/manifests/").count();
    let first = output(&mut built.push(&target));
    assert_eq!(written(registry.log()), 1);
    assert_eq!(output(&mut built.push(&target)), first);
    assert_eq!(written(registry.log()), 1);
}

#[test]
fn another_digest_under_a_published_version_is_an_error() {
    let directory = scratch("push-another");
    let (built, registry) = (Built::new(&directory, &module()), Registry::start(&directory));
    let target = format!("{}/team", registry.address());
    output(&mut built.push(&target));
    let mut changed = module();
    *changed.last_mut().unwrap() ^= 1;
    let other = Built::new(&directory.join("other"), &changed);
    let error = failure(&mut other.push(&target));
    assert!(error.contains("already has another digest"), "{error}");
    assert!(error.contains(&built.digest) && error.contains(&other.digest), "{error}");
    let (_, manifest) = registry.fetch(&format!("{NAME}/manifests/{VERSION}"));
    assert_eq!(sha256(&manifest, &directory), built.digest);

    output(other.push(&target).env("IMAGE_TAG", "0.1.0-acme.2"));
    let (_, manifest) = registry.fetch(&format!("{NAME}/manifests/0.1.0-acme.2"));
    assert_eq!(sha256(&manifest, &directory), other.digest);
}

#[test]
fn changed_file_of_the_build_is_not_pushed() {
    let directory = scratch("push-changed");
    let (built, registry) = (Built::new(&directory, &module()), Registry::start(&directory));
    fs::write(built.directory.join("image-digest"), format!("sha256:{:064}", 0)).unwrap();
    let error = failure(&mut built.push(&format!("{}/team", registry.address())));
    assert!(error.contains("differ from those that were built"), "{error}");
    assert_eq!(registry.fetch(&format!("{NAME}/manifests/{VERSION}")).0, 404);
}

#[test]
fn credentials_missing_or_wrong_are_an_error_without_the_password() {
    let directory = scratch("push-password");
    let (built, registry) = (Built::new(&directory, &module()), Registry::start_with_password(&directory));
    let target = format!("{}/team", registry.address());
    let error = failure(&mut built.push(&target));
    assert!(error.contains("denied access: run `docker login") && error.contains("REGISTRY_USER"), "{error}");
    let error = failure(built.push(&target).env("REGISTRY_USER", USER));
    assert!(error.contains("REGISTRY_USER needs REGISTRY_PASSWORD"), "{error}");
    let error = failure(built.push(&target).env("REGISTRY_PASSWORD", PASSWORD));
    assert!(error.contains("REGISTRY_PASSWORD needs REGISTRY_USER") && !error.contains(PASSWORD), "{error}");
    let wrong = "wrong-password";
    let error = failure(built.push(&target).env("REGISTRY_USER", USER).env("REGISTRY_PASSWORD", wrong));
    assert!(error.contains("denied access") && !error.contains(wrong), "{error}");
    assert!(!registry.log().contains("\"PUT /v2/"));

    let pushed =
        built.push(&target).env("REGISTRY_USER", USER).env("REGISTRY_PASSWORD", PASSWORD).output().unwrap();
    let printed = String::from_utf8([pushed.stdout, pushed.stderr].concat()).unwrap();
    assert!(pushed.status.success() && !printed.contains(PASSWORD), "{printed}");
    built.assert_no_credentials_remain();
}

#[test]
fn credentials_in_the_file_of_a_login_are_used() {
    let directory = scratch("push-auth-file");
    let (built, registry) = (Built::new(&directory, &module()), Registry::start_with_password(&directory));
    let file = directory.join("auth.json");
    let auths = json!({ "auths": { registry.address(): { "auth": BASIC } } });
    fs::write(&file, auths.to_string()).unwrap();
    output(built.push(&format!("{}/team", registry.address())).env("REGISTRY_AUTH_FILE", file));
}

/// The printed lines have the values that the manifests of `deploy/` have in the same places.
#[test]
fn printed_lines_name_the_image_of_the_manifests_with_its_digest() {
    let directory = scratch("push-lines");
    let (built, registry) = (Built::new(&directory, &module()), Registry::start(&directory));
    let printed = output(&mut built.push(&format!("{}/team", registry.address())));
    let printed = String::from_utf8(printed).unwrap();
    assert!(printed.contains(&format!("/{NAME}:{VERSION}@{}\n", built.digest)), "{printed}");
    let printed = printed.replace(&registry.address(), "registry.example.com");
    let lines: Vec<Value> = serde_saphyr::from_multiple(&printed).unwrap();
    let [istio, gateway, helm] = lines.as_slice() else { panic!("{printed}") };
    let manifest = |file: &str| -> Value {
        let text = fs::read_to_string(root().join("deploy").join(file)).unwrap();
        serde_saphyr::from_multiple::<Value>(&text).unwrap().swap_remove(0)
    };
    let hexadecimal = built.digest.strip_prefix("sha256:").unwrap();
    assert_eq!(istio["spec"]["url"], manifest("istio/gateway.yaml")["spec"]["url"]);
    assert_eq!(istio["spec"]["sha256"], hexadecimal);
    let code = &gateway["spec"]["wasm"][0]["code"];
    let expected = &manifest("envoy-gateway/policy.yaml")["spec"]["wasm"][0]["code"];
    assert_eq!((&code["type"], &code["image"]["url"]), (&expected["type"], &expected["image"]["url"]));
    assert_eq!(code["image"]["sha256"], hexadecimal);
    let values = json!({ "registry": "registry.example.com/team", "repository": "okta-authz-filter", "tag": VERSION, "digest": built.digest });
    assert_eq!(helm["image"], values);
}

#[test]
fn registry_with_an_invalid_form_is_an_error() {
    let built = Built::new(&scratch("push-form"), &module());
    for (registry, expected) in [
        ("", "REGISTRY is missing"),
        ("https://registry.example.com/team", "must not have a scheme"),
        ("http://127.0.0.1:5000/team", "must not have a scheme"),
        ("team", "must begin with the name of a host"),
        ("Registry.example.com/team", "in lower case"),
        ("registry.example.com/team:0.1.0", "without a tag"),
        ("registry.example.com/team name", "must be HOST[:PORT]/PATH"),
        ("registry.example.com//team", "must be HOST[:PORT]/PATH"),
        ("--dest-tls-verify=false", "must be HOST[:PORT]/PATH"),
    ] {
        let error = failure(&mut built.push(registry));
        assert!(error.contains(expected), "{registry}: {error}");
    }
    let error = failure(built.push("registry.example.com/team").env("IMAGE_TAG", "a/b"));
    assert!(error.contains("IMAGE_TAG is a/b"), "{error}");
}

/// `make` must pass the value to the script, not to a shell. Under `make test`, it also prints directories.
#[test]
fn registry_with_shell_syntax_is_not_executed() {
    let marker = scratch("push-shell").join("executed");
    let command = format!("touch {}", marker.display());
    for registry in [format!("x\"; {command}; echo \""), format!("$$({command})"), format!("`{command}`")] {
        let arguments = ["--no-print-directory", "push", &format!("REGISTRY={registry}")];
        let error = failure(Command::new("make").current_dir(root()).args(arguments));
        assert!(error.contains("REGISTRY is ") && !marker.exists(), "{registry}: {error}");
    }
}

#[test]
fn registry_that_does_not_listen_is_an_error() {
    let built = Built::new(&scratch("push-unreachable"), &module());
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let error = failure(&mut built.push(&format!("localhost:{port}/team")));
    assert!(error.contains(&format!("cannot reach localhost:{port}")), "{error}");
}

/// Answers each request. Returns the port, and the first bytes of each request.
fn server(respond: fn(&[u8]) -> &'static str) -> (u16, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut bytes = vec![0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut bytes) {
                let response = respond(&bytes[..read]);
                let _ = sender.send(bytes[..read].to_vec());
                let _ = stream.write_all(response.as_bytes());
                if response.contains("connection: close") {
                    break;
                }
            }
        }
    });
    (port, receiver)
}

const BAD_REQUEST: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// The first byte of a record of a TLS handshake.
const HANDSHAKE: u8 = 0x16;

/// A failed read does not show that the version is missing.
#[test]
fn registry_failure_on_the_read_prevents_the_push() {
    let built = Built::new(&scratch("push-failure"), &module());
    let (port, requests) = server(|request| match request {
        [HANDSHAKE, ..] => BAD_REQUEST,
        [b'G', ..] if request.starts_with(b"GET /v2/ ") => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        _ => "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    });
    let error = failure(&mut built.push(&format!("127.0.0.1:{port}/team")));
    assert!(error.contains(&format!("127.0.0.1:{port} failed")), "{error}");
    let requests: Vec<Vec<u8>> = requests.try_iter().filter(|request| request[0] != HANDSHAKE).collect();
    let read = format!("GET /v2/{NAME}/manifests/{VERSION} ");
    assert!(requests.iter().any(|request| request.starts_with(read.as_bytes())), "{requests:?}");
    assert!(requests.iter().all(|request| request.starts_with(b"GET ")), "{requests:?}");
}

/// A registry that is not on loopback gets no request in plain text. The test reaches it through a
/// proxy, which answers the TLS handshake in plain HTTP.
#[test]
fn registry_without_tls_outside_loopback_gets_no_request() {
    let built = Built::new(&scratch("push-plain"), &module());
    let (port, requests) = server(|request| match request {
        [b'C', ..] => "HTTP/1.1 200 OK\r\n\r\n",
        _ => BAD_REQUEST,
    });
    let proxy = format!("http://127.0.0.1:{port}");
    let mut push = built.push("registry.example.com/team");
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        push.env(name, &proxy);
    }
    push.env_remove("NO_PROXY").env_remove("no_proxy");
    let error = failure(push.env("REGISTRY_USER", USER).env("REGISTRY_PASSWORD", PASSWORD));
    assert!(error.contains("registry.example.com has no TLS: plain HTTP is allowed only"), "{error}");
    let requests: Vec<Vec<u8>> = requests.try_iter().collect();
    let [connect, handshake, ..] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(connect.starts_with(b"CONNECT registry.example.com:443 "));
    assert_eq!(handshake[0], HANDSHAKE);
    let encrypted = |request: &Vec<u8>| request[0] == HANDSHAKE || request.starts_with(b"CONNECT ");
    assert!(requests.iter().all(encrypted), "{requests:?}");
}
