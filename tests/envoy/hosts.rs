//! Rules with `hosts` and Envoy's virtual hosts. No spelling of a host may match the rule of one
//! virtual host and the routes of another.

use serde_json::json;
use test_support::client::{Request, Response, get, request};
use test_support::config::EnvoyConfig;

use super::harness::Harness;

/// Handling of ports and trailing dots in Envoy and in the filter.
#[derive(Clone, Copy, Debug)]
struct Settings {
    name: &'static str,
    strip_port: bool,
    strip_dot: bool,
    ignore_port: bool,
}

const PLAIN: Settings =
    Settings { name: "hosts-plain", strip_port: false, strip_dot: false, ignore_port: false };
const STRIPPED: Settings = Settings { name: "hosts-stripped", strip_port: true, strip_dot: true, ..PLAIN };
const IGNORING: Settings = Settings { name: "hosts-ignoring", ignore_port: true, ..PLAIN };
/// The settings of this repository's configurations.
const SHIPPED: Settings = Settings { name: "hosts-shipped", strip_dot: true, ..IGNORING };

impl Settings {
    fn apply(self, mut config: EnvoyConfig) -> EnvoyConfig {
        let direct_response = |text: &str| json!([{ "match": { "prefix": "/" }, "direct_response": { "status": 200, "body": { "inline_string": text } } }]);
        let manager = config.manager();
        manager["strip_any_host_port"] = json!(self.strip_port);
        manager["strip_trailing_host_dot"] = json!(self.strip_dot);
        manager["route_config"] = json!({
            "name": "local",
            "ignore_port_in_host_matching": self.ignore_port,
            "virtual_hosts": [
                { "name": "open", "domains": ["www.example.com", "*.open.example", "[::1]"], "routes": direct_response("open") },
                { "name": "any", "domains": ["*"], "routes": direct_response("any") },
            ],
        });
        config.plugin()["ignore_port_in_host_matching"] = json!(self.ignore_port);
        config.plugin()["rules"] = json!([
            { "match": { "hosts": ["www.example.com", "*.open.example", "[::1]"] }, "public": true },
            { "match": {}, "requires": { "groups": ["Everyone"] } },
        ]);
        config
    }
}

/// Returns the status, and the body of the virtual host or the denial code.
fn outcome(response: &Response) -> (u16, String) {
    let body = if response.status == 200 { response.body.clone() } else { response.code() };
    (response.status, body)
}

/// Sends a request over HTTP/1.1 and over HTTP/2, and returns both outcomes.
fn outcomes(harness: &Harness, host: &str) -> [(u16, String); 2] {
    let request = get("/x").header("host", host);
    [outcome(&harness.send(&request)), outcome(&harness.client().send_http2(&request))]
}

#[test]
fn host_in_another_spelling_never_reaches_the_other_virtual_host() {
    const OPEN: (u16, &str) = (200, "open");
    const STRICT: (u16, &str) = (401, "token_missing");
    const AMBIGUOUS: (u16, &str) = (400, "host_ambiguous");
    let settings = [PLAIN, STRIPPED, IGNORING, SHIPPED];
    let setups = settings.map(|settings| Harness::new(settings.name, |config| settings.apply(config)));
    let mut wrong = Vec::new();
    for (host, expected) in [
        ("www.example.com", [OPEN; 4]),
        ("WWW.Example.COM", [OPEN; 4]),
        ("a.open.example", [OPEN; 4]),
        ("a.b.open.example", [OPEN; 4]),
        ("[::1]", [OPEN; 4]),
        ("open.example", [STRICT; 4]),
        (".open.example", [STRICT; 4]),
        ("other.example", [STRICT; 4]),
        ("xn--bcher-kva.example", [STRICT; 4]),
        ("www_example.com", [STRICT; 4]),
        ("127.0.0.1", [STRICT; 4]),
        ("www.example.com:80", [AMBIGUOUS, OPEN, OPEN, OPEN]),
        ("www.example.com:81", [AMBIGUOUS, OPEN, OPEN, OPEN]),
        ("www.example.com:0", [AMBIGUOUS, OPEN, OPEN, OPEN]),
        ("www.example.com:00081", [AMBIGUOUS, OPEN, OPEN, OPEN]),
        ("a.open.example:1", [AMBIGUOUS, OPEN, OPEN, OPEN]),
        ("[::1]:81", [AMBIGUOUS, OPEN, OPEN, OPEN]),
        ("other.example:81", [AMBIGUOUS, STRICT, STRICT, STRICT]),
        ("www.example.com.", [AMBIGUOUS, OPEN, AMBIGUOUS, OPEN]),
        ("a.open.example.", [AMBIGUOUS, OPEN, AMBIGUOUS, OPEN]),
        ("www.example.com.:81", [AMBIGUOUS, OPEN, AMBIGUOUS, OPEN]),
        ("www.example.com..", [AMBIGUOUS; 4]),
        ("www.example.com:", [AMBIGUOUS; 4]),
        ("www.example.com.:", [AMBIGUOUS; 4]),
        ("a.open.example:", [AMBIGUOUS; 4]),
        ("[::1]:", [AMBIGUOUS; 4]),
        ("[0:0:0:0:0:0:0:1]", [AMBIGUOUS; 4]),
        ("www.example.com:99999", [AMBIGUOUS, OPEN, AMBIGUOUS, AMBIGUOUS]),
        // Envoy does not strip a port of more than 32 bits.
        ("www.example.com:4294967377", [AMBIGUOUS; 4]),
    ] {
        for (harness, (settings, expected)) in setups.iter().zip(settings.iter().zip(expected)) {
            for outcome in outcomes(harness, host) {
                if outcome != (expected.0, expected.1.to_owned()) {
                    wrong.push(format!("{host} with {}: {outcome:?}, expected {expected:?}", settings.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // With a token, the other virtual host responds.
    for (harness, settings) in setups.iter().zip(settings) {
        let request = get("/x").header("host", "other.example").bearer(harness.user_token());
        assert_eq!(outcome(&harness.send(&request)), (200, "any".to_owned()), "{settings:?}");
        assert_eq!(outcome(&harness.client().send_http2(&request)), (200, "any".to_owned()), "{settings:?}");
    }
}

#[test]
fn host_in_another_form_never_reaches_the_other_virtual_host() {
    for settings in [PLAIN, STRIPPED, IGNORING, SHIPPED] {
        let harness = Harness::new(&format!("{}-ways", settings.name), |config| settings.apply(config));
        let host = |host: &str| get("/x").header("host", host);
        let absolute = |target: &str| get(target).header("host", "www.example.com");
        let both =
            |authority: &str, host: &str| get("/x").header(":authority", authority).header("host", host);
        let over_http1: Vec<Request> = vec![
            absolute("http://www.example.com:81/x"),
            absolute("http://www.example.com./x"),
            absolute("http://www.example.com:/x"),
            absolute("http://u@www.example.com/x"),
            absolute("http://other.example/x"),
            host("www.example.com").header("host", "other.example"),
            host("other.example").header("host", "www.example.com"),
            host("www.example.com, other.example"),
            host("www.example.com:81 "),
            host(" www.example.com:81"),
            host("www.example.com:+81"),
            host("www.example.com:0x51"),
            host("www.example.com:81:81"),
            host("u@www.example.com"),
            host("www.example.com/"),
            host("www%2eexample.com"),
            host("www.example.com\t"),
            host(""),
            request("CONNECT", "www.example.com:81").header("host", "www.example.com:81"),
            request("CONNECT", "www.example.com.:81").header("host", "www.example.com"),
        ];
        let over_http2 = [
            both("www.example.com:81", "www.example.com"),
            both("www.example.com", "www.example.com:81"),
            both("other.example", "www.example.com"),
            both("www.example.com", "other.example"),
            both("", "www.example.com"),
        ];
        let mut outcomes = Vec::new();
        for request in &over_http1 {
            outcomes.extend(harness.client().try_send(request).map(|response| outcome(&response)));
        }
        for request in &over_http2 {
            outcomes.extend(harness.client().try_send_http2(request).map(|response| outcome(&response)));
        }
        let leaks: Vec<&(u16, String)> =
            outcomes.iter().filter(|(status, body)| *status == 200 && body != "open").collect();
        assert!(leaks.is_empty(), "{settings:?}: {outcomes:#?}");
        assert!(outcomes.len() > over_http1.len(), "Envoy responds to most of them: {outcomes:#?}");
    }
}

/// Without `hosts`, no rule depends on the port, so the filter allows it.
#[test]
fn port_is_allowed_if_no_rule_has_hosts() {
    let harness = Harness::new("hosts-none", |config| {
        let mut config = PLAIN.apply(config);
        config.plugin()["rules"] = json!([{ "match": {}, "public": true }]);
        config
    });
    for (host, expected) in [
        ("www.example.com", (200, "open")),
        ("www.example.com:81", (200, "any")),
        ("[0:0:0:0:0:0:0:1]:81", (200, "any")),
        ("www.example.com.", (400, "host_ambiguous")),
        ("www.example.com:", (400, "host_ambiguous")),
    ] {
        for outcome in outcomes(&harness, host) {
            assert_eq!(outcome, (expected.0, expected.1.to_owned()), "{host}");
        }
    }
}

/// Backends build URLs from `Host`, so the filter keeps the port.
#[test]
fn port_sent_by_the_client_reaches_the_backend() {
    let harness = Harness::new("hosts-backend", |config| config);
    let response = harness.send(&get("/").header("host", "api.example.com.:10443"));
    assert_eq!(
        (response.status, &response.json()["headers"]["host"]),
        (200, &json!(["api.example.com:10443"]))
    );
    assert_eq!(harness.send(&get("/").header("host", "api.example.com:")).code(), "host_ambiguous");
}
