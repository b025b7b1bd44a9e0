//! The configuration of the receiver, and the exit status.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use test_support::receiver::{config, directory, okta};

fn check(name: &str, text: &str) -> (i32, String) {
    let file = directory(name).join("receive.yaml");
    fs::write(&file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_okta-authz"))
        .args(["receive".as_ref(), "--check".as_ref(), file.as_os_str()])
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
fn example_configuration_is_valid() {
    let text = fs::read_to_string(test_support::root().join("deploy/receive/receive.yaml")).unwrap();
    let (status, output) = check("configuration-example", &text);
    assert!(status == 0 && output.trim_end().ends_with("receive.yaml: ok"), "{output}");
}

#[test]
fn invalid_configuration_is_an_error_that_names_the_field() {
    let okta = okta();
    let valid = config(&okta, &directory("configuration"));
    let set = |path: &str, value: Value| {
        let mut changed = valid.clone();
        let (parent, name) = path.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap()[name] = value;
        changed
    };
    let remove = |path: &str, name: &str| {
        let mut changed = valid.clone();
        changed.pointer_mut(path).unwrap().as_object_mut().unwrap().remove(name);
        changed
    };
    let events = |value: Value| set("/orgs/0/events", value);
    for (config, expected) in [
        (remove("", "listen"), "missing field `listen`"),
        (set("/listen", json!("8080")), "listen: invalid socket address"),
        (set("/url", json!("http://revocation.example.com")), "url: must begin with `https://`"),
        (set("/url", json!("https://revocation.example.com/?a")), "url: must have no query"),
        (set("/nope", json!(1)), "nope: unknown field `nope`"),
        (set("/orgs", json!([])), "orgs: must have one org at least"),
        (
            set("/orgs/0/issuer", json!("https://acme.okta.com/oauth2/default")),
            "orgs[0].issuer: must be the URL of the org without a path",
        ),
        (
            set("/orgs/0/issuer", json!("https://acme.okta.com/")),
            "orgs[0].issuer: must be the URL of the org",
        ),
        (set("/orgs/0/issuer", json!("https://{yourOktaDomain}")), "orgs[0].issuer: still has a placeholder"),
        (set("/orgs/0/aliases", json!(["https://acme.okta.example"])), "occurs twice"),
        (set("/orgs/0/jwks_uri", json!("http://h/keys")), "orgs[0].jwks_uri: must begin with `https://`"),
        (set("/orgs/0/token_issuers", json!(["acme"])), "orgs[0].token_issuers: must begin with `https://`"),
        (events(json!({ "audiences": [] })), "orgs[0].events.audiences: must have one value at least"),
        (events(json!({})), "orgs[0].events: missing field `audiences`"),
        (
            events(json!({ "audiences": ["a"], "authorization": { "env": "NOT_SET_ANYWHERE" } })),
            "orgs[0].events.authorization.env: the environment variable \"NOT_SET_ANYWHERE\" is not set",
        ),
        (
            events(json!({ "audiences": ["a"], "authorization": {} })),
            "orgs[0].events.authorization: needs one of `env` and `file`",
        ),
        (set("/orgs/0/logout/client_ids", json!([])), "orgs[0].logout.client_ids: must not be empty"),
        (set("/storage", json!({})), "storage: needs one of `path` and `postgres`"),
        (set("/denylist", json!({ "retention": "1" })), "denylist.retention: must be a number and a unit"),
        (set("/denylist", json!({ "retention": "1m" })), "denylist.retention: must be a number and a unit"),
        (set("/denylist", json!({ "max_entries": 10_001 })), "denylist.max_entries: must be from 1 to 10000"),
        (
            set("/denylist", json!({ "secret": { "file": "/does/not/exist" } })),
            "denylist.secret.file: cannot be read: /does/not/exist",
        ),
        (set("/limits", json!({ "max_connections": 0 })), "limits.max_connections: must be from 1 to 65536"),
        (set("/limits", json!({ "request_timeout": "2m" })), "limits.request_timeout: must be a number"),
    ] {
        let (status, output) = check("configuration-invalid", &config.to_string());
        assert!(status == 1 && output.contains(expected), "{expected}: {output}");
    }
    let neither = {
        let mut changed = valid.clone();
        let org = changed["orgs"][0].as_object_mut().unwrap();
        org.remove("events");
        org.remove("logout");
        changed
    };
    assert!(
        check("configuration-neither", &neither.to_string()).1.contains("orgs[0]: needs `events`, `logout`")
    );
    for text in ["listen: [", "a: 1\na: 2", ""] {
        assert_eq!(check("configuration-yaml", text).0, 1, "{text}");
    }
}

#[test]
fn usage_errors_and_unreadable_files_have_exit_status_2() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_okta-authz")).args(arguments).output().unwrap();
        output.status.code()
    };
    assert_eq!(run(&["receive"]), Some(2));
    assert_eq!(run(&["receive", "/does/not/exist"]), Some(2));
    assert_eq!(run(&["receive", "--nope"]), Some(2));
    assert_eq!(run(&["receive", "--help"]), Some(0));
}

#[test]
fn address_in_use_is_an_error_of_the_start() {
    let okta = okta();
    let directory = directory("configuration-address");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config(&okta, &directory);
    config["listen"] = json!(listener.local_addr().unwrap());
    let file = directory.join("receive.yaml");
    fs::write(&file, config.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_okta-authz"))
        .args(["receive".as_ref(), file.as_os_str()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("listen: cannot listen on 127.0.0.1:"));
}
