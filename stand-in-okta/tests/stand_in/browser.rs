//! A browser at the stand-in: it keeps cookies, fills in the forms and reads redirects. It also
//! knows the parameters of a single-page app.

use std::cell::RefCell;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::sha2::{Digest as _, Sha256};
use serde_json::Value;
use stand_in_okta::{BROWSER_CLIENT_ID, StandIn, USER_CODE, USER_PASSWORD};

use crate::client::{Reply, json_of, parts, post, send};

pub const AUTHORIZE: &str = "/oauth2/default/v1/authorize";
pub const TOKEN: &str = "/oauth2/default/v1/token";
pub const REDIRECT_URI: &str = "http://localhost:8081/login/callback";
pub const JOE: &str = "joe.user@example.com";
pub const ADA: &str = "ada.admin@example.com";
pub const GUY: &str = "guy.guest@example.com";
/// 43 characters, the minimum of RFC 7636.
pub const VERIFIER: &str = "M25iVXpKU3puUjFaYWg3T1NDTDQtcW1ROUY5YXlwalN";

pub struct Browser<'a> {
    okta: &'a StandIn,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub fn new(okta: &'a StandIn) -> Self {
        Self { okta, cookies: RefCell::default() }
    }

    pub fn get(&self, path: &str) -> Reply {
        self.exchange("GET", path, "")
    }

    pub fn post(&self, path: &str, form: &str) -> Reply {
        self.exchange("POST", path, form)
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> Reply {
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let reply = send(self.okta, method, path, &[("cookie", &cookies.join("; "))], body);
        for line in reply.headers("set-cookie") {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            assert!(line.ends_with("; Path=/; HttpOnly; SameSite=Lax") || line.ends_with("; Max-Age=0"));
            self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
        }
        reply
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).filter(|value| !value.is_empty()).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// Sends an authorization request with these parameters beside the default ones.
    pub fn authorize(&self, changes: &[(&str, &str)]) -> Reply {
        self.get(&authorize_path(changes))
    }

    /// Submits login name and password on this page.
    pub fn enter_password(&self, page: &Reply, login: &str) -> Reply {
        self.submit(page, &[("username", login), ("password", USER_PASSWORD)])
    }

    /// Submits the code of the second factor on this page.
    pub fn enter_code(&self, page: &Reply) -> Reply {
        self.submit(page, &[("code", USER_CODE)])
    }

    pub fn submit(&self, page: &Reply, fields: &[(&str, &str)]) -> Reply {
        let token = [("stateToken", state_token(page))];
        self.post("/signin", &form(&[&token, fields].concat()))
    }

    /// Signs in for these parameters and returns the code.
    pub fn code(&self, login: &str, changes: &[(&str, &str)]) -> String {
        let page = self.authorize(changes);
        assert_eq!(page.status, 200, "{page:?}");
        code_of(&self.enter_password(&page, login))
    }

    /// Signs in with these scopes and returns the token response.
    pub fn tokens(&self, login: &str, scope: &str) -> Value {
        exchange(self.okta, &self.code(login, &[("scope", scope)]))
    }
}

/// Returns the path of an authorization request. An empty value removes a parameter.
pub fn authorize_path(changes: &[(&str, &str)]) -> String {
    let challenge = challenge(VERIFIER);
    let mut params: BTreeMap<&str, &str> = BTreeMap::from([
        ("client_id", BROWSER_CLIENT_ID),
        ("redirect_uri", REDIRECT_URI),
        ("response_type", "code"),
        ("scope", "openid profile items:read"),
        ("state", "a state/&="),
        ("nonce", "a nonce"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ]);
    params.extend(changes.iter().copied());
    let params: Vec<(&str, &str)> = params.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    format!("{AUTHORIZE}?{}", form(&params))
}

pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

pub fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub fn state_token(page: &Reply) -> &str {
    let rest = page.body.split_once(r#"name="stateToken" value=""#).unwrap_or_else(|| panic!("{page:?}")).1;
    rest.split_once('"').unwrap().0
}

/// Returns the parameters of a redirect to this URI with a query.
pub fn query_of(reply: &Reply, redirect_uri: &str) -> BTreeMap<String, String> {
    assert_eq!(reply.status, 302, "{reply:?}");
    let location = reply.header("location").unwrap();
    let query = location.strip_prefix(redirect_uri).and_then(|rest| rest.strip_prefix('?'));
    decode(query.unwrap_or_else(|| panic!("{location}")))
}

pub fn decode(query: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

pub fn code_of(reply: &Reply) -> String {
    query_of(reply, REDIRECT_URI).remove("code").unwrap_or_else(|| panic!("{reply:?}"))
}

/// Returns `error` of a redirect.
pub fn error_of(reply: &Reply) -> String {
    let query = query_of(reply, REDIRECT_URI);
    assert_eq!(query["state"], "a state/&=");
    assert!(!query["error_description"].is_empty());
    query["error"].clone()
}

/// Returns the body of a token request for a code, with these changes to its parameters.
pub fn token_form(code: &str, changes: &[(&str, &str)]) -> String {
    let mut fields = BTreeMap::from([
        ("grant_type", "authorization_code"),
        ("client_id", BROWSER_CLIENT_ID),
        ("redirect_uri", REDIRECT_URI),
        ("code", code),
        ("code_verifier", VERIFIER),
    ]);
    fields.extend(changes.iter().copied());
    form(&fields.into_iter().collect::<Vec<_>>())
}

/// Sends a token request for a code, with these changes to its parameters.
pub fn exchange_with(okta: &StandIn, code: &str, changes: &[(&str, &str)]) -> Reply {
    post(okta, TOKEN, "", &token_form(code, changes))
}

pub fn exchange(okta: &StandIn, code: &str) -> Value {
    let reply = exchange_with(okta, code, &[]);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// Returns the payload of the token with this name in a token response.
pub fn claims(tokens: &Value, name: &str) -> Value {
    json_of(&parts(tokens[name].as_str().unwrap())[1])
}
