//! Certificate-bound tokens with real certificates: from the connection of the client, and from the
//! header of a proxy in front.

use okta_authz_filter::crypto::Algorithm;
use serde_json::{Value, json};
use stand_in_okta::TokenSpec;
use test_support::client::{Client, Request, get};
use test_support::config::EnvoyConfig;
use test_support::dpop::{DpopKey, Proof};
use test_support::tls::{Authority, Identity, TLS12, TLS13, TlsClient};

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness};

const PLAIN: &str = "plain";
const XFCC: &str = "x-forwarded-client-cert";

/// The authority, the certificates of two clients, and those of the proxies.
struct Certificates {
    authority: Authority,
    joe: Identity,
    eve: Identity,
    proxy: Identity,
}

impl Certificates {
    fn new() -> Self {
        let authority = Authority::new();
        let [joe, eve, proxy] = ["joe", "eve", "proxy"].map(|name| authority.issue(name));
        Self { authority, joe, eve, proxy }
    }

    /// Returns the transport socket of a listener that requests client certificates.
    fn listener(&self) -> Value {
        let context = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
        json!({ "name": "envoy.transport_sockets.tls", "typed_config": {
            "@type": context,
            "common_tls_context": {
                "tls_certificates": [self.proxy.to_envoy()],
                "validation_context": { "trusted_ca": { "inline_string": self.authority.pem() } },
                "alpn_protocols": ["h2", "http/1.1"],
            },
        } })
    }

    /// Returns the transport socket with which a proxy connects to the next one.
    fn cluster(&self) -> Value {
        let context = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
        json!({ "name": "envoy.transport_sockets.tls", "typed_config": {
            "@type": context,
            "common_tls_context": {
                "tls_certificates": [self.proxy.to_envoy()],
                "validation_context": { "trusted_ca": { "inline_string": self.authority.pem() } },
            },
        } })
    }

    fn client(&self, identity: Option<&Identity>) -> TlsClient {
        TlsClient::new(&self.authority, &TLS13, identity)
    }
}

/// Returns a request with a token that is bound to a certificate.
fn bound(harness: &Harness, identity: &Identity) -> Request {
    let spec = TokenSpec::user().claim("cnf", json!({ "x5t#S256": identity.thumbprint() }));
    get("/me").bearer(harness.mint(&spec))
}

/// Configures a TLS listener and a plain one, and the connection as the source.
fn with_tls(mut config: EnvoyConfig, certificates: &Certificates) -> EnvoyConfig {
    config.plugin()["mtls"] = json!({ "from": "connection" });
    let listeners = config.document()["static_resources"]["listeners"].as_array_mut().unwrap();
    let mut plain = listeners[0].clone();
    plain["name"] = json!(PLAIN);
    listeners[0]["filter_chains"][0]["transport_socket"] = certificates.listener();
    listeners[0]["name"] = json!("tls");
    listeners.push(plain);
    config
}

/// Waits until both workers have keys.
fn warm_up(harness: &Harness, plain: Client) {
    let token = harness.user_token();
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        assert_eq!(plain.send(&get("/me").bearer(&token)).status, 200, "{}", harness.envoy.log());
    }
}

#[test]
fn bound_token_is_allowed_with_its_certificate_only() {
    let certificates = Certificates::new();
    let harness = Harness::new("certificate-bound", |config| with_tls(config, &certificates));
    let (tls, plain) = (harness.envoy.client_of("tls"), harness.envoy.client_of(PLAIN));
    warm_up(&harness, plain);
    let Certificates { joe, eve, .. } = &certificates;
    let joes_token = bound(&harness, joe);
    let spoofed = joes_token.clone().header(XFCC, format!("Hash={}", joe.hex()));
    for (name, identity, request, expected) in [
        ("own certificate", Some(joe), &joes_token, (200, "")),
        ("other certificate", Some(eve), &joes_token, (401, "certificate_mismatch")),
        ("other certificate, with the header of a proxy", Some(eve), &spoofed, (401, "certificate_mismatch")),
        ("no certificate", None, &joes_token, (401, "certificate_missing")),
        ("unbound token, no certificate", None, &get("/me").bearer(harness.user_token()), (200, "")),
    ] {
        let client = certificates.client(identity);
        // Twice: the second token is from the token cache, and the second session is resumed.
        for _ in 0..2 {
            for sent in [client.send(tls, request), client.send_http2(tls, request)] {
                let got = (sent.response.status, sent.response.code());
                assert_eq!((got.0, got.1.as_str()), expected, "{name}: {:?}", sent.response);
            }
        }
    }
    let response = plain.send(&joes_token);
    assert_eq!((response.status, response.code().as_str()), (401, "certificate_missing"), "plain HTTP");
    let challenge = response.header("www-authenticate").unwrap();
    assert!(challenge.starts_with(r#"Bearer realm="api",error="invalid_token""#), "{challenge}");
    assert!(!harness.envoy.has_trapped());
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the clock of the client")]
fn token_bound_to_a_key_and_a_certificate_needs_both() {
    let certificates = Certificates::new();
    let harness = Harness::new("certificate-and-key", |config| {
        let mut config = with_tls(config, &certificates);
        config.plugin()["dpop"] = json!({});
        config
    });
    let tls = harness.envoy.client_of("tls");
    warm_up(&harness, harness.envoy.client_of(PLAIN));
    let (key, other) = (DpopKey::new(Algorithm::ES256), DpopKey::other(Algorithm::ES256));
    let Certificates { joe, eve, .. } = &certificates;
    let cnf = json!({ "jkt": key.thumbprint(), "x5t#S256": joe.thumbprint() });
    let token = harness.mint(&TokenSpec::user().claim("cnf", cnf));
    let now = || std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let proof = |key| Proof::new(key, "GET", "https://api.example.com/me", now()).of_token(&token).compact();
    let bare = |scheme: &str| get("/me").header("authorization", format!("{scheme} {token}"));
    let [joes_client, eves_client, without] =
        [Some(joe), Some(eve), None].map(|identity| certificates.client(identity));
    // The token is in the token cache of a worker after the first request.
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS / 2 {
        for (name, client, request, expected) in [
            ("both", &joes_client, bare("DPoP").header("dpop", proof(&key)), (200, "")),
            ("other certificate", &eves_client, bare("DPoP").header("dpop", proof(&key)), {
                (401, "certificate_mismatch")
            }),
            ("no certificate", &without, bare("DPoP").header("dpop", proof(&key)), {
                (401, "certificate_missing")
            }),
            ("other key", &joes_client, bare("DPoP").header("dpop", proof(&other)), {
                (401, "dpop_key_mismatch")
            }),
            ("no proof", &joes_client, bare("DPoP"), (401, "dpop_proof_missing")),
            ("Bearer", &joes_client, bare("Bearer"), (401, "dpop_scheme_required")),
        ] {
            let response = client.send(tls, &request).response;
            assert_eq!((response.status, response.code().as_str()), expected, "{name}: {response:?}");
        }
    }
    assert!(!harness.envoy.has_trapped());
}

#[test]
fn resumed_tls_session_has_the_certificate_of_the_first_connection() {
    let certificates = Certificates::new();
    let harness = Harness::new("certificate-resumption", |config| with_tls(config, &certificates));
    let tls = harness.envoy.client_of("tls");
    warm_up(&harness, harness.envoy.client_of(PLAIN));
    let (own, other) = (bound(&harness, &certificates.joe), bound(&harness, &certificates.eve));
    for version in [&TLS12, &TLS13] {
        let client = TlsClient::new(&certificates.authority, version, Some(&certificates.joe));
        let first = client.send(tls, &own);
        assert_eq!((first.response.status, first.resumed), (200, false), "{version:?}");
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
            let resumed = client.send(tls, &own);
            assert_eq!((resumed.response.status, resumed.resumed), (200, true), "{version:?}");
        }
        let resumed = client.send(tls, &other);
        assert_eq!(
            (resumed.response.code().as_str(), resumed.resumed),
            ("certificate_mismatch", true),
            "{version:?}"
        );
    }
}

/// Adds a proxy in front of the filter. It ends the TLS connections of clients, and connects to the
/// filter with its own certificate.
fn with_front(
    mut config: EnvoyConfig,
    certificates: &Certificates,
    socket: &str,
    [front_mode, inner_mode]: [&str; 2],
    hop: u32,
) -> EnvoyConfig {
    config.plugin()["mtls"] = json!({ "header": { "name": XFCC, "format": "xfcc", "hop": hop } });
    let details = json!({ "subject": true, "cert": true, "chain": true });
    let manager = config.manager();
    let mut front_manager = manager.clone();
    manager["forward_client_cert_details"] = json!(inner_mode);
    manager["set_current_client_cert_details"] = details.clone();
    front_manager["forward_client_cert_details"] = json!(front_mode);
    front_manager["set_current_client_cert_details"] = details;
    front_manager["route_config"] = json!({ "virtual_hosts": [{ "name": "inner", "domains": ["*"],
        "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "inner" } }] }] });
    let filters = front_manager["http_filters"].as_array_mut().unwrap();
    filters.retain(|filter| filter["name"] == "envoy.filters.http.router");
    assert_eq!(filters.len(), 1);
    let pipe = json!({ "pipe": { "path": socket } });
    let resources = &mut config.document()["static_resources"];
    resources["clusters"].as_array_mut().unwrap().push(json!({
        "name": "inner",
        "load_assignment": { "cluster_name": "inner",
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": pipe } }] }] },
        "transport_socket": certificates.cluster(),
    }));
    let listeners = resources["listeners"].as_array_mut().unwrap();
    listeners[0]["filter_chains"][0]["transport_socket"] = certificates.listener();
    let mut front = listeners[0].clone();
    front["name"] = json!("front");
    front["filter_chains"][0]["filters"][0]["typed_config"] = front_manager;
    listeners[0]["name"] = json!("inner");
    listeners[0]["address"] = pipe;
    listeners.insert(0, front);
    config
}

#[test]
fn certificate_from_the_header_of_a_proxy_is_that_of_the_configured_hop() {
    let certificates = Certificates::new();
    for (number, modes, hop) in
        [(0, ["SANITIZE_SET", "FORWARD_ONLY"], 0), (1, ["APPEND_FORWARD", "APPEND_FORWARD"], 1)]
    {
        let name = format!("certificate-header-{number}");
        let socket = test_support::scratch(&name).join("inner.sock");
        let socket = socket.to_str().unwrap();
        let change = |config| with_front(config, &certificates, socket, modes, hop);
        let harness = Harness::new(&name, change);
        let front = harness.envoy.client_of("front");
        let Certificates { joe, eve, .. } = &certificates;
        let joes_token = bound(&harness, joe);
        let spoofed = joes_token.clone().header(XFCC, format!("Hash={0},Hash={0}", joe.hex()));
        let [joes_client, eves_client, without] =
            [Some(joe), Some(eve), None].map(|identity| certificates.client(identity));
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
            for request in [&joes_token, &spoofed] {
                let sent = joes_client.send(front, request).response;
                assert_eq!(sent.status, 200, "{modes:?}: {sent:?}");
                assert_eq!(sent.json()["headers"].get(XFCC), None, "the backend gets no certificate");
                for (client, codes) in [
                    (&eves_client, &["certificate_mismatch"][..]),
                    // The proxy in front has no client certificate to append.
                    (&without, &["certificate_missing", "certificate_unreadable"]),
                ] {
                    let sent = client.send_http2(front, request).response;
                    assert!(codes.contains(&sent.code().as_str()), "{modes:?}: {sent:?}");
                }
            }
        }
        assert!(!harness.envoy.has_trapped());
    }
}

#[test]
fn header_that_envoy_sanitizes_is_missing() {
    let harness = Harness::new("certificate-sanitized", |mut config| {
        config.plugin()["mtls"] = json!({ "header": { "name": XFCC, "format": "xfcc" } });
        config
    });
    harness.warm_up();
    let identity = Authority::new().issue("joe");
    let request = bound(&harness, &identity).header(XFCC, format!("Hash={}", identity.hex()));
    assert_eq!(harness.send(&request).code(), "certificate_missing");
    // An unbound token needs no certificate, and no variant of the header reaches the backend.
    let request = get("/me").bearer(harness.user_token()).header("x.forwarded.client.cert", "Hash=a");
    let response = harness.send(&request);
    assert_eq!(response.status, 200);
    assert_eq!(response.json()["headers"].get("x.forwarded.client.cert"), None);
}
