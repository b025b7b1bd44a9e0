//! Push revocation: from Okta's event through `okta-authz receive` to the rejection on every worker.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_in_okta::TokenSpec;
use stand_in_okta::signals::SignalSpec;
use test_support::config::EnvoyConfig;
use test_support::receiver::{AUDIENCE, LOGOUT_URL, Receiver, config, directory, okta};

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness};

/// Configures the denylist of a receiver with a poll interval of 5 s, through a cluster.
fn polling(receiver: &Receiver) -> impl FnOnce(EnvoyConfig) -> EnvoyConfig {
    let port = receiver.internal.port();
    move |mut config| {
        let address = json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
        config.document()["static_resources"]["clusters"].as_array_mut().unwrap().push(json!({
            "name": "revocations",
            "load_assignment": { "cluster_name": "revocations", "endpoints": [
                { "lb_endpoints": [{ "endpoint": { "address": address } }] }
            ] },
        }));
        config.plugin()["denylist"] = json!({ "remote": {
            "cluster": "revocations", "uri": "https://revocation.example.com/denylist",
            "timeout": "1s", "cache_duration": "5s",
        } });
        config
    }
}

/// Sends an event, and returns the time until every worker rejects the token.
fn time_to_rejection(harness: &Harness, token: &str, send: impl FnOnce()) -> Duration {
    let status = || harness.get_me(token).status;
    assert!((0..CONNECTIONS_FOR_BOTH_WORKERS).all(|_| status() == 200));
    #[allow(clippy::disallowed_methods, reason = "the test measures the time")]
    let start = Instant::now();
    send();
    let mut last_allowed = start.elapsed();
    let mut consecutive = 0;
    while consecutive < CONNECTIONS_FOR_BOTH_WORKERS {
        let response = harness.get_me(token);
        if response.status == 401 {
            assert_eq!(response.code(), "token_revoked");
            consecutive += 1;
        } else {
            assert_eq!(response.status, 200);
            (consecutive, last_allowed) = (0, start.elapsed());
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{}", harness.envoy.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    last_allowed
}

#[test]
fn event_of_okta_is_effective_on_every_worker_within_10_seconds() {
    let okta = okta();
    let receiver = Receiver::start("end-to-end", &okta, |config| {
        config["orgs"][0]["token_issuers"] = json!(["https://acme.okta.example/oauth2/default"]);
    });
    let harness = Harness::with_okta("push-revocation", okta, polling(&receiver));
    harness.warm_up();
    let mint =
        |uid: &str, email: &str| harness.mint(&TokenSpec::user().claim("uid", uid).claim("sub", email));
    let okta = &harness.okta;
    let event = |events: Value| {
        let token = okta.security_event(AUDIENCE, events, &SignalSpec::default());
        assert_eq!(receiver.push(&token).status, 202);
    };
    let logout = |sub_id: &Value| {
        let token = okta.logout_token(LOGOUT_URL, &SignalSpec::default());
        assert_eq!(receiver.logout(&token, sub_id).status, 204);
    };
    let other = mint("00uother", "other@example.com");
    let mut times = Vec::new();
    for round in 0..2 {
        let user = |name: &str| (format!("00u{name}{round}"), format!("{name}{round}@example.com"));
        let (uid, email) = user("session");
        let token = mint(&uid, &email);
        let taken = time_to_rejection(&harness, &token, || event(okta.session_revoked(&uid)));
        times.push(("session-revoked", taken));
        let (uid, email) = user("credential");
        let token = mint(&uid, &email);
        let taken = time_to_rejection(&harness, &token, || event(okta.credential_change(&uid)));
        times.push(("credential-change", taken));
        let (uid, email) = user("logout");
        let token = mint(&uid, &email);
        let taken = time_to_rejection(&harness, &token, || logout(&okta.user_subject(&uid)));
        times.push(("logout by user ID", taken));
        let (uid, email) = user("email");
        let token = mint(&uid, &email);
        let by_email = json!({ "format": "email", "email": email.to_uppercase() });
        let taken = time_to_rejection(&harness, &token, || logout(&by_email));
        times.push(("logout by e-mail address", taken));
        // The user logs in again.
        let login = TokenSpec::user().claim("uid", uid.as_str()).claim("sub", email.as_str());
        std::thread::sleep(Duration::from_secs(2));
        let again = harness.mint(&login.claim("auth_time", test_support::receiver::now()));
        assert_eq!(harness.get_me(&again).status, 200);
    }
    for (event, taken) in &times {
        println!("{event}: rejected on every worker after {:.1} s", taken.as_secs_f64());
    }
    assert_eq!(harness.get_me(&other).status, 200);
    let confirmed = r#"okta_authz_receive_requests_total{endpoint="denylist",result="not_modified"}"#;
    // Two intervals without an event.
    let polls = (0..240).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        receiver.metric(confirmed)
    });
    println!("{} polls got status 304", polls.expect("a poll with If-None-Match"));
    assert!(!harness.envoy.has_trapped(), "{}", harness.envoy.log());
}

/// The filter has no secret of the denylist: `credential_injector` adds it in the cluster.
#[test]
fn denylist_with_a_secret_is_fetched_with_the_credential_of_the_cluster() {
    let (name, okta) = ("push-revocation-secret", okta());
    let directory = directory(name);
    let [secret, credential] = ["secret", "credential.yaml"].map(|file| directory.join(file));
    std::fs::write(&secret, "feed-secret").unwrap();
    let resource = json!({ "resources": [{
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        "name": "introspection", "generic_secret": { "secret": { "inline_string": "Bearer feed-secret" } },
    }] });
    std::fs::write(&credential, resource.to_string()).unwrap();
    let mut config = config(&okta, &directory);
    config["denylist"] = json!({ "secret": { "file": secret } });
    let receiver = Receiver::run(&directory, &config, &[]);
    let example =
        std::fs::read_to_string(test_support::root().join("deploy/envoy/introspection.yaml")).unwrap();
    let example = example.replace("/etc/envoy/introspection-credential.yaml", credential.to_str().unwrap());
    let example: Value = serde_saphyr::from_str(&example).unwrap();
    let harness = Harness::with_okta(name, okta, |config| {
        let mut config = polling(&receiver)(config);
        // Envoy requires a node for every secret that it reads from a file.
        config.document()["node"] = json!({ "id": "envoy-1", "cluster": "envoy" });
        let clusters = config.document()["static_resources"]["clusters"].as_array_mut().unwrap();
        let revocations = clusters.iter_mut().find(|cluster| cluster["name"] == "revocations").unwrap();
        revocations["typed_extension_protocol_options"] = example["typed_extension_protocol_options"].clone();
        config
    });
    // Without the denylist, requests with a token get 503.
    harness.warm_up();
    let requests = |result: &str| {
        receiver
            .metric(&format!(r#"okta_authz_receive_requests_total{{endpoint="denylist",result="{result}"}}"#))
    };
    assert!(requests("sent").is_some() && requests("unauthorized").is_none(), "{}", harness.envoy.log());
}
