//! `okta-authz check`: CORS policies with DPoP.

use serde_json::{Value, json};

use super::hosts::{assert_warns, document, manager, plugin};

const POLICY: &str = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy";

/// Returns `envoy.yaml` with a CORS policy of these headers.
fn with_cors(dpop: Value, allowed: &str, exposed: &str) -> Value {
    let mut document = document("envoy.yaml");
    if !dpop.is_null() {
        plugin(&mut document)["dpop"] = dpop;
    }
    let policy = json!({ "@type": POLICY, "allow_headers": allowed, "expose_headers": exposed });
    let route = &mut manager(&mut document)["route_config"]["virtual_hosts"][0];
    route["domains"] = json!(["api.example.com"]);
    route["typed_per_filter_config"] = json!({ "envoy.filters.http.cors": policy });
    document
}

#[test]
fn check_cors_policy_without_the_headers_of_dpop_is_a_warning() {
    let at = "typed_per_filter_config.envoy.filters.http.cors";
    let allow = format!("{at}.allow_headers: lacks `dpop`, which");
    let both = format!("{at}.allow_headers: lacks `authorization` and `dpop`, which");
    let expose = format!("{at}.expose_headers: lacks `www-authenticate`, which");
    let nonce = format!("{at}.expose_headers: lacks `dpop-nonce`, which");
    let (on, nonces) = (json!({}), json!({ "nonce": {} }));
    let cases: [(&Value, &str, &str, &[&str]); 8] = [
        (&Value::Null, "authorization", "", &[]),
        (&on, "authorization, content-type", "www-authenticate", &[&allow]),
        (&on, "", "", &[&both, &expose]),
        (&on, "Authorization,DPoP", "WWW-Authenticate", &[]),
        (&on, "*", "*", &[]),
        (&nonces, "authorization,dpop", "WWW-Authenticate", &[&nonce]),
        (&nonces, "authorization,dpop", "WWW-Authenticate, DPoP-Nonce", &[]),
        (&nonces, "authorization,x-dpop", "www-authenticate,dpop-nonce", &[&allow]),
    ];
    for (number, (dpop, allowed, exposed, expected)) in cases.into_iter().enumerate() {
        assert_warns(&format!("cors-{number}"), &with_cors(dpop.clone(), allowed, exposed), expected);
    }
}
