//! The fetch of Okta's keys, through the cluster of policy.yaml and through that of backend.yaml.

use okta_authz_mesh::manifest::Manifest;
use okta_authz_mesh::network::address;
use okta_authz_mesh::okta;
use stand_in_okta::{Server, TokenSpec};
use test_support::client::{Request, get};

use super::mesh::{OKTA, file, mesh};
use super::scenario::{BACKEND, POLICY, Scenario};

/// The certificates that a proxy trusts, in the manifests.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// A name with the address of the stand-in Okta, which its certificate does not have.
const OTHER_NAME: &str = "other-name.okta.com";
/// A host with a certificate of an authority that the proxies do not trust.
const OTHER_AUTHORITY: &str = "other-ca.okta.com";

/// Returns the manifests, with the cluster `okta`, or with that of the route in backend.yaml.
fn manifests(scenario: &Scenario<'_>, with_backend: bool) -> Manifest {
    let policy = scenario.manifest(POLICY);
    if !with_backend {
        return policy;
    }
    let start = policy.text().find("    # An attacker who can impersonate").expect("the first patch");
    let end = policy.text().find("    # The guard, directly before the router").expect("the second patch");
    let first_patch = policy.text()[start..end].to_owned();
    policy.replace(&first_patch, "").without("EnvoyExtensionPolicy").and(scenario.manifest(BACKEND).text())
}

fn cluster(scenario: &Scenario<'_>, with_backend: bool) -> String {
    if with_backend { format!("httproute/{}/okta/rule/0", scenario.namespace) } else { "okta".to_owned() }
}

fn keys_unavailable(scenario: &Scenario<'_>, request: &Request, with: &str) {
    let before = scenario.mesh.api.requests();
    for _ in 0..3 {
        scenario.expect(request, with, 503, "keys_unavailable");
    }
    scenario.expect(&get("/orders"), with, 401, "token_missing");
    assert_eq!(scenario.mesh.api.requests(), before);
}

#[test]
fn backend_with_system_authorities_admits_valid_tokens() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "backend");
    scenario.apply(manifests(&scenario, true).text());
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    scenario.wait_for_condition("backendtlspolicy", "okta", "Accepted", "True");
    scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "True");
    scenario.wait_for_condition("envoypatchpolicy", "okta", "Programmed", "True");
    let clusters = scenario.proxy().admin("/clusters");
    assert!(clusters.contains("httproute/backend/okta/rule/0::"), "{clusters}");
    assert!(!clusters.contains("\nokta::"), "without the first patch there is no cluster `okta`: {clusters}");
    scenario.expect(&scenario.allowed(), "backend.yaml, orders:read", 200, "");
    // The route to Okta exists only for the cluster.
    let route = get("/never").header("host", "okta.invalid").bearer(mesh.token(&["orders:read"]));
    scenario.expect(&route, "backend.yaml, the route to Okta", 403, "no_rule_matches");
}

#[test]
fn certificate_of_unknown_authority_gives_no_keys() {
    let mesh = &*mesh();
    let other = okta::start(address::OTHER_OKTA, OTHER_AUTHORITY);
    let token = other.mint(Server::Default, &TokenSpec::user().scopes(&["orders:read"]));
    let authorities = file("keys", "other-ca.pem", other.ca_pem());
    for (namespace, with_backend) in [("ca-policy", false), ("ca-backend", true)] {
        let mut scenario = Scenario::new(mesh, namespace);
        scenario.apply(manifests(&scenario, with_backend).replace(OKTA, OTHER_AUTHORITY).text());
        scenario.start(&[]);
        scenario.wait_for(401, "token_missing");
        keys_unavailable(&scenario, &get("/orders").bearer(&token), "an unknown authority");
        let failures = format!("cluster.{}.ssl.fail_verify_error", cluster(&scenario, with_backend));
        assert!(scenario.proxy().stat(&failures) > 0, "{}", scenario.proxy().admin("/stats?filter=ssl"));
        // Control: a proxy that trusts the authority gets the keys.
        scenario.start(&[(&authorities, AUTHORITIES)]);
        scenario.wait_for(401, "token_missing");
        scenario.expect(&get("/orders").bearer(&token), "the authority is trusted", 200, "");
    }
}

#[test]
fn certificate_with_another_name_gives_no_keys() {
    let mesh = &*mesh();
    for (namespace, with_backend) in [("name-policy", false), ("name-backend", true)] {
        let mut scenario = Scenario::new(mesh, namespace);
        let issuer = format!("https://{OKTA}/oauth2/default");
        let manifests = manifests(&scenario, with_backend)
            .replace(OKTA, OTHER_NAME)
            .replace(&format!("https://{OTHER_NAME}/oauth2/default"), &issuer);
        scenario.apply(manifests.text());
        scenario.start(&[]);
        scenario.wait_for(401, "token_missing");
        keys_unavailable(&scenario, &scenario.allowed(), "a certificate with another name");
        let failures = format!("cluster.{}.ssl.fail_verify_san", cluster(&scenario, with_backend));
        assert!(scenario.proxy().stat(&failures) > 0, "{}", scenario.proxy().admin("/stats?filter=ssl"));
    }
}
