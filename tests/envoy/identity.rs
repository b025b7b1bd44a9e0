//! What the backend and the access log learn, and that nobody but the filter can tell them.

use std::io::Write as _;

use serde_json::json;
use stand_in_okta::TokenSpec;
use test_support::client::get;
use test_support::recorder::Recorder;

use super::setup::Setup;

const SPOOFED: [&str; 6] =
    ["x-okta-sub", "X-Okta-Sub", "x_okta_sub", "x-okta_sub", "x.okta.sub", "x~okta~sub"];

#[test]
fn what_the_client_says_of_itself_never_arrives() {
    let setup = Setup::new("spoofing", |config| config);
    setup.warm_up();
    let token = setup.user();
    for path in ["/", "/me"] {
        let mut request = get(path).bearer(&token).header("x-other", "stays");
        for name in SPOOFED {
            request = request.header(name, "root").header(name, "admin");
        }
        // The machine claims that the token lacks must not be filled in by the client, either.
        let response = setup.send(&request.header("x-okta-groups", "[\"Admins\"]"));
        assert_eq!(response.status, 200, "{path}: {response:?}");
        let seen = response.json();
        let headers = seen["headers"].as_object().unwrap();
        let expected = if path == "/" { None } else { Some("[\"joe.user@example.com\"]".to_owned()) };
        assert_eq!(headers.get("x-okta-sub").map(ToString::to_string), expected, "{path}");
        assert!(!headers.keys().any(|name| name.contains(['_', '.', '~'])), "{path}: {headers:?}");
        assert!(
            !response.body.contains("root") && !response.body.contains("Admins"),
            "{path}: {}",
            response.body
        );
        // `forward` is false; on the public path the filter has not examined the token.
        assert_eq!(headers.contains_key("authorization"), path == "/", "{path}");
        assert_eq!(headers["x-other"][0], "stays");
    }
}

#[test]
fn trailers_say_no_more_than_headers_may() {
    for path in ["/", "/me"] {
        let recorder = Recorder::start();
        let setup = Setup::new("trailers", |config| config.with_trailers().app(recorder.port()));
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n\
             1\r\nx\r\n0\r\nx-other: stays\r\nX-Okta-Sub: root\r\nx_okta_groups: root\r\nauthorization: Bearer second\r\n\r\n",
            setup.user()
        );
        let mut stream = setup.client().connect().unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let seen = recorder.request();
        assert!(seen.contains("x-other: stays") || seen.contains("x-other:stays"), "{path}: {seen}");
        assert!(!seen.contains("root"), "{path}: {seen}");
        assert_eq!(seen.contains("second"), path == "/", "{path}: {seen}");
        assert!(!setup.envoy.has_trapped(), "{}", setup.envoy.log());
    }
}

#[test]
fn connection_does_not_name_identity_headers() {
    let recorder = Recorder::start();
    let setup = Setup::new("nominated", |mut config| {
        config.manager()["upgrade_configs"] = serde_json::json!([{ "upgrade_type": "websocket" }]);
        config.app(recorder.port())
    });
    let request = format!(
        "GET /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nupgrade: websocket\r\n\
         connection: Upgrade, x-okta-sub, X_Okta_Groups\r\n\r\n",
        setup.user()
    );
    let mut stream = setup.client().connect().unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let seen = recorder.request();
    assert!(seen.contains("x-okta-sub: joe.user@example.com"), "{seen}");
    let connection = seen.lines().find(|line| line.starts_with("connection:")).unwrap();
    assert_eq!(connection.trim_end(), "connection: upgrade", "{seen}");
}

#[test]
fn a_claim_that_the_token_lacks_is_no_header() {
    let setup = Setup::new("machine-identity", |config| config);
    setup.warm_up();
    let token = setup.mint(&TokenSpec::machine().claim("sub", "a\r\nx-okta-groups: root\u{e9}%"));
    let response = setup.send(&get("/me").bearer(&token).header("x-okta-uid", "00u-root"));
    assert_eq!(response.status, 200, "{response:?}");
    let seen = response.json();
    assert_eq!(seen["headers"]["x-okta-sub"][0], "a%0D%0Ax-okta-groups: root%C3%A9%25");
    assert_eq!(seen["headers"]["x-okta-scopes"][0], "[\"items:read\"]");
    assert!(
        seen["headers"].get("x-okta-uid").is_none() && seen["headers"].get("x-okta-groups").is_none(),
        "{seen}"
    );
}

#[test]
fn forward_hands_the_token_on() {
    let setup = Setup::new("forward", |mut config| {
        config.plugin()["forward"] = true.into();
        config
    });
    setup.warm_up();
    let token = setup.user();
    let response = setup.send(&get("/me").bearer(&token));
    assert_eq!(response.json()["headers"]["authorization"][0], format!("Bearer {token}"));
}

#[test]
fn the_payload_arrives_as_it_was_signed_and_nobody_else_s() {
    let setup = Setup::new("payload", |mut config| {
        config.plugin()["forward_payload_header"] = "x-jwt-payload".into();
        config
    });
    setup.warm_up();
    let spec = TokenSpec::user()
        .claim("name", "caf\u{e9}\r\nx-okta-sub: root")
        .claim("list", json!([{ "a": [1, "\u{e9}"] }]));
    let token = setup.mint(&spec);
    for (path, expected) in [("/me", token.split('.').nth(1)), ("/", None)] {
        let spoofed = get(path).bearer(&token).header("x-jwt-payload", "e30").header("X_Jwt_Payload", "e30");
        let response = setup.send(&spoofed.header("x-jwt-payload", "root"));
        assert_eq!(response.status, 200, "{path}: {response:?}");
        let headers = response.json()["headers"].clone();
        assert_eq!(headers.get("x-jwt-payload"), expected.map(|payload| json!([payload])).as_ref(), "{path}");
        assert!(
            headers.get("x_jwt_payload").is_none() && !response.body.contains("root"),
            "{path}: {headers}"
        );
    }
}

#[test]
fn every_kind_of_claim_arrives_in_one_header() {
    let setup = Setup::new("claims", |mut config| {
        let header = |name: &str| json!({ "header_name": format!("x-{name}"), "claim_name": name });
        config.plugin()["claim_to_headers"] = json!(["list", "object", "number", "text"].map(header));
        config
    });
    setup.warm_up();
    let spec = TokenSpec::user()
        .claim("list", json!(["a,b", "\u{e9}", "\r\nx-number: 2", 1.5, null]))
        .claim("object", json!({ "k\u{1f600}": { "\"": true } }))
        .claim("number", 7)
        .claim("text", " 100% caf\u{e9}\r\nx-number: 2\u{0} ");
    let headers = setup.send(&get("/me").bearer(setup.mint(&spec))).json()["headers"].clone();
    for (name, expected) in [
        ("x-list", r#"["a,b","\u00e9","\r\nx-number: 2",1.5,null]"#),
        ("x-object", r#"{"k\ud83d\ude00":{"\"":true}}"#),
        ("x-number", "7"),
        ("x-text", "%20100%25 caf%C3%A9%0D%0Ax-number: 2%00%20"),
    ] {
        assert_eq!(headers[name], json!([expected]), "{name}");
    }
}

#[test]
fn access_logs_have_the_decision_and_never_a_token() {
    let path = test_support::scratch("access-log").join("access.log");
    let _ = std::fs::remove_file(&path);
    let setup = Setup::new("access-log", |config| config.access_log(&path));
    setup.warm_up();
    let (good, expired) = (setup.user(), setup.mint(&TokenSpec::user().lifetime(-120)));
    setup.send(&get("/me?x=1").bearer(&good));
    setup.send(&get("/me").bearer(&expired));
    setup.send(&get("/"));
    let wanted = [
        "/me 200 via_upstream decision=allow code=allowed sub=joe.user@example.com cid=",
        "/me 401 okta_authz{token_expired} decision=deny code=token_expired sub=- cid=-",
        "/ 200 via_upstream decision=allow code=public sub=- cid=-",
    ];
    let mut log = String::new();
    // Envoy writes its access log when a second has passed.
    for _ in 0..100 {
        log = std::fs::read_to_string(&path).unwrap_or_default();
        if wanted.iter().all(|line| log.contains(line)) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    for line in wanted {
        assert!(log.contains(line), "{line} in:\n{log}");
    }
    let everything = log + &setup.envoy.log();
    for token in [&good, &expired] {
        for segment in token.split('.') {
            assert!(!everything.contains(segment), "a segment of a token is in a log");
        }
    }
}

#[test]
fn a_claim_with_spaces_injects_no_field_into_the_access_log() {
    let log = test_support::scratch("injected").join("access.log");
    let setup = Setup::new("injected", |config| config.access_log(&log));
    setup.warm_up();
    let forged = "joe code=public sub=root";
    let token = setup.mint(&TokenSpec::user().claim("sub", forged).claim("cid", format!("{forged} \"")));
    let response = setup.send(&get("/me").bearer(&token));
    assert_eq!(response.json()["headers"]["x-okta-sub"][0], forged, "a header keeps its spaces");
    let written = || std::fs::read_to_string(&log).unwrap_or_default();
    for _ in 0..100 {
        if written().contains("root") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let written = written();
    let line = written.lines().find(|line| line.contains("root")).expect("the request is in the log");
    let fields = |name: &str| line.split(' ').filter(|field| field.starts_with(name)).collect::<Vec<_>>();
    assert_eq!(fields("code="), ["code=allowed"], "{line}");
    assert_eq!(fields("sub="), ["sub=joe%20code=public%20sub=root"], "{line}");
    assert_eq!(fields("cid="), ["cid=joe%20code=public%20sub=root%20%22"], "{line}");
}
