//! The sign-in of FastAPI's `/docs`: the page's own client gets a token at the stand-in and calls
//! the API through Envoy.

use serde_json::{Value, json};
use stand_in_okta::{BROWSER_CLIENT_ID, DOCS_CALLBACK, Endpoint, Options, Server, StandIn, USER_PASSWORD};
use test_support::backend::Backend;
use test_support::client::{Client, Response, get, request};
use test_support::envoy::Envoy;
use test_support::fastapi::FastApi;

use super::harness::reference_config;

/// The origin of `make up`, which the stand-in has registered.
const ORIGIN: &str = "http://localhost:10000";
/// The pair of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A user of `/docs`.
struct Docs<'a> {
    api: Client,
    okta: &'a StandIn,
    client_id: String,
    authorize_path: String,
    token_path: String,
}

impl<'a> Docs<'a> {
    /// Reads the page and its OpenAPI document through Envoy, without a token.
    fn open(envoy: &Envoy, okta: &'a StandIn) -> Self {
        let api = envoy.client();
        let page = api.get("/docs");
        assert_eq!(page.status, 200, "{page:?}");
        let (_, call) = page.body.split_once("ui.initOAuth(").expect("the page starts the OAuth client");
        let settings = serde_json::Deserializer::from_str(call).into_iter::<Value>().next().unwrap().unwrap();
        assert_eq!(settings["usePkceWithAuthorizationCodeGrant"], true);
        assert_eq!(settings["clientId"], BROWSER_CLIENT_ID);
        assert!(page.body.contains(&format!("window.location.origin + '{DOCS_CALLBACK}'")), "{}", page.body);

        let document = api.get("/openapi.json").json();
        let schemes = &document["components"]["securitySchemes"];
        assert_eq!(schemes["HTTPBearer"]["scheme"], "bearer");
        let flow = &schemes["OAuth2AuthorizationCodeBearer"]["flows"]["authorizationCode"];
        let scopes: Vec<&String> = flow["scopes"].as_object().unwrap().keys().collect();
        assert_eq!(scopes, ["items:read", "items:write", "openid", "profile"]);
        for (path, method) in [("/me", "get"), ("/items", "get"), ("/items", "post"), ("/admin", "get")] {
            let either = json!([{ "OAuth2AuthorizationCodeBearer": [] }, { "HTTPBearer": [] }]);
            assert_eq!(document["paths"][path][method]["security"], either, "{method} {path}");
        }
        let origin = format!("http://localhost:{}", okta.http_port());
        let path = |name: &str| flow[name].as_str().unwrap().strip_prefix(&origin).unwrap().to_owned();
        Self {
            api,
            okta,
            client_id: settings["clientId"].as_str().unwrap().to_owned(),
            authorize_path: path("authorizationUrl"),
            token_path: path("tokenUrl"),
        }
    }

    /// Signs the user in for these scopes, and returns the access token.
    fn sign_in(&self, login: &str, scopes: &str) -> String {
        let okta = Client::new(self.okta.http_port());
        let redirect_uri = percent_encoded(&format!("{ORIGIN}{DOCS_CALLBACK}"));
        let query = format!(
            "response_type=code&client_id={}&redirect_uri={redirect_uri}&scope={}&state=docs\
             &code_challenge={CHALLENGE}&code_challenge_method=S256",
            self.client_id,
            percent_encoded(scopes)
        );
        let form = okta.get(&format!("{}?{query}", self.authorize_path));
        let cookie = form.header("set-cookie").and_then(|cookie| cookie.split(';').next()).unwrap();
        let (_, state_token) = form.body.split_once(r#"name="stateToken" value=""#).unwrap();
        let state_token = state_token.split('"').next().unwrap();
        let body =
            format!("stateToken={state_token}&username={}&password={USER_PASSWORD}", percent_encoded(login));
        let redirect = okta.send(&request("POST", "/signin").header("cookie", cookie).body(body));
        let location = redirect.header("location").unwrap_or_else(|| panic!("{redirect:?}"));
        let callback = location.strip_prefix(ORIGIN).unwrap();
        // Swagger UI's page receives the code. It is public, because the user has no token yet.
        let page = self.api.send(&get(callback).header("host", "localhost:10000"));
        assert!(page.status == 200 && page.body.contains("swaggerUIRedirectOauth2"), "{page:?}");
        let query = callback.strip_prefix(&format!("{DOCS_CALLBACK}?")).unwrap();
        let code = query.split('&').find_map(|pair| pair.strip_prefix("code=")).unwrap();
        let body = format!(
            "grant_type=authorization_code&code={code}&client_id={}&redirect_uri={redirect_uri}\
             &code_verifier={VERIFIER}",
            self.client_id
        );
        let response = okta.send(&request("POST", &self.token_path).header("origin", ORIGIN).body(body));
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.header("access-control-allow-origin"), Some(ORIGIN), "the page may read it");
        response.json()["access_token"].as_str().unwrap().to_owned()
    }

    fn call(&self, path: &str, token: &str) -> Response {
        self.api.send(&get(path).bearer(token))
    }
}

/// Encodes the characters that URIs and scopes contain.
fn percent_encoded(text: &str) -> String {
    text.replace('%', "%25").replace(':', "%3A").replace('/', "%2F").replace('@', "%40").replace(' ', "%20")
}

#[test]
fn user_of_docs_signs_in_and_calls_the_api() {
    let okta = StandIn::start(Options::default());
    let issuer = format!("http://localhost:{}/oauth2/default", okta.http_port());
    let (app, backend) = (FastApi::start_with_issuer(&issuer), Backend::start());
    let envoy = Envoy::start("docs-login", &reference_config("docs-login", &okta, &backend).app(app.port()));
    let docs = Docs::open(&envoy, &okta);

    let joe = docs.sign_in("joe.user@example.com", "openid profile items:read");
    let me = docs.call("/me", &joe).json();
    assert_eq!((&me["sub"], &me["cid"]), (&json!("joe.user@example.com"), &json!(BROWSER_CLIENT_ID)));
    assert_eq!(me["scopes"], json!(["openid", "profile", "items:read"]));
    assert_eq!(docs.call("/items", &joe).status, 200);
    assert_eq!(docs.call("/admin", &joe).code(), "requirement_not_met");
    let item = |token: &str| {
        let item = request("POST", "/items").header("content-type", "application/json");
        docs.api.send(&item.body(r#"{"name":"lamp"}"#).bearer(token))
    };
    assert_eq!(item(&joe).code(), "insufficient_scope");

    let ada = docs.sign_in("ada.admin@example.com", "items:write");
    assert_eq!(docs.call("/admin", &ada).json(), json!({ "message": "Hello, ada.admin@example.com" }));
    assert_eq!(item(&ada).json()["created_by"], "00uada7Kq3nBvTz5W0g7");
    assert_eq!(docs.call("/items", &ada).code(), "insufficient_scope");
    assert_eq!(okta.requests(Server::Default, Endpoint::Authorize), 2);
}
