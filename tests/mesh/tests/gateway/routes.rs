//! Routes with their own policy, and several listeners.

use okta_authz_mesh::envoy_gateway::Settings;
use serde_json::Value;
use test_support::client::get;

use super::mesh::mesh;
use super::scenario::{
    BACKEND, POLICY, Scenario, gateway, gateway_with_envoy_proxy, is_guarded, listener_names,
};

/// An `EnvoyExtensionPolicy` without this filter, for the route `own`.
fn own_policy(merge: &str) -> String {
    format!(
        r#"apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: {{ name: own }}
spec:
  targetRefs: [{{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: own }}]{merge}
  lua:
    - type: Inline
      inline: |
        function envoy_on_response(response_handle)
          response_handle:headers():add("x-own", "policy")
        end
"#
    )
}

#[test]
fn route_with_its_own_policy_is_denied_by_the_guard() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "routes");
    scenario.apply(scenario.manifest(POLICY).text());
    scenario.route("own", "own.example.com", "/");
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    let own = || scenario.allowed().header("host", "own.example.com");
    scenario.expect(&own(), "a route without its own policy", 200, "");
    scenario.apply(&own_policy(""));
    scenario.wait_for_condition("envoyextensionpolicy", "own", "Accepted", "True");
    let control_plane = mesh.gateway.borrow();
    control_plane.wait_for("a denial", || (scenario.client().send(&own()).status == 403).then_some(()));
    let before = mesh.api.requests();
    scenario.expect(&own(), "a route with its own policy, orders:read", 403, "");
    scenario.expect(
        &get("/orders").header("host", "own.example.com"),
        "a route with its own policy, no token",
        403,
        "",
    );
    assert_eq!(mesh.api.requests(), before);
    scenario.expect(&scenario.allowed(), "the other route", 200, "");
    let overridden = scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Overridden", "True");
    assert!(overridden.message.contains("routes/own"), "{overridden:?}");
    // With a merge type, the route has both.
    scenario.apply(&own_policy("\n  mergeType: StrategicMerge"));
    control_plane.wait_for("an admission", || (scenario.client().send(&own()).status == 200).then_some(()));
    let response = scenario.expect(&own(), "a route with a merged policy, orders:read", 200, "");
    assert_eq!(response.header("x-own"), Some("policy"));
    let request = get("/orders").header("host", "own.example.com");
    scenario.expect(&request, "a route with a merged policy, no token", 401, "token_missing");
}

#[test]
fn listeners_on_one_port_share_one_guard() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "one-port");
    scenario.apply(&gateway(
        "{ name: http, protocol: HTTP, port: 80, hostname: api.example.com },
         { name: second, protocol: HTTP, port: 80, hostname: second.example.com }",
    ));
    scenario.route("second", "second.example.com", "/");
    scenario.apply(scenario.manifest(POLICY).text());
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    let listeners = scenario.proxy().listeners();
    let names = listener_names(&listeners);
    assert!(names.contains(&"one-port/eg/http".to_owned()), "{names:?}");
    assert!(!names.contains(&"one-port/eg/second".to_owned()), "{names:?}");
    assert!(is_guarded(&listeners, "one-port/eg/http"));
    let second = get("/orders").header("host", "second.example.com");
    scenario.expect(&second, "the second listener on the port, no token", 401, "token_missing");
    // A patch with the name of the second is an error that the status shows.
    let patch =
        scenario.manifest(POLICY).only("EnvoyPatchPolicy").replace("one-port/eg/http", "one-port/eg/second");
    scenario.apply(patch.text());
    let condition = scenario.wait_for_condition("envoypatchpolicy", "okta", "Programmed", "False");
    assert_eq!(condition.reason, "ResourceNotFound", "{condition:?}");
}

#[test]
fn listener_on_another_port_needs_its_own_patches() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "two-ports");
    scenario.apply(&gateway(
        "{ name: http, protocol: HTTP, port: 80 }, { name: second, protocol: HTTP, port: 8080 }",
    ));
    scenario.apply(scenario.manifest(POLICY).text());
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    let listeners = scenario.proxy().listeners();
    assert!(is_guarded(&listeners, "two-ports/eg/http"));
    assert!(!is_guarded(&listeners, "two-ports/eg/second"), "the patches name only the first listener");
    let response = scenario.proxy().client(8080).send(&get("/orders"));
    assert_eq!(response.code(), "token_missing", "the filter runs without the guard: {response:?}");
    scenario.apply(patches_for(&scenario, "second").as_str());
    mesh.gateway.borrow().wait_for("a guard of the second listener", || {
        is_guarded(&scenario.proxy().listeners(), "two-ports/eg/second").then_some(())
    });
    assert!(is_guarded(&scenario.proxy().listeners(), "two-ports/eg/http"));
}

/// Returns a second `EnvoyPatchPolicy` with the patches of policy.yaml for another listener.
fn patches_for(scenario: &Scenario<'_>, listener: &str) -> String {
    let manifest = scenario.manifest(POLICY).only("EnvoyPatchPolicy");
    let mut policy: Value = serde_saphyr::from_str(manifest.text()).unwrap();
    policy["metadata"]["name"] = "okta-second".into();
    let patches = policy["spec"]["jsonPatches"].as_array_mut().unwrap();
    patches.retain(|patch| patch["type"] == "type.googleapis.com/envoy.config.listener.v3.Listener");
    for patch in patches {
        patch["name"] = format!("{}/eg/{listener}", scenario.namespace).into();
    }
    policy.to_string()
}

#[test]
fn http3_listener_needs_its_own_patches() {
    let mesh = &*mesh();
    let mut scenario = Scenario::without_gateway(mesh, "http3");
    scenario.apply(&gateway(
        "{ name: https, protocol: HTTPS, port: 443, tls: { certificateRefs: [{ name: certificate }] } }",
    ));
    scenario.route("api", "api.example.com", "/");
    let mut secret = mesh.gateway.borrow().cluster.get("secret", "envoy-gateway-system", "envoy").unwrap();
    secret["metadata"] = serde_json::json!({ "name": "certificate" });
    scenario.apply(&secret.to_string());
    let policy = scenario
        .manifest(POLICY)
        .replace("http3/eg/http", "http3/eg/https")
        .replace("    http: { streamIdleTimeout: 7s }", "    http: { streamIdleTimeout: 7s }\n  http3: {}");
    scenario.apply(policy.text());
    scenario.start(&[]);
    scenario.wait_for_condition("envoypatchpolicy", "okta", "Programmed", "True");
    let listeners = mesh.gateway.borrow().wait_for("listeners", || {
        let listeners = scenario.proxy().listeners();
        (listener_names(&listeners).len() >= 2 && is_guarded(&listeners, "http3/eg/https"))
            .then_some(listeners)
    });
    assert!(!is_guarded(&listeners, "http3/eg/https-quic"), "the patches name only the listener for TCP");
    scenario.apply(patches_for(&scenario, "https-quic").as_str());
    mesh.gateway.borrow().wait_for("a guard of the listener for HTTP/3", || {
        is_guarded(&scenario.proxy().listeners(), "http3/eg/https-quic").then_some(())
    });
}

#[test]
fn backends_merged_give_no_keys_to_backend_yaml() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "merged");
    scenario.apply(
        "apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: { name: eg }
spec: { mergeBackends: {} }
",
    );
    scenario.apply(&gateway_with_envoy_proxy());
    scenario.apply(scenario.manifest(POLICY).without("EnvoyExtensionPolicy").text());
    scenario.apply(scenario.manifest(BACKEND).text());
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    let before = mesh.api.requests();
    scenario.expect(&scenario.allowed(), "backend.yaml with mergeBackends", 503, "keys_unavailable");
    assert_eq!(mesh.api.requests(), before);
    let clusters = scenario.proxy().admin("/clusters");
    let names: std::collections::BTreeSet<_> =
        clusters.lines().filter_map(|line| line.split("::").next()).collect();
    assert!(!names.contains("httproute/merged/okta/rule/0"), "{names:?}");
    assert!(names.contains("backend/merged/okta/443/http"), "{names:?}");
}

/// The name of the xDS listener for port 80 with `XDSNameSchemeV2`.
const LISTENER: &str = "tcp-80";

#[test]
fn names_of_scheme_2_need_other_patches() {
    let mesh = &*mesh();
    let settings = Settings { runtime_flags: &["XDSNameSchemeV2"], ..Settings::default() };
    mesh.gateway.borrow_mut().restart(&settings);
    let mut scenario = Scenario::new(mesh, "scheme");
    scenario.apply(scenario.manifest(POLICY).text());
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    let condition = scenario.wait_for_condition("envoypatchpolicy", "okta", "Programmed", "False");
    assert_eq!(condition.reason, "ResourceNotFound", "{condition:?}");
    // The patch of the cluster has effect, those of the listener have none: the filter works, and
    // there is no guard.
    let with = "XDSNameSchemeV2, patches of the other scheme";
    scenario.expect(&scenario.allowed(), with, 200, "");
    scenario.expect(&get("/orders"), with, 401, "token_missing");
    assert!(!is_guarded(&scenario.proxy().listeners(), LISTENER));
    scenario
        .apply(scenario.manifest(POLICY).only("EnvoyPatchPolicy").replace("scheme/eg/http", LISTENER).text());
    scenario.wait_for_condition("envoypatchpolicy", "okta", "Programmed", "True");
    mesh.gateway
        .borrow()
        .wait_for("a guard", || is_guarded(&scenario.proxy().listeners(), LISTENER).then_some(()));
    scenario.expect(&scenario.allowed(), "XDSNameSchemeV2, orders:read", 200, "");
    drop(scenario);
    mesh.gateway.borrow_mut().restart(&Settings::default());
}
