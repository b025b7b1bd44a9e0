//! Requests with DPoP that reach the backend.

use std::io::{Read as _, Write as _};

use okta_authz_filter::crypto::Algorithm;
use serde_json::{Value, json};
use stand_in_okta::TokenSpec;
use test_support::client::{get, request};
use test_support::dpop::{DpopKey, Proof};
use test_support::http2;
use test_support::recorder::Recorder;

use super::{Fixture, URL, in_one_second, now};

#[test]
fn proof_of_each_algorithm_and_form_is_accepted() {
    let fixture = Fixture::warm("dpop-accepted", json!({}));
    let proof = || fixture.proof();
    let accept = |name: &str, proof: &Proof| fixture.assert_accepted(name, &fixture.request(proof.compact()));
    accept("plain ES256", &proof());
    accept("fractional iat", &proof().claim("iat", json!(now() as f64 - 0.25)));
    accept("unknown claim and header member", &proof().claim("x", json!({ "y": [1] })).header("x", "y"));
    accept("nonce without nonces", &proof().claim("nonce", "any"));
    accept("exp ahead", &proof().claim("exp", now() + 30));
    accept("nbf now", &proof().claim("nbf", now()));
    accept("8192 bytes", &proof().of_length(8192));
    let at = now();
    accept("equal iat", &proof().claim("iat", at));
    accept("equal iat, other jti", &proof().claim("iat", at));
    for scheme in ["dpop", "DPOP", "dPoP", "DPoP "] {
        let request = get("/items/1").header("authorization", format!("{scheme} {}", fixture.token));
        fixture.assert_accepted(scheme, &request.header("dpop", proof().compact()));
    }
    for algorithm in
        [Algorithm::ES384, Algorithm::ES512, Algorithm::RS256, Algorithm::RS384, Algorithm::RS512]
    {
        let key = DpopKey::new(algorithm);
        let token = fixture.token_of(&key);
        let proof = Proof::new(&key, "GET", URL, now()).of_token(&token).jwk_member("kid", "k1");
        let proof = proof.jwk_member("use", "sig").jwk_member("alg", algorithm.name());
        let request = get("/items/1").header("authorization", format!("DPoP {token}"));
        fixture.assert_accepted(algorithm.name(), &request.header("dpop", proof.compact()));
    }
    let jti = proof().claim("jti", "one");
    accept("jti", &jti);
    let key = DpopKey::other(Algorithm::ES256);
    let token = fixture.token_of(&key);
    let other = jti.with_key(&key).of_token(&token).compact();
    let request = get("/items/1").header("authorization", format!("DPoP {token}")).header("dpop", other);
    fixture.assert_accepted("jti of another client", &request);
    fixture.harness.assert_alive();
}

#[test]
fn proof_at_the_limits_of_its_age_is_accepted() {
    let fixture = Fixture::warm("dpop-age", json!({}));
    for offset in [-70, 10] {
        let response = in_one_second(|now| {
            let iat = now.checked_add_signed(offset).unwrap();
            fixture.send(&fixture.request(fixture.proof().claim("iat", iat).compact()))
        });
        assert_eq!(response.status, 200, "{offset}: {response:?}");
    }
}

/// `htu`, and the host and the path of the request.
const URLS: &[(&str, &str, &str)] = &[
    ("https://api.example.com/items/1?a=b#c", "api.example.com", "/items/1"),
    ("https://api.example.com/items/1", "api.example.com", "/items/1?a=b"),
    ("HTTPS://API.Example.COM/items/1", "api.example.com", "/items/1"),
    ("https://api.example.com/items/1", "API.EXAMPLE.COM", "/items/1"),
    ("https://api.example.com:443/items/1", "api.example.com", "/items/1"),
    ("https://api.example.com/items/1", "api.example.com:443", "/items/1"),
    ("https://api.example.com:8443/items/1", "api.example.com:8443", "/items/1"),
    ("https://api.example.com", "api.example.com", "/"),
    ("https://api.example.com/", "api.example.com", "/"),
    ("https://api.example.com/%7Ea", "api.example.com", "/~a"),
    ("https://api.example.com/~a", "api.example.com", "/%7Ea"),
    ("https://api.example.com/u/%40x", "api.example.com", "/u/@x"),
    ("https://api.example.com/u/@x", "api.example.com", "/u/%40x"),
    ("https://api.example.com/%c3%a9", "api.example.com", "/%C3%A9"),
    ("https://api.example.com/%C3%A9", "api.example.com", "/%c3%a9"),
    ("https://[2001:db8::1]/items/1", "[2001:DB8:0:0:0:0:0:1]", "/items/1"),
];

#[test]
fn url_in_an_equivalent_spelling_is_accepted() {
    let fixture = Fixture::warm("dpop-urls", json!({}));
    for (htu, host, path) in URLS {
        let proof = fixture.proof_of("GET", htu).compact();
        let request = fixture.request_to(path, proof).header("host", host);
        fixture.assert_accepted(&format!("{htu} for {host}{path}"), &request);
    }
}

#[test]
fn methods_and_grpc_over_http2_are_accepted() {
    let fixture = Fixture::warm("dpop-methods", json!({}));
    for method in ["HEAD", "POST", "DELETE", "PURGE"] {
        let proof = fixture.proof_of(method, URL).compact();
        let request = fixture.with_token(request(method, "/items/1")).header("dpop", proof);
        let response = fixture.send(&request);
        assert_eq!(response.status, 200, "{method}: {response:?}");
    }
    let url = "https://api.example.com/shop.Cart/Add";
    let call = || {
        let proof = fixture.proof_of("POST", url).compact();
        let request = request("POST", "/shop.Cart/Add").header("content-type", "application/grpc");
        fixture.with_token(request).header("te", "trailers").header("dpop", proof)
    };
    let response = fixture.harness.client().send_http2(&call());
    assert_eq!((response.status, &response.json()["path"]), (200, &json!("/shop.Cart/Add")), "{response:?}");
}

#[test]
fn cached_token_is_accepted_with_each_new_proof() {
    let fixture = Fixture::warm("dpop-cached", json!({}));
    for _ in 0..20 {
        fixture.assert_accepted("new proof", &fixture.request(fixture.proof().compact()));
    }
    fixture.harness.wait_for_counter("token_cache_hit", 18);
}

#[test]
fn requests_that_need_no_proof_are_accepted_with_a_proof() {
    let fixture = Fixture::warm("dpop-stray", json!({}));
    let token = fixture.harness.mint(&TokenSpec::user());
    for proof in [fixture.proof().compact(), "broken".to_owned()] {
        fixture.assert_accepted("unbound bearer token", &get("/me").bearer(&token).header("dpop", &proof));
        // The filter examines no token of a public path.
        let response = fixture.send(&get("/public").header("dpop", &proof));
        assert_eq!(response.status, 200, "{response:?}");
    }
    let two = get("/me").bearer(&token).header("dpop", "a").header("dpop", "b");
    fixture.assert_accepted("two stray proofs", &two);
    fixture.assert_accepted("sender constraint", &{
        let proof = fixture.proof_of("GET", "https://api.example.com/pay").compact();
        fixture.request_to("/pay", proof)
    });
}

#[test]
fn proof_in_trailers_is_removed_if_a_token_was_examined() {
    for (path, removed) in [("/items/1", true), ("/public", false)] {
        for over_http2 in [false, true] {
            let recorder = Recorder::start();
            let fixture = Fixture::changed("dpop-trailers", json!({}), |config| {
                config.with_trailers().app(recorder.port())
            });
            let authorization = format!("DPoP {}", fixture.token);
            let proof = fixture.proof().compact();
            if over_http2 {
                let fields: [http2::Field<'_>; 2] =
                    [("authorization", authorization.as_bytes()), ("dpop", proof.as_bytes())];
                let trailers: [http2::Field<'_>; 3] =
                    [("dpop", &b"second"[..]), ("x-other", b"stays"), ("dpop", b"second")];
                http2::send(
                    fixture.harness.envoy.port,
                    &[&http2::get(path)[..], &fields].concat(),
                    &trailers,
                );
            } else {
                let request = format!(
                    "GET {path} HTTP/1.1\r\nhost: api.example.com\r\nauthorization: {authorization}\r\n\
                     dpop: {proof}\r\ntransfer-encoding: chunked\r\n\r\n\
                     1\r\nx\r\n0\r\nDPoP: second\r\nx-other: stays\r\ndpop: second\r\n\r\n"
                );
                let mut stream = fixture.harness.client().connect().unwrap();
                stream.write_all(request.as_bytes()).unwrap();
                let _ = stream.read(&mut [0; 64]);
            }
            let received = recorder.request();
            assert!(received.contains("stays"), "{path} {over_http2}: {received}");
            assert_eq!(received.contains("second"), !removed, "{path} {over_http2}: {received}");
            assert_eq!(received.contains("dpop:"), !removed, "{path} {over_http2}: {received}");
            assert!(!fixture.harness.envoy.has_trapped(), "{}", fixture.harness.envoy.log());
        }
    }
}

/// Returns the fixture whose Envoy trusts one proxy in front.
fn behind_a_proxy(name: &str, settings: Value) -> Fixture {
    let fixture = Fixture::changed(name, settings, |mut config| {
        config.manager()["xff_num_trusted_hops"] = json!(1);
        config
    });
    fixture.harness.warm_up();
    fixture
}

#[test]
fn url_of_the_configuration_or_the_forwarded_scheme_is_accepted() {
    let urls = json!([
        { "url": "https://api.example.com/svc1", "hosts": ["api.internal"] },
        { "url": "http://localhost:8080" },
    ]);
    let external = Fixture::warm("dpop-external", json!({ "external_urls": urls }));
    for (htu, host) in [
        ("https://api.example.com/svc1/items/1", "api.internal"),
        ("http://localhost:8080/items/1", "localhost"),
    ] {
        let request = external.request(external.proof_of("GET", htu).compact()).header("host", host);
        external.assert_accepted(htu, &request);
    }
    let forwarded = behind_a_proxy("dpop-forwarded", json!({ "scheme": "forwarded" }));
    for scheme in ["https", "http"] {
        let htu = format!("{scheme}://api.example.com/items/1");
        let request = forwarded.request(forwarded.proof_of("GET", &htu).compact());
        forwarded.assert_accepted(&htu, &request.header("x-forwarded-proto", scheme));
    }
    let http = Fixture::warm("dpop-http", json!({ "scheme": "http" }));
    let request = http.request(http.proof_of("GET", "http://api.example.com/items/1").compact());
    http.assert_accepted("scheme http", &request);
}
