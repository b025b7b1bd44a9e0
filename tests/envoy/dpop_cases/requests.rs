//! Requests whose proof is well-formed, but not for this request or this token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use okta_authz_filter::rejection::Rejection::{
    DpopMethodMismatch, DpopProofExpired, DpopProofFromTheFuture, DpopSchemeRequired, DpopTokenMismatch,
    DpopUrlMismatch, InsufficientScope, MultipleCredentials, SenderConstraintRequired, TokenBound,
    TokenExpired, TokenNotBound,
};
use serde_json::{Value, json};
use stand_in_okta::{Server, TokenSpec};
use test_support::client::{Request, get, request};
use test_support::dpop::{Proof, token_hash};

use super::{
    ALGS, Denial, Fixture, URL, bearer_denial, challenges, error_of, in_one_second, invalid_proof,
    invalid_token, now, row,
};

/// `htu`, and the path of the request.
const URLS: &[(&str, &str)] = &[
    ("https://other.example.com/items/1", "/items/1"),
    ("https://api.example.com:8443/items/1", "/items/1"),
    ("https://api.example.com:80/items/1", "/items/1"),
    ("http://api.example.com/items/1", "/items/1"),
    ("https://api.example.com/items/2", "/items/1"),
    ("https://api.example.com/items/1/", "/items/1"),
    ("https://api.example.com/items", "/items/"),
    ("https://api.example.com//items/1", "/items/1"),
    ("https://api.example.com/./items/1", "/items/1"),
    ("https://api.example.com/x/../items/1", "/items/1"),
    ("https://api.example.com/Items/1", "/items/1"),
    ("https://127.0.0.1:8000/items/1", "/items/1"),
    ("https://api.example.com.evil.example/items/1", "/items/1"),
    ("https://evil@api.example.com/items/1", "/items/1"),
    ("https://api.example.com@evil.example/items/1", "/items/1"),
    ("https://api.example.com\\items/1", "/items/1"),
    (" https://api.example.com/items/1", "/items/1"),
    ("https://api.example.com/items%2f1", "/items/1"),
    ("wss://api.example.com/items/1", "/items/1"),
    ("//api.example.com/items/1", "/items/1"),
    ("/items/1", "/items/1"),
    ("", "/items/1"),
];

#[test]
fn method_url_and_token_of_a_proof_are_checked() {
    let fixture = Fixture::warm("dpop-mismatches", json!({}));
    let sent = |proof: Proof| fixture.request(proof.compact());
    let mut rows: Vec<_> = URLS
        .iter()
        .map(|(htu, path)| {
            let proof = fixture.proof_of("GET", htu).compact();
            row(format!("{htu} for {path}"), fixture.request_to(path, proof), invalid_proof(DpopUrlMismatch))
        })
        .collect();
    for htm in ["POST", "get", "HEAD", "GET ", ""] {
        let name = format!("htm {htm:?}");
        rows.push(row(name, sent(fixture.proof().claim("htm", htm)), invalid_proof(DpopMethodMismatch)));
    }
    let hash = token_hash(&fixture.token);
    for (name, ath) in [
        ("ath of another token", token_hash("other")),
        ("ath padded", format!("{hash}=")),
        ("ath empty", String::new()),
        ("ath cut", hash[..42].to_owned()),
    ] {
        rows.push(row(name, sent(fixture.proof().claim("ath", ath)), invalid_proof(DpopTokenMismatch)));
    }
    let past = fixture.proof().claim("exp", now() - 60);
    rows.push(row("exp past", sent(past), invalid_proof(DpopProofExpired)));
    fixture.assert_denied(rows);
}

#[test]
fn forwarded_headers_do_not_change_the_url() {
    let fixture = Fixture::warm("dpop-forwarded-headers", json!({}));
    let rows = [
        ("x-forwarded-host", "other.example.com"),
        ("forwarded", "host=other.example.com;proto=https"),
        ("x-original-host", "other.example.com"),
    ];
    let rows = rows.map(|(name, value)| {
        let proof = fixture.proof_of("GET", "https://other.example.com/items/1").compact();
        row(name, fixture.request(proof).header(name, value), invalid_proof(DpopUrlMismatch))
    });
    fixture.assert_denied(rows.into());
    // Envoy overwrites `x-forwarded-proto` of a client that connects directly.
    let forwarded = Fixture::warm("dpop-forwarded-proto", json!({ "scheme": "forwarded" }));
    let proof = forwarded.proof().compact();
    let request = forwarded.request(proof).header("x-forwarded-proto", "https");
    forwarded.assert_denied(vec![row("x-forwarded-proto", request, invalid_proof(DpopUrlMismatch))]);
}

#[test]
fn proof_beyond_the_limits_of_its_age_is_rejected() {
    let fixture = Fixture::warm("dpop-beyond", json!({}));
    for (offset, rejection) in [(-71, DpopProofExpired), (11, DpopProofFromTheFuture)] {
        let differences = in_one_second(|now| {
            let iat = now.checked_add_signed(offset).unwrap();
            let request = fixture.request(fixture.proof().claim("iat", iat).compact());
            fixture.differences(&request, &invalid_proof(rejection))
        });
        assert_eq!(differences, [""; 0], "{offset}");
    }
}

/// Returns `GET /items/1` with this token and a right proof for it.
fn with_proof(fixture: &Fixture, scheme: &str, token: &str) -> Request {
    let proof = Proof::new(&fixture.key, "GET", URL, now()).of_token(token).compact();
    get("/items/1").header("authorization", format!("{scheme} {token}")).header("dpop", proof)
}

/// Returns a user token with the claim `cnf: null`. `TokenSpec` cannot add it: null removes a claim.
fn token_with_null_confirmation(fixture: &Fixture) -> String {
    let token = fixture.harness.mint(&TokenSpec::user());
    let decode = |segment| String::from_utf8(URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap();
    let [header, payload] = [0, 1].map(|index| decode(token.split('.').nth(index).unwrap()));
    let payload = payload.replacen('{', r#"{"cnf":null,"#, 1);
    fixture.harness.okta.sign(Server::Default, &header, &payload)
}

#[test]
fn token_that_does_not_fit_the_scheme_is_rejected() {
    let fixture = Fixture::warm("dpop-schemes", json!({}));
    let jkt = fixture.key.thumbprint();
    let unbound = fixture.harness.mint(&TokenSpec::user());
    let confirmation = |cnf: Value| fixture.harness.mint(&TokenSpec::user().claim("cnf", cnf));
    let expired = TokenSpec::user().bound_to_key(&jkt).lifetime(3600).issued_at((now() - 7200) as i64);
    let expired = fixture.harness.mint(&expired);
    let bearer_without = get("/items/1").bearer(&fixture.token);
    let unbound_without = get("/items/1").header("authorization", format!("DPoP {unbound}"));
    let pay = get("/pay").bearer(&unbound);
    let mut rows = vec![
        row("bound as Bearer", bearer_without, bearer_denial(DpopSchemeRequired)),
        row("bound as Bearer, right proof", with_proof(&fixture, "Bearer", &fixture.token), {
            bearer_denial(DpopSchemeRequired)
        }),
        row("unbound as DPoP", with_proof(&fixture, "DPoP", &unbound), invalid_token(TokenNotBound)),
        row("unbound as DPoP, no proof", unbound_without, invalid_token(TokenNotBound)),
        row("unbound, rule requires a binding", pay, bearer_denial(SenderConstraintRequired)),
        row("expired token", with_proof(&fixture, "DPoP", &expired), invalid_token(TokenExpired)),
    ];
    for cnf in [
        json!({ "jkt": jkt, "kid": "1" }),
        json!({}),
        json!("x"),
        json!([]),
        json!({ "jkt": &jkt[1..] }),
        json!({ "jkt": format!("{jkt}=") }),
        json!({ "jkt": 1 }),
    ] {
        let token = confirmation(cnf.clone());
        let request = with_proof(&fixture, "DPoP", &token);
        rows.push(row(format!("cnf {cnf}"), request, invalid_token(TokenBound)));
        let request = get("/items/1").bearer(&token);
        rows.push(row(format!("cnf {cnf}, Bearer"), request, bearer_denial(TokenBound)));
    }
    let null = token_with_null_confirmation(&fixture);
    rows.push(row("cnf null", with_proof(&fixture, "DPoP", &null), invalid_token(TokenBound)));
    rows.push(row("cnf null, Bearer", get("/items/1").bearer(&null), bearer_denial(TokenBound)));
    fixture.assert_denied(rows);
}

#[test]
fn bound_token_from_another_source_is_rejected() {
    let fixture = Fixture::changed("dpop-sources", json!({}), |mut config| {
        let plugin = config.plugin();
        plugin["from_headers"] = json!([{ "name": "x-api-token", "value_prefix": "Token " }]);
        plugin["from_cookies"] = json!(["session"]);
        plugin["from_params"] = json!(["access_token"]);
        config
    });
    fixture.harness.warm_up();
    let (token, proof) = (&fixture.token, || fixture.proof().compact());
    let header = get("/items/1").header("x-api-token", format!("Token {token}"));
    let cookie = get("/items/1").header("cookie", format!("session={token}"));
    let query = get(format!("/items/1?access_token={token}"));
    let rows = [("header", header), ("cookie", cookie), ("query", query)];
    let rows = rows.into_iter().flat_map(|(name, request)| {
        let with_proof = request.clone().header("dpop", proof());
        [
            row(name, request, bearer_denial(DpopSchemeRequired)),
            row(format!("{name}, right proof"), with_proof, bearer_denial(DpopSchemeRequired)),
        ]
    });
    fixture.assert_denied(rows.collect());
    fixture.assert_accepted("scheme DPoP", &fixture.request(proof()));
}

#[test]
fn both_schemes_get_400_with_two_challenges() {
    let fixture = Fixture::warm("dpop-both", json!({}));
    let unbound = fixture.harness.mint(&TokenSpec::user());
    let both = fixture.request(fixture.proof().compact()).bearer(&unbound);
    let error = || error_of("invalid_request", MultipleCredentials);
    let challenges = vec![format!("Bearer {}", error()), format!(r#"DPoP {},algs="{ALGS}""#, error())];
    let denial = Denial { status: 400, rejection: MultipleCredentials, challenges };
    fixture.assert_denied(vec![row("both", both, denial)]);
}

#[test]
fn policy_denies_a_good_proof_under_its_scheme() {
    let fixture = Fixture::warm("dpop-policy", json!({}));
    let token = TokenSpec::user().scopes(&["items:read"]).bound_to_key(&fixture.key.thumbprint());
    let token = fixture.harness.mint(&token);
    let url = "https://api.example.com/write";
    let proof = || Proof::new(&fixture.key, "GET", url, now()).of_token(&token).compact();
    let authorized = || get("/write").header("authorization", format!("DPoP {token}"));
    let response = fixture.send(&authorized().header("dpop", proof()));
    let expected = format!(
        r#"DPoP {},algs="{ALGS}",scope="items:write""#,
        error_of("insufficient_scope", InsufficientScope)
    );
    assert_eq!((response.status, challenges(&response)), (403, vec![expected.as_str()]), "{response:?}");
}

/// Sends `GET /me` over HTTP/2, and returns the fields `www-authenticate` of the response.
fn http2_challenges(port: u16) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::get("http://api.example.com/me").body(()).unwrap();
        let mut client = client.ready().await.unwrap();
        let (response, _) = client.send_request(request, true).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), 401);
        let values = response.headers().get_all("www-authenticate").iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    })
}

#[test]
fn request_without_a_token_gets_the_challenges_of_the_accepted_schemes() {
    let fixture = Fixture::warm("dpop-anonymous", json!({}));
    let dpop = format!(r#"DPoP realm="api",algs="{ALGS}""#);
    for proof in [None, Some(fixture.proof().compact())] {
        let request = proof.into_iter().fold(get("/me"), |request, proof| request.header("dpop", proof));
        let response = fixture.send(&request);
        assert_eq!((response.status, response.code().as_str()), (401, "token_missing"));
        assert_eq!(challenges(&response), [r#"Bearer realm="api""#, &dpop], "{response:?}");
    }
    let over_http2 = http2_challenges(fixture.harness.envoy.port);
    assert_eq!(over_http2, [r#"Bearer realm="api""#, &dpop]);
    let required = Fixture::changed("dpop-required", json!({}), |mut config| {
        config.plugin()["providers"]["okta"]["sender_constrained"] = json!("required");
        config
    });
    let response = required.send(&request("GET", "/me"));
    assert_eq!((response.status, challenges(&response)), (401, vec![dpop.as_str()]), "{response:?}");
    required.harness.wait_for_status(&required.harness.user_token(), 401, std::time::Duration::from_secs(20));
    for (name, request) in [
        ("no proof", get("/me").bearer(required.harness.user_token())),
        ("stray proof", get("/me").bearer(required.harness.user_token()).header("dpop", "x")),
    ] {
        let differences = required.differences(&request, &bearer_denial(SenderConstraintRequired));
        assert_eq!(differences, [""; 0], "{name}");
    }
    required.assert_accepted("bound", &required.request(required.proof().compact()));
}

#[test]
fn proof_in_place_of_the_token_is_rejected() {
    let fixture = Fixture::warm("dpop-swapped", json!({}));
    let before = fixture.harness.backend.requests();
    let authorization = format!("DPoP {}", fixture.proof().compact());
    let request = get("/items/1").header("authorization", authorization).header("dpop", &fixture.token);
    let response = fixture.send(&request);
    assert_eq!(response.status, 401, "{response:?}");
    assert!(challenges(&response)[0].starts_with(r#"DPoP realm="api",error="invalid_token""#));
    assert_eq!(fixture.harness.backend.requests(), before);
}
