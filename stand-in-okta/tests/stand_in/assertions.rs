//! Authentication of clients by `private_key_jwt`.

use okta_authz_filter::crypto::Algorithm;
use serde_json::{Value, json};
use stand_in_okta::{RESOURCE_SERVER_ID, RESOURCE_SERVER_SECRET, StandIn};
use test_support::dpop::DpopKey;

use crate::browser::form;
use crate::client::{Reply, basic, now, post, start};

const INTROSPECT: &str = "/oauth2/default/v1/introspect";
const ENDPOINT: &str = "https://acme.okta.example/oauth2/default/v1/introspect";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Returns an assertion with these changes to its claims. A null removes a claim.
fn assertion(key: &DpopKey, changes: Value) -> String {
    let header = json!({ "alg": key.algorithm().name(), "kid": "key" });
    let claims =
        json!({ "iss": RESOURCE_SERVER_ID, "sub": RESOURCE_SERVER_ID, "aud": ENDPOINT, "exp": now() + 300 });
    key.sign(&header.to_string(), &test_support::common::with(claims, changes).to_string())
}

fn introspect(okta: &StandIn, assertion: &str) -> Reply {
    let fields = [("token", "x"), ("client_assertion_type", JWT_BEARER), ("client_assertion", assertion)];
    post(okta, INTROSPECT, "", &form(&fields))
}

fn with_key(key: &DpopKey) -> StandIn {
    let okta = start();
    okta.set_client_keys(
        RESOURCE_SERVER_ID,
        &[test_support::common::with(key.jwk(), json!({ "kid": "key" }))],
    );
    okta
}

#[test]
fn assertion_of_each_algorithm_authenticates_the_client() {
    let okta = start();
    for algorithm in ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"] {
        let algorithm = Algorithm::ALL.into_iter().find(|other| other.name() == algorithm).unwrap();
        let key = DpopKey::new(algorithm);
        let jwk = test_support::common::with(key.jwk(), json!({ "kid": "key" }));
        okta.set_client_keys(RESOURCE_SERVER_ID, &[jwk]);
        let reply = introspect(&okta, &assertion(&key, json!({})));
        assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"active":false}"#), "{}", algorithm.name());
        let forged = introspect(&okta, &assertion(&DpopKey::other(algorithm), json!({})));
        assert_eq!(forged.status, 401, "{}", algorithm.name());
    }
}

#[test]
fn assertion_with_a_wrong_claim_is_rejected() {
    let key = DpopKey::new(Algorithm::ES256);
    let okta = with_key(&key);
    let endpoint = "must be the endpoint invoked for the request";
    let client = "must be the client ID";
    let rows = [
        (json!({ "aud": null }), endpoint),
        (json!({ "aud": "https://acme.okta.example/oauth2/default" }), endpoint),
        (json!({ "aud": ENDPOINT.replace("introspect", "token") }), endpoint),
        (json!({ "aud": format!("{ENDPOINT}/") }), endpoint),
        (json!({ "sub": "0oademo00000000000001" }), client),
        (json!({ "iss": "0oademo00000000000001" }), client),
        (json!({ "iss": "0oaunknown", "sub": "0oaunknown" }), client),
        (json!({ "exp": null }), "is expired"),
        (json!({ "exp": now() - 1 }), "is expired"),
        (json!({ "exp": now() + 3700 }), "too far into the future"),
        (json!({ "iat": now() + 60 }), "issued in the future"),
    ];
    for (changes, description) in rows {
        let reply = introspect(&okta, &assertion(&key, changes.clone()));
        assert_eq!((reply.status, &reply.json()["error"]), (401, &json!("invalid_client")), "{changes}");
        let text = reply.json()["error_description"].clone();
        assert!(text.as_str().unwrap().contains(description), "{changes}: {text}");
    }
    let array = introspect(&okta, &assertion(&key, json!({ "aud": [ENDPOINT] })));
    assert_eq!(array.status, 200);
}

#[test]
fn assertion_with_jti_is_accepted_once() {
    let key = DpopKey::new(Algorithm::RS256);
    let okta = with_key(&key);
    let once = assertion(&key, json!({ "jti": "one" }));
    assert_eq!([introspect(&okta, &once).status, introspect(&okta, &once).status], [200, 401]);
    assert_eq!(introspect(&okta, &assertion(&key, json!({ "jti": "two" }))).status, 200);
    let often = assertion(&key, json!({}));
    assert_eq!([introspect(&okta, &often).status, introspect(&okta, &often).status], [200, 200]);
}

#[test]
fn assertion_that_does_not_match_the_client_is_rejected() {
    let key = DpopKey::new(Algorithm::ES256);
    let okta = with_key(&key);
    let good = assertion(&key, json!({}));
    let claims =
        json!({ "iss": RESOURCE_SERVER_ID, "sub": RESOURCE_SERVER_ID, "aud": ENDPOINT, "exp": now() + 300 });
    let signed = |header: Value| key.sign(&header.to_string(), &claims.to_string());
    for (name, bad) in [
        ("kid unknown", signed(json!({ "alg": "ES256", "kid": "other" }))),
        ("alg none", signed(json!({ "alg": "none", "kid": "key" }))),
        ("alg HS256", signed(json!({ "alg": "HS256", "kid": "key" }))),
        ("alg of another key type", signed(json!({ "alg": "RS256", "kid": "key" }))),
        ("no JWT", "x".to_owned()),
        ("payload changed", good.replacen('.', ".e30", 1)),
    ] {
        assert_eq!(introspect(&okta, &bad).status, 401, "{name}");
    }
    let fields = |changes: &[(&str, &str)]| {
        let fixed = [("token", "x"), ("client_assertion", good.as_str())];
        form(&[&fixed, changes].concat())
    };
    assert_eq!(post(&okta, INTROSPECT, "", &fields(&[])).status, 401, "no client_assertion_type");
    let typed = ("client_assertion_type", JWT_BEARER);
    assert_eq!(post(&okta, INTROSPECT, "", &fields(&[typed, ("client_id", RESOURCE_SERVER_ID)])).status, 200);
    let other = fields(&[typed, ("client_id", "0oademo00000000000001")]);
    assert_eq!(post(&okta, INTROSPECT, "", &other).status, 401, "another client_id");
    let secret = basic(RESOURCE_SERVER_ID, RESOURCE_SERVER_SECRET);
    assert_eq!(post(&okta, INTROSPECT, &secret, &fields(&[typed])).status, 400, "two credentials");
    assert_eq!(post(&okta, INTROSPECT, &secret, "token=x").status, 401, "the client has keys, no secret");
    assert_eq!(introspect(&start(), &good).status, 401, "the client has a secret, no keys");
}
