//! The authentication of the filter at the endpoint: secrets in the environment of the VM, signed
//! assertions, and credentials that Envoy adds.

use stand_in_okta::RESOURCE_SERVER_SECRET;
use test_support::envoy::{Envoy, RESOURCE_SERVER_KEY, WORKERS};

use super::super::harness::reference_config;
use super::*;

/// Returns how the filter authenticated in its last call, which the endpoint accepted.
fn method_of_call(harness: &Harness) -> &'static str {
    let token = opaque(harness, TokenSpec::user());
    let response = harness.get_me(&token);
    assert_eq!(response.status, 200, "{response:?}\n{}", harness.envoy.log());
    harness.okta.introspections(Server::Default).pop().unwrap().method
}

#[test]
fn secret_in_the_body_is_accepted() {
    let auth = json!({ "client_secret_post": { "secret_env": "OKTA_RS_SECRET" } });
    let harness = Harness::new("introspection-post", with_introspection(json!({ "auth": auth })));
    assert_eq!(method_of_call(&harness), "post");
}

#[test]
fn signed_assertion_is_accepted() {
    let auth = json!({ "private_key_jwt": { "key_env": "OKTA_RS_KEY", "kid": "k1" } });
    let okta = StandIn::start(Options::default());
    let mut jwk: Value = serde_json::from_str(RESOURCE_SERVER_KEY).unwrap();
    jwk.as_object_mut().unwrap().remove("d");
    jwk["kid"] = json!("k1");
    okta.set_client_keys(RESOURCE_SERVER_ID, &[jwk]);
    let harness = Harness::with_okta("introspection-jwt", okta, with_introspection(json!({ "auth": auth })));
    assert_eq!(method_of_call(&harness), "private_key_jwt");
    assert_eq!(method_of_call(&harness), "private_key_jwt", "the assertion is used again");
}

/// The list of `deploy/envoy/capabilities.yaml` needs two more for secrets in the environment.
#[test]
fn capabilities_of_the_filter_with_those_of_the_environment_suffice() {
    let harness = Harness::new("introspection-capabilities", |config| {
        let mut config = with_introspection(json!({}))(config.restricted(&[]));
        let allowed = &mut config.filter()["capability_restriction_config"]["allowed_capabilities"];
        for name in ["environ_get", "environ_sizes_get"] {
            allowed[name] = json!({});
        }
        config
    });
    assert_eq!(method_of_call(&harness), "basic");
    harness.assert_alive();
}

/// Envoy rejects the configuration at its start, and the secret is not in its log.
#[test]
fn variable_that_the_vm_does_not_have_is_a_configuration_error() {
    let name = "introspection-variable";
    let (okta, backend) = (StandIn::start(Options::default()), test_support::backend::Backend::start());
    let mut config = with_introspection(json!({}))(reference_config(name, &okta, &backend));
    config.filter()["vm_config"].as_object_mut().unwrap().remove("environment_variables");
    let error = Envoy::try_start(name, &config, WORKERS).err().expect("Envoy must not start");
    let expected = "configuration rejected: providers.okta.introspection.auth.client_secret_basic.secret_env: \
                    names an environment variable that the VM does not have: OKTA_RS_SECRET";
    assert!(error.log.contains(expected), "{}", error.log);
}

/// The module has no secret: Envoy's `credential_injector` runs in the cluster of the endpoint, and
/// adds HTTP Basic from a secret in a file.
#[test]
fn credential_injector_of_the_cluster_authenticates_calls() {
    use base64::Engine as _;
    let name = "introspection-injector";
    let file = test_support::scratch(name).join("credential.yaml");
    let value = |secret: &str| {
        let credentials = format!("{RESOURCE_SERVER_ID}:{secret}");
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(credentials))
    };
    let write = |secret: &str| {
        let resource = json!({ "resources": [{
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            "name": "introspection", "generic_secret": { "secret": { "inline_string": value(secret) } },
        }] });
        // Envoy reads a file again that is moved to the path.
        let new = file.with_extension("new");
        std::fs::write(&new, resource.to_string()).unwrap();
        std::fs::rename(&new, &file).unwrap();
    };
    write(RESOURCE_SERVER_SECRET);
    let harness = Harness::new(name, |config| {
        let mut config = with_introspection(json!({ "auth": { "none": {} }, "client_id": null }))(config);
        let provider = &mut config.plugin()["providers"]["okta"]["introspection"];
        provider.as_object_mut().unwrap().remove("client_id");
        let text =
            std::fs::read_to_string(test_support::root().join("deploy/envoy/introspection.yaml")).unwrap();
        let text = text.replace("/etc/envoy/introspection-credential.yaml", file.to_str().unwrap());
        let example: Value = serde_saphyr::from_str(&text).unwrap();
        // Envoy requires a node for every secret that it reads from a file.
        config.document()["node"] = json!({ "id": "envoy-1", "cluster": "envoy" });
        let clusters = config.document()["static_resources"]["clusters"].as_array_mut().unwrap();
        let okta = clusters.iter_mut().find(|cluster| cluster["name"] == "okta").unwrap();
        okta["typed_extension_protocol_options"] = example["typed_extension_protocol_options"].clone();
        config
    });
    assert_eq!(method_of_call(&harness), "basic");
    let dump = test_support::client::Client::new(harness.envoy.admin_port).get("/config_dump").body;
    let secrets = [RESOURCE_SERVER_SECRET.to_owned(), value(RESOURCE_SERVER_SECRET)];
    assert!(secrets.iter().all(|secret| !dump.contains(secret)), "the secret is in config_dump");

    // A new secret needs no restart.
    harness.okta.set_client_secret(RESOURCE_SERVER_ID, "second-secret");
    write("second-secret");
    let token = opaque(&harness, TokenSpec::user());
    harness.wait_for_status(&token, 200, Duration::from_secs(30));
    harness.warm_up();
}
