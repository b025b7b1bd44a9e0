//! Which responses a script of another origin may read (CORS).

use stand_in_okta::{BrowserApp, Options, StandIn};

use crate::browser::authorize_path;
use crate::client::{Reply, send, shared};

const TRUSTED: &str = "http://localhost:8081";
/// An endpoint and its method.
const READABLE: [(&str, &str); 8] = [
    ("GET", "/oauth2/default/.well-known/openid-configuration"),
    ("GET", "/oauth2/default/.well-known/oauth-authorization-server"),
    ("GET", "/.well-known/openid-configuration"),
    ("GET", "/oauth2/default/v1/keys"),
    ("POST", "/oauth2/default/v1/token"),
    ("POST", "/oauth2/default/v1/revoke"),
    ("GET", "/oauth2/default/v1/userinfo"),
    ("POST", "/oauth2/default/v1/introspect"),
];

fn request(method: &str, path: &str, origin: &str) -> Reply {
    send(shared(), method, path, &[("origin", origin)], "")
}

fn preflight(path: &str, origin: &str, method: &str) -> Reply {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", method),
        ("access-control-request-headers", "authorization,content-type,x-okta-user-agent-extended"),
    ];
    send(shared(), "OPTIONS", path, &headers, "")
}

#[test]
fn response_to_a_trusted_origin_is_readable_also_if_it_is_an_error() {
    for (method, path) in READABLE {
        for origin in [TRUSTED, "http://127.0.0.1:8081", "http://localhost:10000"] {
            let reply = request(method, path, origin);
            assert_eq!(reply.header("access-control-allow-origin"), Some(origin), "{path}");
            assert_eq!(reply.header("access-control-allow-credentials"), None, "{path}");
            assert!(reply.headers("vary").join(",").to_ascii_lowercase().contains("origin"), "{path}");
        }
        let reply = preflight(path, TRUSTED, method);
        assert_eq!(
            (reply.status, reply.header("access-control-allow-origin")),
            (200, Some(TRUSTED)),
            "{path}"
        );
        assert_eq!(reply.header("access-control-allow-methods"), Some("GET,POST"), "{path}");
        let allowed = reply.header("access-control-allow-headers").unwrap();
        for name in ["authorization", "content-type", "x-okta-user-agent-extended", "x-requested-with"] {
            assert!(allowed.split(',').any(|other| other == name), "{name}: {allowed}");
        }
    }
}

#[test]
fn response_to_another_origin_is_not_readable() {
    let foreign = ["http://evil.example", "http://localhost:8082", "https://localhost:8081", "null"];
    for (method, path) in READABLE {
        for origin in foreign {
            for reply in [request(method, path, origin), preflight(path, origin, method)] {
                assert_eq!(reply.header("access-control-allow-origin"), None, "{origin} {path}");
            }
        }
    }
}

#[test]
fn pages_for_the_user_are_not_readable() {
    let authorize = authorize_path(&[]);
    for path in [authorize.as_str(), "/oauth2/default/v1/logout", "/signin/style.css"] {
        let reply = request("GET", path, TRUSTED);
        assert_eq!(reply.header("access-control-allow-origin"), None, "{path}");
        assert_eq!(preflight(path, TRUSTED, "GET").header("access-control-allow-origin"), None, "{path}");
    }
}

#[test]
fn origins_are_those_of_the_options() {
    let app = BrowserApp::unregistered().at("http://localhost:3000");
    let okta = StandIn::start(Options { app, ..Options::default() });
    let read = |origin| {
        let reply = send(&okta, "GET", "/oauth2/default/v1/keys", &[("origin", origin)], "");
        reply.header("access-control-allow-origin").is_some()
    };
    assert!(read("http://localhost:3000") && !read(TRUSTED));
    let authorize = |uri: &str| send(&okta, "GET", &authorize_path(&[("redirect_uri", uri)]), &[], "").status;
    assert_eq!(authorize("http://localhost:3000/login/callback"), 200);
    assert_eq!(authorize("http://localhost:3000/docs/oauth2-redirect"), 200);
    assert_eq!(authorize("http://localhost:8081/login/callback"), 400);
}
