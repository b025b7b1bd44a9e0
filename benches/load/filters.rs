//! The filters that are compared. Their configurations are equal where both have the feature.

use std::path::Path;

use benches::tokens::{AUDIENCE, ISSUER};
use serde_json::{Value, json};

/// The claims that become headers. `jwt_authn` writes lists in another form, so there are none.
const HEADERS: [(&str, &str); 2] = [("x-okta-sub", "sub"), ("x-okta-uid", "uid")];

/// The size of `jwt_authn`'s cache. It holds all tokens of the rows that repeat tokens.
const NATIVE_CACHE: u32 = 10_000;

/// The filter state of an allowed request that the row with a logged identity writes.
pub const FILTER_STATE: [&str; 7] = ["decision", "code", "sub", "uid", "cid", "provider", "scopes"];

/// Returns Envoy's `jwt_authn`.
pub fn native(jwks: &Value, cache: bool, headers: bool) -> Value {
    let mut provider = json!({
        "issuer": ISSUER, "audiences": [AUDIENCE], "forward": true,
        "local_jwks": { "inline_string": jwks.to_string() },
    });
    if cache {
        provider["jwt_cache_config"] = json!({ "jwt_cache_size": NATIVE_CACHE });
    }
    if headers {
        provider["claim_to_headers"] = claim_to_headers();
    }
    native_with(&provider)
}

/// Returns Envoy's `jwt_authn` with this provider.
pub fn native_with(provider: &Value) -> Value {
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": { "okta": provider },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "okta" } }],
        },
    })
}

/// Returns a configuration of this filter with the effect of `jwt_authn`'s default: a valid token
/// for every path.
pub fn configuration(jwks: &Value) -> Value {
    let provider = json!({ "issuer": ISSUER, "audiences": [AUDIENCE], "local_jwks": jwks });
    json!({ "providers": { "okta": provider } })
}

/// Returns the configuration with a list of the filter state that an access log reads.
pub fn with_logged_identity(configuration: &Value) -> Value {
    let mut logged = configuration.clone();
    logged["filter_state"] = json!(FILTER_STATE);
    logged
}

/// Returns the configuration with a rule that requires a scope that no token of the benchmark has.
pub fn with_other_scope(configuration: &Value) -> Value {
    let mut other = configuration.clone();
    other["rules"] = json!([{ "match": { "prefix": "/" }, "requires": { "scopes": ["items:admin"] } }]);
    other
}

/// Returns a configuration with two claim headers and this number of rules. Each request matches
/// one rule.
pub fn policy(jwks: &Value, rules: usize) -> Value {
    let rule = |i| {
        let path = json!({ "path": benches::tokens::path(i) });
        json!({ "match": path, "requires": { "scopes": ["items:read"] } })
    };
    let mut configuration = configuration(jwks);
    configuration["claim_to_headers"] = claim_to_headers();
    configuration["rules"] = (0..rules).map(rule).collect();
    configuration
}

/// Returns this filter. Each row has its own VMs, by `vm_id`, so no row uses the cache of another.
pub fn ours(vm_id: &str, configuration: &Value) -> Value {
    wasm(vm_id, &test_support::wasm("okta_authz_filter"), &configuration.to_string())
}

/// Returns a wasm module as a filter.
pub fn wasm(vm_id: &str, module: &Path, configuration: &str) -> Value {
    json!({
        "name": vm_id,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": vm_id, "root_id": vm_id, "failure_policy": "FAIL_RELOAD",
                "vm_config": {
                    "vm_id": vm_id, "runtime": "envoy.wasm.runtime.v8", "code": { "local": { "filename": module } },
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration,
                },
            },
        },
    })
}

/// Returns the guard of the reference configuration.
pub fn guard() -> Value {
    let permit = json!({ "key": "wasm.okta.permit", "string_match": { "exact": "granted" } });
    let policy = json!({ "permissions": [{ "any": true }], "principals": [{ "filter_state": permit }] });
    json!({
        "name": "okta-authz-guard",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": { "action": "ALLOW", "policies": { "permitted": policy } },
        },
    })
}

fn claim_to_headers() -> Value {
    HEADERS.iter().map(|(header, claim)| json!({ "header_name": header, "claim_name": claim })).collect()
}
