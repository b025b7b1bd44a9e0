//! The requests of the calls, with each method of client authentication.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use okta_authz_filter::config::Config;
use okta_authz_filter::refresh::state::WorkerId;
use p256::ecdsa::signature::Verifier as _;
use test_support::common::P256;

use super::*;

const ID: &str = "0oa:rs 1";

fn configured(auth: Value) -> Config {
    let introspection = json!({ "cluster": "idp", "client_id": ID, "auth": auth });
    let text = config(json!({ "introspection": introspection }), json!({})).to_string();
    Config::from_bytes(text.as_bytes()).unwrap()
}

/// Returns the request of a call at a time, with this value of the variable `SECRET`.
fn request(worker: &Worker<'_>, at: u64, token: &str) -> (Vec<(&'static str, String)>, String) {
    assert_eq!(worker.decide("/items", token, at), Wait(R::IntrospectionUnavailable));
    let (_, request) = worker.calls(at).pop().unwrap();
    assert_eq!((request.cluster.as_str(), request.timeout.as_millis()), ("idp", 2_000));
    assert!(!format!("{request:?}").contains(token), "a token in the log");
    (request.headers, String::from_utf8(request.body).unwrap())
}

fn worker<'a>(auth: Value, secret: &str, shared: &'a Store) -> Worker<'a> {
    let mut config = configured(auth);
    config.resolve_secrets(&|name| (name == "SECRET").then(|| secret.to_owned())).unwrap();
    assert!(!format!("{config:?}").contains(secret), "a secret in the log");
    Worker { filter: Filter::new(config, WorkerId(1)), shared }
}

#[test]
fn request_of_each_secret_method_follows_rfc_6749() {
    let shared = Store::default();
    let form = "token=8xLOxBtZp8.Qm_v4%7Ea%2B%2FtR0c2hN9eYwKf1sJdGuB7o%3D&token_type_hint=access_token";
    let basic = STANDARD.encode("0oa%3Ars+1:p%26%C3%A4+ss%3A%25");
    for (method, header, body) in [
        ("client_secret_basic", Some(format!("Basic {basic}")), form.to_owned()),
        (
            "client_secret_post",
            None,
            format!("{form}&client_id=0oa%3Ars+1&client_secret=p%26%C3%A4+ss%3A%25"),
        ),
    ] {
        // A line break at the end is not part of the secret.
        let worker = worker(json!({ method: { "secret_env": "SECRET" } }), "p&ä ss:%\n", &shared);
        let (headers, sent) = request(&worker, NOW, OPAQUE);
        assert_eq!(sent, body, "{method}");
        let authorization = headers.iter().find(|(name, _)| *name == "authorization");
        assert_eq!(authorization.map(|(_, value)| value.clone()), header, "{method}");
        let expected = [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "acme.okta.com"),
            (":path", "/oauth2/default/v1/introspect"),
            ("accept", "application/json"),
            ("accept-encoding", "identity"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(headers[..expected.len()], expected, "{method}");
    }
}

#[test]
fn request_without_credentials_has_the_client_id_alone() {
    let shared = Store::default();
    let (headers, body) = request(&worker(json!({ "none": {} }), "-", &shared), NOW, OPAQUE);
    assert!(body.ends_with("&token_type_hint=access_token&client_id=0oa%3Ars+1"), "{body}");
    assert!(headers.iter().all(|(name, _)| *name != "authorization"));
}

#[test]
fn assertion_is_signed_once_in_45_minutes() {
    let shared = Store::default();
    let jwk = jwk(json!({}));
    let auth = json!({ "private_key_jwt": { "key_env": "SECRET", "alg": "ES256", "kid": "k1" } });
    let worker = worker(auth, &jwk.to_string(), &shared);
    let assertion = |at: u64, token: &str| {
        let (_, body) = request(&worker, at, token);
        let form = "&client_id=0oa%3Ars+1&client_assertion_type=\
                    urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=";
        body.split_once(form).unwrap().1.to_owned()
    };
    let first = assertion(NOW, OPAQUE);
    assert_eq!(assertion(NOW + 45 * 60 - 1, &OPAQUE[1..]), first);
    let second = assertion(NOW + 45 * 60, &OPAQUE[2..]);
    assert_ne!(second, first);

    let segments: Vec<&str> = first.split('.').collect();
    let json =
        |segment: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap();
    assert_eq!(json(segments[0]), json!({ "alg": "ES256", "typ": "JWT", "kid": "k1" }));
    // Okta: at most one hour, and no `jti`, which makes an assertion valid for one use.
    let claims = json!({
        "iss": ID, "sub": ID, "aud": format!("{ISSUER}/v1/introspect"), "iat": NOW, "exp": NOW + 3540,
    });
    assert_eq!(json(segments[1]), claims);
    let signature = p256::ecdsa::Signature::from_slice(&URL_SAFE_NO_PAD.decode(segments[2]).unwrap());
    let key = p256::ecdsa::SigningKey::from(&*P256);
    let message = format!("{}.{}", segments[0], segments[1]);
    key.verifying_key().verify(message.as_bytes(), &signature.unwrap()).unwrap();
}

fn jwk(changes: Value) -> Value {
    let d = URL_SAFE_NO_PAD.encode(P256.to_bytes());
    with(json!({ "kty": "EC", "crv": "P-256", "d": d }), changes)
}

#[test]
fn secret_that_cannot_be_used_is_an_error_with_its_field() {
    let at = "providers.okta.introspection.auth";
    let basic = json!({ "client_secret_basic": { "secret_env": "SECRET" } });
    let key = json!({ "private_key_jwt": { "key_env": "SECRET" } });
    let missing = "names an environment variable that the VM does not have: SECRET";
    let no_key = "names a variable that is not the JWK of a private P-256 key: SECRET";
    let other_point = URL_SAFE_NO_PAD.encode([1; 32]);
    let rows = [
        (basic.clone(), None, format!("{at}.client_secret_basic.secret_env: {missing}")),
        (basic.clone(), Some(String::new()), format!("{at}.client_secret_basic.secret_env: {missing}")),
        (basic, Some("\n".to_owned()), format!("{at}.client_secret_basic.secret_env: {missing}")),
        (key.clone(), None, format!("{at}.private_key_jwt.key_env: {missing}")),
        (key.clone(), Some("s3cret".to_owned()), format!("{at}.private_key_jwt.key_env: {no_key}")),
        (
            key.clone(),
            Some(jwk(json!({ "kty": "RSA" })).to_string()),
            format!("{at}.private_key_jwt.key_env: {no_key}"),
        ),
        (
            key.clone(),
            Some(jwk(json!({ "d": null })).to_string()),
            format!("{at}.private_key_jwt.key_env: {no_key}"),
        ),
        (
            key,
            Some(jwk(json!({ "x": other_point })).to_string()),
            format!("{at}.private_key_jwt.key_env: {no_key}"),
        ),
    ];
    for (auth, secret, expected) in rows {
        let error = configured(auth).resolve_secrets(&|_| secret.clone()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
