//! The sections of the reference: the smallest configuration that has a section, for each section.

use serde_json::{Value, json};

/// Returns the smallest section of this kind that can have this field.
pub(super) fn section(section: &str, field: &str) -> Value {
    let unless = |alternatives: &[&str], other: Value| match alternatives.contains(&field) {
        true => json!({}),
        false => other,
    };
    let grant = || unless(&["public", "deny", "requires"], json!({ "requires": {} }));
    let (always, depends) = match section {
        "Provider" => (
            json!({ "audiences": ["api://default"], "remote_jwks": { "cluster": "okta" } }),
            unless(&["issuers"], json!({ "issuer": "https://acme.okta.com/oauth2/default" })),
        ),
        "RemoteJwks" => (json!({ "cluster": "okta" }), schedule(field)),
        "RemoteDenylist" => (json!({ "cluster": "list", "uri": "https://list.example/" }), schedule(field)),
        "Jwk" => (
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
            json!({}),
        ),
        "DenylistEntry" if field == "until" => (json!({ "jti": "a" }), json!({})),
        "Introspection" => (json!({ "cluster": "c", "client_id": "a", "auth": { "none": {} } }), json!({})),
        "PrivateKeyJwt" => (json!({ "key_env": "OKTA_RS_KEY" }), json!({})),
        "Rule" => (json!({ "match": {} }), grant()),
        "RoutePolicy" => (json!({}), grant()),
        "NamedStringMatcher" => (
            json!({ "name": "x-tenant" }),
            unless(&["string_match", "present_match"], json!({ "present_match": true })),
        ),
        "Requires" if field == "groups_claim" => (json!({ "groups": ["Admins"] }), json!({})),
        "Claim" => {
            let tests = ["any_of", "equals", "matches", "path_variable", "exists"];
            (json!({ "name": "department" }), unless(&tests, json!({ "exists": true })))
        }
        "ClaimToHeader" => (
            json!({ "header_name": "x-okta-sub" }),
            unless(&["claim_name", "template"], json!({ "claim_name": "sub" })),
        ),
        "Mtls" => (json!({}), unless(&["from", "header"], json!({ "from": "connection" }))),
        "CertificateHeader" => (json!({ "name": "x-forwarded-client-cert", "format": "xfcc" }), json!({})),
        "ExternalUrl" => (json!({ "url": "https://api.example.com" }), json!({})),
        "HeaderSource" => (json!({ "name": "x-access-token" }), json!({})),
        "CustomBody" => (json!({ "status": 401, "content_type": "text/plain", "body": "no" }), json!({})),
        "ProtectedResource" => (json!({ "resource": "https://api.example.com" }), json!({})),
        "AuthorizationDetail" => (json!({ "type": "payment" }), json!({})),
        _ => (json!({}), json!({})),
    };
    merged(always, depends)
}

/// Returns the fields without which others of a remote document are errors.
fn schedule(field: &str) -> Value {
    match field {
        "jwks_hosts" => json!({ "discovery": true }),
        "cache_duration" => json!({ "max_stale": "30d" }),
        "max_stale" => json!({ "cache_duration": "1s" }),
        _ => json!({}),
    }
}

pub(super) fn merged(mut object: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("{more}") };
    object.as_object_mut().unwrap().extend(more);
    object
}

/// Returns a configuration that has this section, and nothing else that is not required.
pub(super) fn configuration(at: &str, object: Value) -> Value {
    let provider = json!({
        "issuer": "https://acme.okta.com/oauth2/default",
        "audiences": ["api://default", "https://api.example.com"],
        "remote_jwks": { "cluster": "okta" },
    });
    let rule =
        |matches: Value, requires: Value| json!({ "rules": [{ "match": matches, "requires": requires }] });
    let demands_binding = [json!("required"), json!(true)].contains(&object["sender_constrained"]);
    let rest = match at {
        "" => object,
        "Provider" => json!({ "providers": { "okta": object } }),
        "RemoteJwks" => {
            json!({ "providers": { "okta": merged(provider.clone(), json!({ "remote_jwks": object })) } })
        }
        "JwkSet" => {
            json!({ "providers": { "okta": merged(provider.clone(), json!({ "local_jwks": object })) } })
        }
        "Jwk" => return configuration("JwkSet", json!({ "keys": [object] })),
        "Denylist" => json!({ "denylist": object }),
        "DenylistEntry" => json!({ "denylist": { "entries": [object] } }),
        "RemoteDenylist" => json!({ "denylist": { "remote": object } }),
        "Introspection" => {
            json!({ "providers": { "okta": merged(provider.clone(), json!({ "introspection": object })) } })
        }
        "IntrospectionAuth" => {
            let id = json!({ "cluster": "okta", "client_id": "0oa1", "auth": object });
            return configuration("Introspection", id);
        }
        "ClientSecret" => return configuration("IntrospectionAuth", json!({ "client_secret_post": object })),
        "PrivateKeyJwt" => return configuration("IntrospectionAuth", json!({ "private_key_jwt": object })),
        "Rule" | "RoutePolicy" => {
            // `introspect` needs a provider with an endpoint.
            let with_endpoint = configuration("Introspection", section("Introspection", ""));
            let is_rule = at == "Rule";
            let policies = if is_rule { json!([object]) } else { json!({ "name": object }) };
            merged(with_endpoint, json!({ (if is_rule { "rules" } else { "route_policies" }): policies }))
        }
        "RequestMatch" => rule(object, json!({})),
        "NamedStringMatcher" => rule(json!({ "headers": [object] }), json!({})),
        "StringMatcher" => {
            return configuration(
                "NamedStringMatcher",
                json!({ "name": "x-tenant", "string_match": object }),
            );
        }
        "RegexMatcher" => return configuration("StringMatcher", json!({ "safe_regex": object })),
        "Requires" => rule(json!({}), object),
        "Claim" => rule(json!({ "path_template": "/users/{id}" }), json!({ "claims": [object] })),
        "AuthorizationDetail" => rule(json!({}), json!({ "authorization_details": [object] })),
        "Actor" => rule(json!({}), json!({ "actor": object })),
        "ClaimToHeader" => json!({ "claim_to_headers": [object] }),
        "Mtls" => json!({ "mtls": object }),
        "CertificateHeader" => json!({ "mtls": { "header": object } }),
        "Dpop" => json!({ "dpop": object }),
        "ExternalUrl" => {
            let object = merged(json!({ "url": "https://api.example.com" }), object);
            json!({ "dpop": { "external_urls": [object] } })
        }
        "ReplaySize" => json!({ "dpop": { "replay": object } }),
        "Nonce" => json!({ "dpop": { "nonce": object } }),
        "HeaderSource" => json!({ "from_headers": [object] }),
        "Responses" => json!({ "responses": object }),
        "CustomBody" => json!({ "responses": { "custom": [object] } }),
        "ProtectedResource" => json!({ "protected_resources": [object] }),
        _ => panic!("{at} is not a section"),
    };
    let dpop = if demands_binding { json!({ "dpop": {} }) } else { json!({}) };
    merged(merged(json!({ "providers": { "okta": provider } }), rest), dpop)
}
