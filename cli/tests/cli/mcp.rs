//! `okta-authz check`: likely mistakes in a configuration for MCP servers.

use serde_json::{Value, json};

use super::findings::findings;

fn warnings(name: &str, rest: Value) -> Vec<String> {
    let mut config = json!({ "providers": { "p": {
        "issuer": "https://acme.okta.com/oauth2/default", "audiences": ["api://default"],
        "remote_jwks": { "cluster": "okta" },
    } } });
    for (field, value) in rest.as_object().unwrap() {
        config[field] = value.clone();
    }
    let found = findings(&format!("mcp-{name}"), &config.to_string());
    assert_eq!((found.errors, found.notes), (Vec::new(), Vec::new()), "{name}");
    found.warnings
}

fn starts(name: &str, rest: Value, expected: &[&str]) {
    let found = warnings(name, rest);
    let agree = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| found.starts_with(expected));
    assert!(agree, "{name}: {found:?}");
}

#[test]
fn check_offline_access_in_a_challenge_is_a_warning() {
    let scopes = |scope: &str| json!([{ "resource": "https://a.example", "scopes_supported": ["a", scope] }]);
    let rules = |requires: Value| json!({ "rules": [{ "match": {}, "requires": requires }] });
    let asks = "asks clients for `offline_access`";
    let at = |path: &str| format!("{path}: {asks}");
    let resource = at("protected_resources[0].scopes_supported");
    let rule = at("rules[0].requires");
    starts("resource", json!({ "protected_resources": scopes("offline_access") }), &[&resource]);
    starts("good-resource", json!({ "protected_resources": scopes("b") }), &[]);
    for (name, requires) in [
        ("scopes", json!({ "scopes": ["a", "offline_access"] })),
        ("any-scopes", json!({ "any_scopes": ["a", "offline_access"] })),
        ("nested", json!({ "any_of": [{ "all_of": [{ "scopes": ["offline_access"] }] }] })),
    ] {
        starts(name, rules(requires), &[&rule]);
    }
    starts("in-not", rules(json!({ "not": { "scopes": ["offline_access"] } })), &[]);
    let policy = json!({ "route_policies": { "x": { "requires": { "scopes": ["offline_access"] } } } });
    starts("route-policy", policy, &[&at("route_policies.x.requires")]);
}

#[test]
fn check_query_tokens_with_resource_metadata_are_a_warning() {
    let problem = "from_params: reads tokens from queries";
    let resources = json!([{ "resource": "https://a.example" }]);
    let params = json!(["access_token"]);
    starts("params", json!({ "from_params": params, "protected_resources": resources }), &[problem]);
    let rule = json!([{ "match": { "headers": [{ "name": "Mcp-Method", "present_match": true }] }, "requires": {} }]);
    starts("params-mcp", json!({ "from_params": params, "rules": rule }), &[problem]);
    starts("params-alone", json!({ "from_params": params }), &[]);
    starts("resources-alone", json!({ "protected_resources": resources }), &[]);
}

#[test]
fn check_rule_that_a_request_without_the_header_avoids_is_a_warning() {
    let header = |name: &str, value: &str| json!({ "name": name, "string_match": { "exact": value } });
    let absent = |name: &str| json!({ "name": name, "present_match": true, "invert_match": true });
    let on = |path: &str, headers: &[Value]| match headers {
        [] => json!({ "prefix": path }),
        headers => json!({ "prefix": path, "headers": headers }),
    };
    let requires = |matches: Value| json!({ "match": matches, "requires": {} });
    let deny = |matches: Value| json!({ "match": matches, "deny": true });
    let method = header("Mcp-Method", "tools/call");
    let tool = requires(on("/mcp", &[method.clone(), header("Mcp-Name", "delete")]));
    let every = || requires(on("/mcp", &[]));
    let no_method = || deny(on("/mcp", &[absent("mcp-method")]));
    let no_name = || deny(on("/mcp", &[method.clone(), absent("mcp-name")]));
    let avoids = |rule: usize, name: &str| {
        format!("rules[{rule}].match.headers: a request without `{name}` avoids this rule")
    };
    let (by_method, by_name) = (avoids(0, "mcp-method"), avoids(0, "mcp-name"));
    let (second, third) = (avoids(1, "mcp-method"), avoids(2, "mcp-method"));
    for (name, rules, expected) in [
        ("tool", vec![tool.clone(), every()], vec![by_method.as_str()]),
        ("wider", vec![tool.clone(), requires(on("/", &[]))], vec![by_method.as_str()]),
        (
            "public",
            vec![tool.clone(), json!({ "match": on("/mcp", &[]), "public": true })],
            vec![by_method.as_str()],
        ),
        ("no-method", vec![tool.clone(), no_method(), every()], vec![by_name.as_str()]),
        ("no-name", vec![tool.clone(), no_name(), every()], vec![by_method.as_str(), second.as_str()]),
        (
            "other-path",
            vec![tool.clone(), deny(on("/mcp/a", &[absent("mcp-method")])), no_name(), every()],
            vec![by_method.as_str(), third.as_str()],
        ),
        (
            "deny-after",
            vec![tool.clone(), every(), no_method(), no_name()],
            vec!["rules[2]", "rules[3]", by_method.as_str()],
        ),
        ("both", vec![tool.clone(), no_method(), no_name(), every()], vec![]),
        ("deny-all", vec![tool.clone(), deny(on("/mcp", &[]))], vec![]),
        ("nothing-later", vec![tool.clone()], vec![]),
        ("other-later", vec![tool.clone(), requires(on("/api", &[]))], vec![]),
        ("other-header", vec![requires(on("/mcp", &[header("x-a", "b")])), every()], vec![]),
    ] {
        starts(name, json!({ "rules": rules }), &expected);
    }
}
