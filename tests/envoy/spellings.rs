//! Other spellings of what the filter looks at, as bytes on the socket: tokens beside a valid one, what rules look at, and
//! credentials that are not the filter's.

use std::io::Write as _;

use serde_json::{Value, json};
use test_support::client::{Request, get, request};
use test_support::config::EnvoyConfig;
use test_support::http2;
use test_support::recorder::Recorder;

use super::setup::Setup;

fn with_sources(mut config: EnvoyConfig) -> EnvoyConfig {
    let plugin = config.plugin();
    plugin["from_headers"] = json!([{ "name": "x-api-token", "value_prefix": "Token " }]);
    plugin["from_cookies"] = json!(["session_token"]);
    plugin["from_params"] = json!(["access_token"]);
    plugin["forward"] = json!(true);
    config
}

#[test]
fn second_token_beside_a_valid_one_never_reaches_the_backend() {
    let setup = Setup::new("second-token", with_sources);
    setup.warm_up();
    let token = setup.user();
    let api = |request: Request| request.header("x-api-token", format!("Token {token}"));
    let cookie = |cookie: &[u8]| api(get("/me")).header("cookie", cookie);
    let before = setup.backend.requests();
    let mut requests = vec![
        api(get("/me")).header("authorization", "Bearer\tx"),
        api(get("/me")).header("authorization", "bearer \t x"),
        api(get("/me")).header("authorization", b"Bearer\xa0x"),
        api(get("/me")).header("authorization", "Basic eA==").header("authorization", "Bearer\tx"),
        api(get("/me")).header("x-api-token", "token x"),
        api(get("/me")).header("x-api-token", "Bearer x"),
        get("/me").bearer(&token).header("x-api-token", "token x"),
        get("/me").bearer(&token).header("X-Api-Token", "x"),
    ];
    for query in [
        "Access_Token=x",
        "a=1;access_token=x",
        "access.token=x",
        "access_token[]=x",
        "access_token%5b%5d=x",
        "access%255ftoken=x",
        "+access_token=x",
        "access_token%00=x",
        "access%5ftoken=x",
    ] {
        requests.push(api(get(format!("/me?{query}"))));
    }
    for value in [
        &b"a=1, session_token=x"[..],
        b"\xa0session_token=BAD",
        b"\x85session_token=BAD",
        b"session_token\xa0=BAD",
        b"session.token=BAD",
        b"session[token=BAD",
        b"session%5Ftoken=BAD",
        b"Session_Token=BAD",
        b"$Version=1; session_token=BAD; $Path=/",
        b"\"session_token\"=BAD",
    ] {
        requests.push(cookie(value));
    }
    for request in &requests {
        let response = setup.send(request);
        assert_eq!(
            (response.status, response.code().as_str()),
            (400, "multiple_credentials"),
            "{response:?}"
        );
    }
    for value in ["token x", "x", "Bearer x"] {
        let response = setup.send(&get("/me").header("x-api-token", value));
        assert_eq!(
            (response.status, response.code().as_str()),
            (400, "credentials_ambiguous"),
            "{response:?}"
        );
    }
    assert_eq!(setup.backend.requests(), before, "none has reached the backend");

    let good = [
        get("/me").header("authorization", format!("Bearer\t{token}")),
        api(get("/me?access_token2=x&q=access_token%3Dx")).header("authorization", "Basic eA=="),
        cookie(b"a=1, b=2; session_token2=x; c=session_token=x"),
    ];
    for request in &good {
        let response = setup.send(request);
        assert_eq!(response.status, 200, "{response:?}");
    }
    setup.assert_alive();
}

#[test]
fn second_token_over_http2_never_reaches_the_backend() {
    let setup = Setup::new("second-token-http2", with_sources);
    setup.warm_up();
    let token = setup.user();
    let (bearer, valid) = (format!("Bearer {token}"), format!("session_token={token}"));
    let send = |path: &str, more: &[http2::Field<'_>], trailers: &[http2::Field<'_>]| {
        let headers = [&http2::get(path)[..], more].concat();
        http2::send(setup.client().port(), &headers, trailers)
    };
    let bearer = ("authorization", bearer.as_bytes());
    let valid = ("cookie", valid.as_bytes());
    for (path, headers) in [
        ("/me", vec![valid, ("cookie", &b"session_token=x"[..])]),
        ("/me", vec![("cookie", b"a=1"), valid, ("cookie", b"\xa0session_token=x")]),
        ("/me", vec![valid, ("cookie", b"a=1, session_token=x")]),
        ("/me", vec![valid, ("authorization", b"Bearer\tx")]),
        ("/me", vec![bearer, ("x-api-token", b"token x")]),
        ("/me?access_token[]=x", vec![bearer]),
        ("/me?%41ccess_token=x", vec![bearer]),
    ] {
        let answer = send(path, &headers, &[]);
        assert_eq!(answer["code"], "multiple_credentials", "{path} {headers:?}: {answer}");
    }
    let answer = send("/me", &[("cookie", b"a=1"), valid, ("cookie", b"b=2")], &[]);
    assert_eq!(answer["path"], "/me", "{answer}");
    // Trailers do not go on over HTTP/1.1, but they must not hold the request back.
    let answer = send("/me", &[bearer], &[("cookie", b"session_token=x; a=1"), ("x-api-token", b"x")]);
    assert_eq!(answer["path"], "/me", "{answer}");
    setup.assert_alive();
}

#[test]
fn trailer_with_a_token_loses_it_where_a_token_was_examined() {
    for path in ["/", "/me"] {
        let recorder = Recorder::start();
        let setup =
            Setup::new("token-trailers", |config| with_sources(config).with_trailers().app(recorder.port()));
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n\
             1\r\nx\r\n0\r\nx-other: stays\r\ncookie: session_token=second; a=kept\r\ncookie: Session_Token=second\r\n\
             x-api-token: Token second\r\nx_api_token: second\r\nx-okta-sub: root\r\n\r\n",
            setup.user()
        );
        let mut stream = setup.client().connect().unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let seen = recorder.request();
        assert!(seen.contains("x-other: stays") && seen.contains("a=kept"), "{path}: {seen}");
        assert_eq!(seen.contains("second"), path == "/", "{path}: {seen}");
        assert!(!seen.contains("root"), "{path}: {seen}");
        assert!(!setup.envoy.has_trapped(), "{}", setup.envoy.log());
    }
}

#[test]
fn deny_rule_cannot_be_passed_by_another_spelling() {
    let text = |name: &str, test: Value| json!([{ "name": name, "string_match": test }]);
    let setup = Setup::new("rule-spellings", |mut config| {
        let exact = || json!({ "exact": "admin" });
        let pattern = || json!({ "safe_regex": ".*admin.*" });
        let rule = |matches: Value| json!({ "match": matches, "deny": true });
        let absent = json!([{ "name": "admin", "present_match": true }]);
        config.plugin()["rules"] = json!([
            rule(json!({ "headers": text("x-tenant", exact()) })),
            rule(json!({ "headers": text("x-role", pattern()) })),
            rule(json!({ "headers": text("user-agent", json!({ "contains": "evil" })) })),
            rule(json!({ "query_parameters": text("r", pattern()) })),
            rule(json!({ "query_parameters": absent })),
            { "match": {}, "public": true },
        ]);
        config
    });
    let before = setup.backend.requests();
    let tenant = |value: &[u8]| get("/").header("x-tenant", value);
    let headers = [
        tenant(b"admin").header("x-tenant", "admin"),
        tenant(b"user").header("X-Tenant", "admin"),
        tenant(b"admin,"),
        tenant(b",admin"),
        tenant(b"user, admin"),
        tenant(b"admin\xff"),
        get("/").header("x_tenant", "admin"),
        get("/").header("x.tenant", "admin"),
        tenant(b"user").header("x_tenant", "admin"),
        get("/").header("x-role", b"admin\xff"),
        get("/").header("x-role", b"\xc3admin"),
        get("/").header("user_agent", "evil"),
    ];
    for request in &headers {
        let response = setup.send(request);
        assert_eq!((response.status, response.code().as_str()), (400, "header_ambiguous"), "{response:?}");
    }
    for query in [
        "r=admin%ff",
        "r=admin%00",
        "r=admin%0a",
        "r=admin+",
        "r=a&r=admin",
        "R=admin",
        "r[]=admin",
        "r;x=admin",
        "x=1;r=admin",
        "admin[]=1",
        "admin[0]=1",
        "+admin=1",
        "admin%00=1",
        "admin%20=1",
        "Admin",
        "%20admin",
        "[admin]=1",
        "admin.0=1",
        "admin%c2%a0=1",
        "%ffadmin",
        "ad%6Din&admin",
        "%2561dmin=1",
    ] {
        let response = setup.send(&get(format!("/?{query}")));
        assert_eq!(
            (response.status, response.code().as_str()),
            (400, "query_ambiguous"),
            "{query}: {response:?}"
        );
    }
    for denied in [tenant(b"admin"), get("/").header("x-role", "admin"), get("/?r=%61dmin"), get("/?admin=1")]
    {
        assert_eq!(setup.send(&denied).code(), "token_missing");
    }
    let two = [&http2::get("/")[..], &[("x-tenant", &b"user"[..]), ("x-tenant", b"admin")]].concat();
    assert_eq!(http2::send(setup.client().port(), &two, &[])["code"], "header_ambiguous");
    assert_eq!(setup.backend.requests(), before, "none has reached the backend");

    for allowed in [
        get("/"),
        tenant(b"user"),
        tenant("\u{e9}".as_bytes()),
        get("/").header("x-other", "a,b").header("x-other", b"\xff").header("x-tenant-id", "admin"),
        get("/")
            .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"),
        get("/?rr=admin&x=1;y=2&x=%ff&x=3&admins=1&x[r]=1&administrator=1"),
    ] {
        let response = setup.send(&allowed);
        assert_eq!(response.status, 200, "{response:?}");
    }
}

#[test]
fn credentials_stay_where_no_token_is_examined() {
    let setup = Setup::new("foreign-credentials", |config| {
        let mut config = with_sources(config);
        let plugin = config.plugin();
        plugin["forward"] = json!(false);
        plugin["bypass_cors_preflight"] = json!(true);
        plugin["route_policies"] = json!({ "open": { "public": true } });
        plugin["rules"] = json!([
            { "match": { "prefix": "/open" }, "public": true },
            { "match": { "prefix": "/optional" }, "requires": {}, "mode": "optional" },
            { "match": {}, "requires": {} },
        ]);
        config.manager()["route_config"]["virtual_hosts"][0]["routes"] = json!([
            { "match": { "prefix": "/by-route" }, "route": { "cluster": "app" },
              "metadata": { "filter_metadata": { "okta_authz": { "policy": "open" } } } },
            { "match": { "prefix": "/" }, "route": { "cluster": "app" } },
        ]);
        config
    });
    setup.warm_up();
    let preflight = |path: &str| {
        request("OPTIONS", path).header("origin", "https://a").header("access-control-request-method", "GET")
    };
    for authorization in [
        "Basic dXNlcjpwYXNz",
        "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x-amz-date, Signature=c",
        "Digest username=\"a\", realm=\"b\"",
    ] {
        for (request, path) in [
            (get("/open?token=code&access_token=code"), "/open?token=code&access_token=code"),
            (get("/by-route?access_token=code"), "/by-route?access_token=code"),
            (get("/optional?q=1"), "/optional?q=1"),
            (preflight("/any?access_token=code"), "/any?access_token=code"),
        ] {
            let sent = request.header("authorization", authorization);
            let seen = setup.send(&sent).json();
            assert_eq!(seen["headers"]["authorization"], json!([authorization]), "{path}: {seen}");
            assert_eq!(seen["path"], path);
        }
    }
    let seen = setup.send(&get("/open").bearer("foreign").header("cookie", "session_token=1; a=2")).json();
    assert_eq!(seen["headers"]["authorization"], json!(["Bearer foreign"]));
    assert_eq!(seen["headers"]["cookie"], json!(["session_token=1; a=2"]));
    assert_eq!(setup.send(&get("/optional").bearer("foreign")).status, 401);

    let token = setup.user();
    for path in ["/me", "/optional"] {
        let seen = setup.send(&get(path).bearer(&token).header("cookie", "a=2")).json();
        assert_eq!(seen["headers"].get("authorization"), None, "{path}: examined, and `forward` is false");
        assert_eq!(seen["headers"]["cookie"], json!(["a=2"]));
    }
    setup.assert_alive();
}
