//! `close_streams`: open streams end with their token, and others continue. The clients are those
//! of tokio-tungstenite, tonic and h2.

mod attempts;
mod backend;
mod clients;
mod ordinary;
mod updates;

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Options, Rotation, Server, StandIn, TokenSpec};
use test_support::config::EnvoyConfig;
use test_support::envoy::minor_version;

use self::backend::StreamBackend;
use self::clients::{End, Kind, run};
use super::harness::{Harness, access_log_path, wait_for_access_log};

/// A harness whose backend has streams.
struct Streams {
    harness: Harness,
    _backend: StreamBackend,
    runtime: tokio::runtime::Runtime,
}

impl Streams {
    /// Starts Envoy with `close_streams`, without clock skew tolerance, and with documents that the
    /// filter fetches every second.
    fn start(name: &str, change: impl FnOnce(EnvoyConfig) -> EnvoyConfig) -> Self {
        let backend = StreamBackend::start();
        let port = backend.port();
        let okta = StandIn::start(Options::default());
        let harness = Harness::with_okta(name, okta, |config| change(stream_config(config.app(port), port)));
        harness.warm_up();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { harness, _backend: backend, runtime: runtime.unwrap() }
    }

    fn port(&self) -> u16 {
        self.harness.envoy.port
    }

    /// Opens streams of these kinds, and waits until all have ended or `limit` has passed.
    fn run_all(&self, kinds: &[Kind], token: &str, limit: Duration) -> Vec<(Kind, End)> {
        self.join(kinds.iter().map(|kind| self.open(*kind, token, limit)).collect())
    }

    fn open(&self, kind: Kind, token: &str, limit: Duration) -> tokio::task::JoinHandle<(Kind, End)> {
        let (port, token) = (self.port(), token.to_owned());
        self.runtime.spawn(async move { (kind, run(kind, port, &token, limit).await) })
    }

    fn join(&self, streams: Vec<tokio::task::JoinHandle<(Kind, End)>>) -> Vec<(Kind, End)> {
        let ends = streams.into_iter().map(|stream| self.runtime.block_on(stream).unwrap());
        ends.collect()
    }

    fn token(&self, jti: &str, lifetime: i64) -> String {
        self.harness.mint(&TokenSpec::user().claim("jti", jti).lifetime(lifetime))
    }

    fn tracked(&self) -> u64 {
        self.harness.envoy.stat("wasmcustom.okta_authz.tracked_streams").unwrap_or(0)
    }

    /// Waits up to 5 s until the filter tracks this number of streams.
    fn wait_for_tracked(&self, count: u64) {
        for _ in 0..50 {
            if self.tracked() == count {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the filter tracks {} streams, not {count}\n{}", self.tracked(), self.harness.envoy.log());
    }

    fn closed(&self, code: &str) -> u64 {
        self.harness.envoy.count(&format!("stream_closed.{code}"))
    }
}

/// Returns the configuration with streams: WebSockets, tunnels, gRPC, and no timeouts.
fn stream_config(mut config: EnvoyConfig, port: u16) -> EnvoyConfig {
    let manager = config.manager();
    manager["stream_idle_timeout"] = json!("0s");
    manager["upgrade_configs"] = json!([{ "upgrade_type": "websocket" }, { "upgrade_type": "CONNECT" }]);
    manager["http2_protocol_options"]["allow_connect"] = json!(true);
    let tunnel = json!([{ "upgrade_type": "CONNECT", "connect_config": {} }]);
    manager["route_config"]["virtual_hosts"][0]["routes"] = json!([
        { "match": { "connect_matcher": {} }, "route": { "cluster": "app", "timeout": "0s", "upgrade_configs": tunnel } },
        { "match": { "prefix": "/test.Streams/" }, "route": { "cluster": "grpc", "timeout": "0s" } },
        { "match": { "prefix": "/" }, "route": { "cluster": "app", "timeout": "0s" } }
    ]);
    let clusters = config.document()["static_resources"]["clusters"].as_array_mut().unwrap();
    let app = clusters.iter_mut().find(|cluster| cluster["name"] == "app").unwrap();
    let limits = json!({ "thresholds": [{ "max_connections": 20_000, "max_requests": 20_000, "max_pending_requests": 20_000 }] });
    app["circuit_breakers"] = limits;
    app["connect_timeout"] = json!("10s");
    clusters.push(json!({
        "name": "grpc", "type": "STATIC", "connect_timeout": "5s",
        "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": { "http2_protocol_options": {} }
        } },
        "load_assignment": { "cluster_name": "grpc", "endpoints": [{ "lb_endpoints": [{ "endpoint": {
            "address": { "socket_address": { "address": "127.0.0.1", "port_value": port } }
        } }] }] }
    }));
    let plugin = config.plugin();
    plugin["close_streams"] = json!(true);
    plugin["rules"] =
        json!([{ "match": { "path": "/public/events" }, "public": true }, { "match": {}, "requires": {} }]);
    plugin["providers"]["okta"]["clock_skew"] = json!("0s");
    let remote =
        json!({ "cluster": "okta", "timeout": "1s", "cache_duration": "1s", "unknown_kid_cooldown": "1s" });
    plugin["providers"]["okta"]["remote_jwks"] = remote;
    plugin["denylist"]["remote"] = json!({
        "cluster": "okta", "uri": "https://acme.okta.example/stand-in/denylist",
        "timeout": "1s", "cache_duration": "1s",
    });
    config
}

/// Returns the error of a gRPC client whose stream ends. Envoy 1.36 ends the body and does not reset
/// the stream.
fn grpc_end() -> &'static str {
    if minor_version() == 36 {
        "Unknown: protocol error: missing grpc-status trailer"
    } else {
        "Unknown: error reading a body"
    }
}

/// Asserts that a client received data and then saw the end that its protocol has.
fn assert_end(kind: Kind, end: &End, code: &str) {
    let (prefix, least) = match kind {
        Kind::WebSocket => ("error: WebSocket protocol error: Connection reset without closing", 10),
        Kind::Events | Kind::Download | Kind::Connect => ("200 closed", 10),
        Kind::EventsHttp2 | Kind::DownloadHttp2 | Kind::WebSocketHttp2 => ("200 reset: Some(", 10),
        Kind::Upload => ("401 ", 1),
        Kind::GrpcServer => (grpc_end(), 10),
        Kind::GrpcBidirectional => (grpc_end(), 1),
        Kind::GrpcSilent => (grpc_end(), 0),
    };
    assert!(end.how.starts_with(prefix) && end.received >= least, "{kind:?} {end:?}");
    if kind == Kind::Upload {
        assert_eq!(end.how, format!("401 {code}"));
    }
}

fn assert_all_open(ends: &[(Kind, End)], log: &str) {
    for (kind, end) in ends {
        assert!(end.after.is_none(), "{kind:?} ended: {end:?}\n{log}");
    }
}

#[test]
fn stream_of_each_protocol_ends_when_its_token_expires() {
    let path = access_log_path("streams-expired");
    let streams = Streams::start("streams-expired", |config| config.access_log(&path));
    let valid: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| streams.open(*kind, &streams.token("AT.valid", 3600), Duration::from_secs(9)))
        .collect();
    let ends = streams.run_all(&Kind::ALL, &streams.token("AT.short", 4), Duration::from_secs(8));
    for (kind, end) in &ends {
        assert_end(*kind, end, "token_expired");
        let after = end.after.unwrap_or_else(|| panic!("{kind:?} is open\n{}", streams.harness.envoy.log()));
        assert!(
            after > Duration::from_millis(2500) && after < Duration::from_millis(5500),
            "{kind:?} {end:?}"
        );
    }
    assert_all_open(&streams.join(valid), &streams.harness.envoy.log());
    assert_eq!(streams.closed("token_expired"), Kind::ALL.len() as u64);
    let log = wait_for_access_log(&path, |log| log.matches("code=token_expired").count() == Kind::ALL.len());
    for line in [
        "/websocket 101 okta_authz{token_expired} decision=close code=token_expired sub=joe.user@example.com",
        "/download 200 okta_authz{token_expired} decision=close code=token_expired sub=joe.user@example.com",
        "/upload 401 okta_authz{token_expired} decision=close code=token_expired sub=joe.user@example.com",
        "/test.Streams/Chat 200 okta_authz{token_expired} decision=close code=token_expired sub=joe",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
    assert!(streams.harness.envoy.log().contains("streams closed: "), "{}", streams.harness.envoy.log());
    streams.harness.assert_alive();
}

#[test]
fn stream_ends_when_its_token_is_revoked_or_its_key_is_withdrawn() {
    let streams = Streams::start("streams-revoked", |config| config);
    let open = |jti: &str, seconds: u64| {
        let token = streams.token(jti, 3600);
        let open = |kind: &Kind| streams.open(*kind, &token, Duration::from_secs(seconds));
        Kind::ALL.iter().map(open).collect::<Vec<_>>()
    };
    let (valid, revoked) = (open("AT.valid", 30), open("AT.revoked", 15));
    std::thread::sleep(Duration::from_millis(2500));
    streams.harness.okta.revoke("AT.revoked");
    let begin = 2.5;
    let ends = streams.join(revoked);
    for (kind, end) in &ends {
        assert_end(*kind, end, "token_revoked");
        let after = end.after.unwrap_or_else(|| panic!("{kind:?} is open\n{}", streams.harness.envoy.log()));
        assert!(after.as_secs_f64() > begin && after.as_secs_f64() < begin + 5.0, "{kind:?} {end:?}");
    }
    assert_eq!(streams.closed("token_revoked"), Kind::ALL.len() as u64);
    // The streams of the other token have survived some fetches, and end with their key.
    let fetches = streams.harness.envoy.count("denylist_fetch_success");
    streams.harness.wait_for_counter("denylist_fetch_success", fetches + 2);
    assert!(valid.iter().all(|stream| !stream.is_finished()), "{}", streams.harness.envoy.log());
    streams.harness.okta.rotate(Server::Default, Rotation::EmergencyDouble);
    for (kind, end) in streams.join(valid) {
        assert_end(kind, &end, "key_unknown");
    }
    assert_eq!(streams.closed("key_unknown"), Kind::ALL.len() as u64);
    // Now every worker has the new key. Within `unknown_kid_cooldown` of a fetch, a worker without it
    // rejects the token at once.
    let fetches = streams.harness.envoy.count("jwks_fetch_success");
    let under_new_key = streams.run_all(&Kind::ALL, &streams.token("AT.new", 3600), Duration::from_secs(6));
    assert_all_open(&under_new_key, &streams.harness.envoy.log());
    assert!(streams.harness.envoy.count("jwks_fetch_success") > fetches + 1);
    streams.harness.assert_alive();
}

#[test]
fn stream_outlives_its_token_if_the_filter_does_not_close_streams() {
    for (name, plugin) in
        [("off", json!({ "close_streams": false })), ("shadow", json!({ "mode": "shadow" }))]
    {
        let streams = Streams::start(&format!("streams-{name}"), |mut config| {
            merge(config.plugin(), &plugin);
            config
        });
        let token = streams.token("AT.short", 2);
        let ends = streams.run_all(&Kind::ALL, &token, Duration::from_secs(5));
        assert_all_open(&ends, &streams.harness.envoy.log());
        assert_eq!(streams.harness.envoy.stat("wasmcustom.okta_authz.tracked_streams"), Some(0));
    }
}

fn merge(target: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().unwrap() {
        target[name] = value.clone();
    }
}
