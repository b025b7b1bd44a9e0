//! Protected resource metadata (RFC 9728): the document, and its URL in challenges.

use serde_json::json;
use test_support::client::{get, request};

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness, access_log_path, wait_for_access_log};

const ITEMS: &str = "/.well-known/oauth-protected-resource/items";

#[test]
fn resource_metadata_is_found_through_the_challenge() {
    let path = access_log_path("metadata");
    let harness = Harness::new("metadata", |config| {
        let mut config = config.access_log(&path);
        config.plugin()["protected_resources"] = json!([
            { "resource": "https://api.example.com/items", "scopes_supported": ["items:read", "items:write"] },
            { "resource": "https://api.example.com" },
        ]);
        config
    });
    harness.warm_up();
    let before = harness.backend.requests();
    let challenge = |path: &str| {
        let response = harness.send(&get(path).header("host", "evil.example"));
        response.header("www-authenticate").unwrap().to_owned()
    };
    let url = format!("https://api.example.com{ITEMS}");
    assert_eq!(
        challenge("/items/1"),
        format!("Bearer realm=\"api\",scope=\"items:read\",resource_metadata=\"{url}\"")
    );
    let root = "https://api.example.com/.well-known/oauth-protected-resource";
    assert_eq!(challenge("/itemsets"), format!("Bearer realm=\"api\",resource_metadata=\"{root}\""));
    assert!(challenge("/docs;x").ends_with(&format!(",resource_metadata=\"{root}\"")));

    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        let response = harness.send(&get(ITEMS).bearer("nonsense"));
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert_eq!(response.header("cache-control"), Some("public, max-age=3600"));
        assert_eq!(response.header("access-control-allow-origin"), Some("*"));
        assert_eq!(response.header("www-authenticate"), None);
        assert_eq!(
            response.json(),
            json!({
                "resource": "https://api.example.com/items",
                "authorization_servers": ["https://acme.okta.example/oauth2/default"],
                "bearer_methods_supported": ["header"],
                "scopes_supported": ["items:read", "items:write"],
            })
        );
    }
    let length = harness.send(&get(ITEMS)).body.len().to_string();
    let head = harness.send(&request("HEAD", ITEMS));
    assert_eq!(
        (head.status, head.body.as_str(), head.header("content-length")),
        (200, "", Some(length.as_str()))
    );
    assert_eq!(
        harness.send(&request("POST", ITEMS)).code(),
        "token_missing",
        "other methods are subject to the rules"
    );
    assert_eq!(harness.send(&get(format!("/docs/..{ITEMS}"))).status, 200, "Envoy normalizes the path");
    assert_eq!(harness.backend.requests(), before, "the filter responds itself");
    assert_eq!(
        harness.envoy.count("decision.protected_resource_metadata"),
        CONNECTIONS_FOR_BOTH_WORKERS as u64 + 3
    );

    let line = format!(
        "{ITEMS} 200 okta_authz{{protected_resource_metadata}} decision=answer code=protected_resource_metadata"
    );
    let log = wait_for_access_log(&path, |log| log.contains(&line));
    assert!(log.contains(&line), "{line} is not in:\n{log}");
    harness.assert_alive();
}
