//! The stand-in Okta is what the filter's end-to-end tests believe in: here it has to prove itself, over HTTP.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "in a test, a panic is an answer")]

use std::collections::BTreeSet;
use std::io;
use std::net::TcpStream;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier as _;
use rsa::{BigUint, RsaPublicKey, sha2::Sha256};
use serde_json::{Value, json};
use stand_in::{DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Endpoint, Fault, Kind, Options, Rotation, Server, Stage};
use stand_in::{StandIn, TokenSpec};
use tokio_rustls::rustls;

#[path = "../examples/stand-in-okta/stand_in.rs"]
mod stand_in;

const KEYS: &str = "/oauth2/default/v1/keys";
const METADATA: &str = "/oauth2/default/.well-known/oauth-authorization-server";

#[test]
fn keys_look_like_oktas() {
    let okta = shared();
    let reply = get(okta, KEYS);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json;charset=UTF-8"));
    assert_eq!(reply.header("cache-control"), Some("max-age=3832304, must-revalidate"));
    assert!(reply.body.starts_with(r#"{"keys":[{"alg":"RS256","e":"AQAB","n":""#), "{}", reply.body);
    for key in reply.json()["keys"].as_array().unwrap() {
        let names: Vec<&String> = key.as_object().unwrap().keys().collect();
        assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!(key["kid"].as_str().unwrap().len(), 43);
        assert_eq!(URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap().len(), 256);
    }
}

#[test]
fn every_server_has_keys_of_its_own() {
    let okta = start();
    let sets =
        ["/oauth2/v1/keys", KEYS, "/oauth2/aus9o8wzkhckw9TLa0h7z/v1/keys"].map(|path| kids(&okta, path));
    assert_eq!(sets.iter().flatten().collect::<BTreeSet<_>>().len(), 6);
    let token = okta.mint(Server::Custom, &TokenSpec::user());
    assert!(verifies(&okta, "/oauth2/aus9o8wzkhckw9TLa0h7z/v1/keys", &token));
    assert!(!verifies(&okta, KEYS, &token));
}

#[test]
fn rotations_move_the_keys() {
    let okta = start();
    let (active, both) = (okta.kid(Server::Default), kids(&okta, KEYS));
    let next = both.iter().find(|kid| **kid != active).unwrap().clone();
    let old_token = okta.mint(Server::Default, &TokenSpec::user());

    okta.rotate(Server::Default, Rotation::Automatic);
    assert_eq!(okta.kid(Server::Default), next, "the key published ahead takes over");
    assert_eq!(kids(&okta, KEYS).len(), 3);
    assert!(kids(&okta, KEYS).is_superset(&both));
    assert!(verifies(&okta, KEYS, &old_token));

    let before = kids(&okta, KEYS);
    okta.rotate(Server::Default, Rotation::Manual);
    assert!(!before.contains(&okta.kid(Server::Default)), "nobody has seen the key that signs");
    assert!(kids(&okta, KEYS).contains(&next), "the former key stays");

    let before = okta.kid(Server::Default);
    okta.rotate(Server::Default, Rotation::EmergencyDouble);
    assert!(!kids(&okta, KEYS).contains(&before), "the former key is gone");
    assert!(verifies(&okta, KEYS, &okta.mint(Server::Default, &TokenSpec::user())));

    for (stage, count) in [(Stage::Active, 1), (Stage::ActiveNext, 2), (Stage::ActiveNextExpired, 3)] {
        okta.set_stage(Server::Default, stage);
        assert_eq!(kids(&okta, KEYS).len(), count, "{stage:?}");
        assert!(kids(&okta, KEYS).contains(&okta.kid(Server::Default)), "{stage:?}");
    }
}

#[test]
fn with_lag_a_rotation_shows_later_than_it_signs() {
    let okta = start();
    let before = kids(&okta, KEYS);
    okta.set_lag(Server::Default, Duration::from_secs(3600));
    okta.rotate(Server::Default, Rotation::Manual);
    assert_eq!(kids(&okta, KEYS), before);
    okta.set_lag(Server::Default, Duration::ZERO);
    okta.rotate(Server::Default, Rotation::Manual);
    assert!(kids(&okta, KEYS).contains(&okta.kid(Server::Default)));
}

#[test]
fn the_order_of_keys_tells_nothing() {
    let okta = start();
    okta.set_stage(Server::Default, Stage::ActiveNextExpired);
    let orders: BTreeSet<String> = (0..60).map(|_| okta.jwks(Server::Default)).collect();
    assert_eq!(orders.len(), 6);
}

#[test]
fn cache_control_is_as_set() {
    let okta = start();
    for value in [Some("max-age=30"), Some("no-cache"), None] {
        okta.set_cache_control(Server::Default, value);
        assert_eq!(get(&okta, KEYS).header("cache-control"), value);
    }
}

#[test]
fn metadata_are_in_all_their_places() {
    let okta = start();
    let default = "https://acme.okta.example/oauth2/default";
    let cases = [
        (
            "/.well-known/openid-configuration",
            "https://acme.okta.example",
            "https://acme.okta.example/oauth2",
        ),
        (
            "/.well-known/oauth-authorization-server",
            "https://acme.okta.example",
            "https://acme.okta.example/oauth2",
        ),
        ("/oauth2/default/.well-known/openid-configuration", default, default),
        (METADATA, default, default),
        ("/.well-known/oauth-authorization-server/oauth2/default", default, default),
    ];
    for (path, issuer, base) in cases {
        let document = get(&okta, path).json();
        assert_eq!(document["issuer"], issuer, "{path}");
        assert_eq!(document["jwks_uri"], format!("{base}/v1/keys"), "{path}");
        assert_eq!(
            document["registration_endpoint"], "https://acme.okta.example/oauth2/v1/clients",
            "{path}"
        );
        let custom = base == default && path.ends_with("openid-configuration");
        assert_eq!(document.get("id_token_encryption_enc_values_supported").is_some(), custom, "{path}");
        assert!(document.get("acr_values_supported").is_none(), "{path}");
    }
    assert_eq!(okta.discovery_fetches(Server::Default), 3);
    assert_eq!(okta.discovery_fetches(Server::Org), 2);

    let reply = get(&okta, "/oauth2/ausNope/.well-known/oauth-authorization-server");
    assert_eq!((reply.status, &reply.json()["errorCode"]), (404, &json!("E0000007")));
    assert_eq!(reply.json()["errorSummary"], "Not found: Resource not found: ausNope (AuthorizationServer)");
    let reply = get(&okta, &format!("{METADATA}?client_id=nobody"));
    assert_eq!((reply.status, &reply.json()["errorCode"]), (400, &json!("invalid_client")));
}

#[test]
fn faults_are_as_ordered() {
    let okta = start();
    for path in [KEYS, METADATA] {
        let healthy = get(&okta, path).body.len();
        let ask = |fault| {
            okta.set_fault(Server::Default, fault);
            request(&okta, "GET", path, "", "")
        };
        let answer = |fault| ask(fault).unwrap();

        let limited = answer(Fault::Status(429));
        assert_eq!((limited.status, &limited.json()["errorCode"]), (429, &json!("E0000047")));
        assert!(limited.header("x-rate-limit-reset").is_some());
        let broken = answer(Fault::Status(500));
        assert_eq!((broken.status, &broken.json()["errorCode"]), (500, &json!("E0000009")));

        let html = answer(Fault::Html);
        assert_eq!((html.status, html.header("content-type")), (200, Some("text/html;charset=utf-8")));
        assert_eq!(answer(Fault::Empty).body, "");
        assert_eq!(answer(Fault::Body(r#"{"keys":[]}"#.to_owned())).body, r#"{"keys":[]}"#);

        let truncated = answer(Fault::TruncatedJson);
        assert_eq!(truncated.header("content-length"), Some(truncated.body.len().to_string().as_str()));
        assert!(serde_json::from_str::<Value>(&truncated.body).is_err());
        let cut_short = answer(Fault::TruncatedTransfer);
        assert_eq!(cut_short.header("content-length"), Some(healthy.to_string().as_str()));
        assert_eq!(cut_short.body.len(), healthy / 2);

        assert!(answer(Fault::Huge).json().to_string().len() > 2_000_000);
        assert_eq!(ask(Fault::Reset).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(answer(Fault::Slow { millis: 1 }).body.len(), healthy);
        assert_eq!(answer(Fault::None).body.len(), healthy);
    }
    assert_eq!(okta.key_fetches(Server::Default), okta.discovery_fetches(Server::Default));
    assert_eq!(okta.key_fetches(Server::Org), 0);
}

#[test]
fn extra_keys_leave_the_good_ones_alone() {
    let okta = start();
    okta.set_fault_at(Server::Default, Endpoint::Keys, Fault::ExtraKeys);
    assert!(get(&okta, KEYS).json()["keys"].as_array().unwrap().len() > 20);
    assert!(verifies(&okta, KEYS, &okta.mint(Server::Default, &TokenSpec::user())));
}

#[test]
fn access_tokens_are_oktas_byte_for_byte() {
    let okta = shared();
    let token = okta
        .mint(Server::Default, &TokenSpec::user().acr("phr").claim("tenant", "a").issued_at(1_467_145_094));
    assert!(token.starts_with("eyJraWQiOi"));
    let [header, payload] = parts(&token);
    assert_eq!(header, format!(r#"{{"kid":"{}","alg":"RS256"}}"#, okta.kid(Server::Default)));
    let jti = json_of(&payload)["jti"].as_str().unwrap().to_owned();
    assert_eq!((jti.len(), jti.starts_with("AT.")), (46, true));
    let expected = concat!(
        r#"{"ver":1,"jti":"JTI","iss":"https://acme.okta.example/oauth2/default","aud":"api://default","#,
        r#""iat":1467145094,"exp":1467148694,"acr":"phr","cid":"0oa48e74ox4t7mQJX0g7","#,
        r#""uid":"00ujmkLgagxeRrAg20g3","scp":["openid","profile","items:read"],"auth_time":1467145073,"#,
        r#""sub":"joe.user@example.com","groups":["Everyone","IT"],"tenant":"a"}"#,
    );
    assert_eq!(payload.replace(&jti, "JTI"), expected);

    let [_, payload] = parts(&okta.mint(Server::Default, &TokenSpec::machine().lifetime(300).issued_at(1)));
    let jti = json_of(&payload)["jti"].as_str().unwrap().to_owned();
    let expected = concat!(
        r#"{"ver":1,"jti":"JTI","iss":"https://acme.okta.example/oauth2/default","aud":"api://default","#,
        r#""iat":1,"exp":301,"cid":"0oademo00000000000001","scp":["items:read"],"sub":"0oademo00000000000001"}"#,
    );
    assert_eq!(payload.replace(&jti, "JTI"), expected);
}

#[test]
fn each_kind_of_token_shows_what_it_is() {
    let okta = shared();
    let mint = |kind| {
        let [header, payload] = parts(&okta.mint(Server::Default, &TokenSpec::new(kind)));
        (json_of(&header), json_of(&payload))
    };
    let (_, refreshed) = mint(Kind::Refreshed);
    assert!(refreshed["jti"].as_str().unwrap().contains(".oar"));
    let (_, exchanged) = mint(Kind::OnBehalfOf);
    assert_eq!((exchanged.get("act"), &exchanged["auth_time"]), (None, &exchanged["iat"]));
    let (_, agent) = mint(Kind::Agent);
    assert_eq!((agent.get("scp"), &agent["act"]["act"]["sub_profile"]), (None, &json!("service")));
    let (_, bound) = mint(Kind::DpopBound);
    assert_eq!(bound["cnf"]["jkt"].as_str().unwrap().len(), 43);
    let (header, org) = mint(Kind::OrgAccess);
    assert_eq!((&header["typ"], org.get("groups")), (&json!("application/okta-internal-at+jwt"), None));
    let (header, id) = mint(Kind::IdToken);
    assert_eq!((header.get("typ"), id.get("cid"), id.get("scp")), (None, None, None));
    assert!(id["jti"].as_str().unwrap().starts_with("ID."));
    let (_, assertion) = mint(Kind::IdJag);
    assert_eq!(assertion["exp"].as_i64().unwrap() - assertion["iat"].as_i64().unwrap(), 300);
    assert!(assertion["jti"].as_str().unwrap().starts_with("IDAAG."));
    let encrypted = okta.mint(Server::Default, &TokenSpec::new(Kind::Encrypted));
    assert_eq!(encrypted.split('.').count(), 5);

    let odd = TokenSpec::user()
        .without("uid")
        .claim("aud", json!(["a", "b"]))
        .header("typ", "JWT")
        .header("alg", "none");
    let [header, payload] = parts(&okta.mint(Server::Default, &odd));
    assert!(header.ends_with(r#""alg":"none","typ":"JWT"}"#), "{header}");
    assert_eq!((json_of(&payload).get("uid"), &json_of(&payload)["aud"]), (None, &json!(["a", "b"])));

    let hostile = okta.sign(Server::Default, r#"{"alg":"RS256","alg":"none"}"#, "not JSON");
    assert_eq!(parts(&hostile), [r#"{"alg":"RS256","alg":"none"}"#, "not JSON"]);
}

#[test]
fn the_token_endpoint_gives_what_it_may() {
    let okta = shared();
    let path = "/oauth2/default/v1/token";
    let basic = basic(DEMO_CLIENT_ID, DEMO_CLIENT_SECRET);
    let good = "grant_type=client_credentials&scope=items:read%20items:write";
    for (authorization, body) in [
        (basic.as_str(), good.to_owned()),
        ("", format!("{good}&client_id={DEMO_CLIENT_ID}&client_secret={DEMO_CLIENT_SECRET}")),
    ] {
        let reply = post(okta, path, authorization, &body);
        let answer = reply.json();
        assert_eq!((reply.status, &answer["scope"]), (200, &json!("items:read items:write")), "{body}");
        assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(3600)));
        let token = answer["access_token"].as_str().unwrap();
        assert!(verifies(okta, KEYS, token));
        assert_eq!(json_of(&parts(token)[1])["scp"], json!(["items:read", "items:write"]));
    }
    let wrong = self::basic(DEMO_CLIENT_ID, "guess");
    let stranger = self::basic("0oanobody", "guess");
    let both = format!("{good}&client_secret=x");
    let cases = [
        ("no client", "", good, 401, "invalid_client"),
        ("wrong secret", &wrong, good, 401, "invalid_client"),
        ("unknown client", &stranger, good, 401, "invalid_client"),
        ("two credentials", &basic, &both, 400, "invalid_request"),
        ("no scope", &basic, "grant_type=client_credentials", 400, "invalid_scope"),
        ("unknown scope", &basic, "grant_type=client_credentials&scope=items:read+x", 400, "invalid_scope"),
        ("openid", &basic, "grant_type=client_credentials&scope=openid", 400, "invalid_scope"),
        ("code", &basic, "grant_type=authorization_code&code=x", 400, "invalid_grant"),
        ("password", &basic, "grant_type=password", 400, "unsupported_grant_type"),
    ];
    for (name, authorization, body, status, error) in cases {
        let reply = post(okta, path, authorization, body);
        assert_eq!((reply.status, &reply.json()["error"]), (status, &json!(error)), "{name}");
    }
}

#[test]
fn introspection_knows_of_revocation() {
    let okta = shared();
    let basic = basic(DEMO_CLIENT_ID, DEMO_CLIENT_SECRET);
    let ask = |token: &str| post(okta, "/oauth2/default/v1/introspect", &basic, &format!("token={token}"));
    let token = okta.mint(Server::Default, &TokenSpec::user());
    let answer = ask(&token).json();
    assert_eq!((&answer["active"], &answer["scope"]), (&json!(true), &json!("openid profile items:read")));
    assert_eq!((&answer["client_id"], &answer["username"]), (&json!("0oa48e74ox4t7mQJX0g7"), &answer["sub"]));

    let expired = okta.mint(Server::Default, &TokenSpec::user().issued_at(1));
    let foreign = okta.mint(Server::Custom, &TokenSpec::user());
    for junk in ["junk", "a.b.c", &expired, &foreign] {
        let reply = ask(junk);
        assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"active":false}"#), "{junk}");
    }
    assert_eq!(post(okta, "/oauth2/default/v1/introspect", &basic, "").status, 400);
    assert_eq!(post(okta, "/oauth2/default/v1/introspect", "", &format!("token={token}")).status, 401);

    for revoked in [token.as_str(), "junk"] {
        let reply = post(okta, "/oauth2/default/v1/revoke", &basic, &format!("token={revoked}"));
        assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    }
    assert_eq!(ask(&token).body, r#"{"active":false}"#);
    let entry = json!({ "jti": json_of(&parts(&token)[1])["jti"] });
    let list = get_https(okta, "acme.okta.example", "/stand-in/denylist").unwrap().json();
    assert!(list["entries"].as_array().unwrap().contains(&entry), "{list}");
}

#[test]
fn the_control_api_does_the_same() {
    let okta = start();
    let control = |path: &str, body: &str| request(&okta, "POST", path, "", body).unwrap();
    let token =
        control("/stand-in/token", r#"{"kind":"machine","claims":{"scp":["items:write"]},"lifetime":300}"#);
    assert_eq!(json_of(&parts(token.body.trim())[1])["scp"], json!(["items:write"]));
    let rotated = control("/stand-in/rotate", r#"{"server":"default","rotation":"emergency-double"}"#);
    assert_eq!(rotated.body.trim(), okta.kid(Server::Default));
    for fault in [r#""reset""#, r#"{"slow":{"millis":1}}"#, r#"{"status":429}"#] {
        assert_eq!(control("/stand-in/fault", &format!(r#"{{"fault":{fault}}}"#)).status, 200, "{fault}");
    }
    assert_eq!(get(&okta, KEYS).status, 429);
    control("/stand-in/fault", r#"{"server":"default","endpoint":"keys","fault":"none"}"#);
    control("/stand-in/keys", r#"{"stage":"active","cache_control":null}"#);
    assert_eq!((get(&okta, KEYS).header("cache-control"), kids(&okta, KEYS).len()), (None, 1));
    let counts = get(&okta, "/stand-in/requests").json();
    assert_eq!(counts["default"]["keys"], 3);
    for bad in ["", "{}", r#"{"server":"nope","rotation":"manual"}"#, r#"{"rotation":"manual","typo":1}"#] {
        assert_eq!(control("/stand-in/rotate", bad).status, 400, "{bad}");
    }
}

#[test]
fn https_has_a_certificate_for_the_domain_and_no_control_api() {
    let okta = start();
    for name in ["acme.okta.example", "localhost", "127.0.0.1"] {
        let reply = get_https(&okta, name, KEYS).unwrap();
        assert_eq!(reply.status, 200, "{name}");
    }
    assert!(get_https(&okta, "other.okta.example", KEYS).is_err());
    assert_eq!(get_https(&okta, "localhost", "/stand-in/requests").unwrap().status, 404);

    okta.set_fault(Server::Default, Fault::Reset);
    assert_eq!(get_https(&okta, "localhost", KEYS).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    okta.set_fault(Server::Default, Fault::TruncatedTransfer);
    let reply = get_https(&okta, "localhost", KEYS).unwrap();
    assert!(reply.body.len() < reply.header("content-length").unwrap().parse().unwrap());
}

#[test]
fn a_dropped_stand_in_is_gone_and_its_port_free() {
    let okta = start();
    let port = okta.http_port();
    drop(okta);
    assert_eq!(TcpStream::connect(("127.0.0.1", port)).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    let again = StandIn::start(Options { http: ([127, 0, 0, 1], port).into(), ..Options::default() });
    assert_eq!((again.http_port(), get(&again, KEYS).status), (port, 200));
}

fn start() -> StandIn {
    StandIn::start(Options::default())
}

/// For tests that change nothing another one could notice: making keys is the slow part.
fn shared() -> &'static StandIn {
    static SHARED: LazyLock<StandIn> = LazyLock::new(start);
    &SHARED
}

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        json_of(&self.body)
    }
}

fn get(okta: &StandIn, path: &str) -> Reply {
    request(okta, "GET", path, "", "").unwrap()
}

fn post(okta: &StandIn, path: &str, authorization: &str, form: &str) -> Reply {
    request(okta, "POST", path, authorization, form).unwrap()
}

fn request(okta: &StandIn, method: &str, path: &str, authorization: &str, body: &str) -> io::Result<Reply> {
    exchange(TcpStream::connect(("127.0.0.1", okta.http_port()))?, method, path, authorization, body)
}

fn get_https(okta: &StandIn, name: &str, path: &str) -> io::Result<Reply> {
    let mut roots = rustls::RootCertStore::empty();
    let authority = okta.ca_pem().lines().filter(|line| !line.starts_with("-----")).collect::<String>();
    roots.add(STANDARD.decode(authority).unwrap().into()).unwrap();
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let tls = rustls::ClientConnection::new(Arc::new(config), name.to_owned().try_into().unwrap()).unwrap();
    let line = TcpStream::connect(("127.0.0.1", okta.https_port()))?;
    exchange(rustls::StreamOwned::new(tls, line), "GET", path, "", "")
}

/// One request, and everything that comes back until the line ends.
fn exchange(
    mut line: impl io::Read + io::Write,
    method: &str,
    path: &str,
    authorization: &str,
    body: &str,
) -> io::Result<Reply> {
    let authorization = match authorization {
        "" => String::new(),
        credentials => format!("authorization: {credentials}\r\n"),
    };
    write!(
        line,
        "{method} {path} HTTP/1.1\r\nhost: acme.okta.example\r\nconnection: close\r\n{authorization}\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut bytes = Vec::new();
    match line.read_to_end(&mut bytes) {
        // A line that ends early, but has brought something.
        Err(error) if bytes.is_empty() || error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
        _ => {}
    }
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Reply { status, head: head.to_owned(), body: body.to_owned() })
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn kids(okta: &StandIn, path: &str) -> BTreeSet<String> {
    let set = get(okta, path).json();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// Whether the token's signature holds under the key that its `kid` has in the set served there.
fn verifies(okta: &StandIn, path: &str, token: &str) -> bool {
    let set = get(okta, path).json();
    let kid = json_of(&parts(token)[0])["kid"].clone();
    let keys = set["keys"].as_array().unwrap();
    let Some(key) = keys.iter().find(|key| key["kid"] == kid) else { return false };
    let number =
        |name: &str| BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap());
    let key = VerifyingKey::<Sha256>::new(RsaPublicKey::new(number("n"), number("e")).unwrap());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    key.verify(message.as_bytes(), &Signature::try_from(signature.as_slice()).unwrap()).is_ok()
}

/// Header and payload of a signed token.
fn parts(token: &str) -> [String; 2] {
    let mut segments = token.split('.').map(|segment| URL_SAFE_NO_PAD.decode(segment).unwrap());
    [(); 2].map(|()| String::from_utf8(segments.next().unwrap()).unwrap())
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
