//! The sign-in page: sessions, and the forms on the way to an authorization response.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;

use super::assurance::{Authentication, Step};
use super::forms;
use super::request::{AuthorizationRequest, Prompt};
use super::responses::{add_header, authorization, error_page};
use super::users::{USER_CODE, USER_PASSWORD, User};
use crate::grants::{CodeBinding, Grant};
use crate::org::Org;
use crate::params::{Params, is_256_bits};
use crate::store::Store;

/// The sessions of users, and the sign-ins that are not complete.
pub(crate) struct SignIns {
    /// The sessions by the value of the session cookie.
    pub sessions: Store<Authentication>,
    transactions: Store<Transaction>,
}

/// A sign-in that is not complete. Its key is a hidden field of the form.
#[derive(Clone)]
struct Transaction {
    request: AuthorizationRequest,
    /// The value of the browser cookie. Another site can submit a form with its own `stateToken`,
    /// but it cannot set this cookie in the user's browser.
    browser: String,
    /// The authentication so far: of the session, or of this sign-in.
    known: Option<Authentication>,
    /// Whether the user entered the password in this sign-in.
    fresh: bool,
    /// The number of wrong passwords and codes.
    failures: u32,
}

impl SignIns {
    /// Makes an empty set.
    pub(crate) fn new() -> Self {
        Self { sessions: Store::new(), transactions: Store::new() }
    }
}

/// Starts a sign-in, or completes the request if the session is sufficient.
pub(crate) fn start(org: &Org, headers: &HeaderMap, request: AuthorizationRequest) -> Response {
    let now = org.now_millis();
    let known = cookie(headers, SESSION).and_then(|id| org.sign_ins().sessions.get(id, now).copied());
    let browser = cookie(headers, BROWSER).filter(|value| is_256_bits(value));
    let browser = browser.map_or_else(|| crate::keys::random_text(32), str::to_owned);
    let transaction = Transaction { request, browser, known, fresh: false, failures: 0 };
    let mut response = proceed(org, headers, None, transaction.clone(), None);
    set_cookie(&mut response, BROWSER, &transaction.browser);
    response
}

/// Handles a submitted form.
pub(crate) async fn submit(State(org): State<Arc<Org>>, headers: HeaderMap, body: Bytes) -> Response {
    let fields = Params::parse(&body).unwrap_or_default();
    let now = org.now_millis();
    let key = fields.get("stateToken").unwrap_or_default();
    let found = org.sign_ins().transactions.get(key, now).cloned();
    let same_browser = |found: &Transaction| cookie(&headers, BROWSER) == Some(found.browser.as_str());
    let Some(mut transaction) = found.filter(same_browser) else {
        let description = "This sign-in has expired, or another browser has started it. \
                           Start again from the application.";
        return error_page(StatusCode::BAD_REQUEST, description);
    };
    let seconds = now.div_euclid(1000);
    let error = match transaction.request.next_step(transaction.known.as_ref(), transaction.fresh, seconds) {
        Step::Password => match user(&fields) {
            Some(user) => {
                transaction.known = Some(Authentication { user, at: seconds, second_factor: false });
                transaction.fresh = true;
                None
            }
            None => Some("Unable to sign in"),
        },
        Step::Code => match &mut transaction.known {
            Some(known) if fields.get("code") == Some(USER_CODE) => {
                known.second_factor = true;
                known.at = seconds;
                transaction.fresh = true;
                None
            }
            _ => Some("Your code doesn't match our records. Please try again."),
        },
        Step::Done | Step::Unmet => None,
    };
    if error.is_some() {
        transaction.failures = transaction.failures.saturating_add(1);
    }
    if transaction.failures >= MAX_FAILURES {
        org.sign_ins().transactions.remove(key);
        let description = "Too many attempts. Start again from the application.";
        return error_page(StatusCode::FORBIDDEN, description);
    }
    proceed(&org, &headers, Some(key), transaction, error.map(|error| (error, fields.get("username"))))
}

/// Returns the user if the fields contain the login name and password.
fn user(fields: &Params) -> Option<&'static User> {
    let user = User::with_login(fields.get("username")?)?;
    (fields.get("password") == Some(USER_PASSWORD)).then_some(user)
}

/// Returns the form of the next step, or the authorization response after the last one. `key` is
/// that of the transaction, unless it starts now.
fn proceed(
    org: &Org,
    headers: &HeaderMap,
    key: Option<&str>,
    transaction: Transaction,
    error: Option<(&str, Option<&str>)>,
) -> Response {
    let now = org.now_millis();
    let request = &transaction.request;
    let step = request.next_step(transaction.known.as_ref(), transaction.fresh, now.div_euclid(1000));
    let fail = |error, description| {
        authorization(&request.target, &[("error", error), ("error_description", description)])
    };
    if let (Step::Done | Step::Unmet, Some(key)) = (step, key) {
        org.sign_ins().transactions.remove(key);
    }
    let known = match (step, transaction.known) {
        (Step::Done, Some(known)) => return complete(org, headers, &transaction, known),
        (Step::Unmet, _) => {
            let description = "The authentication requirements of the request cannot be met.";
            return fail("unmet_authentication_requirements", description);
        }
        (Step::Password | Step::Code | Step::Done, known) => known,
    };
    if request.prompt == Prompt::None {
        let description = "The client specified not to prompt, but the user is not logged in.";
        return fail("login_required", description);
    }
    let status = if error.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    let redirect_uri = request.target.redirect_uri.clone();
    let hint = request.login_hint.clone();
    let key = save(org, key, transaction, now);
    let (error, entered) = error.unzip();
    match (step, known) {
        (Step::Code, Some(known)) => forms::code(status, &key, &redirect_uri, known.user, error),
        _ => {
            let session = known.map(|known| known.user.login);
            let login = entered.flatten().or(hint.as_deref()).or(session).unwrap_or_default();
            forms::password(status, &key, &redirect_uri, login, error)
        }
    }
}

/// Saves the transaction and returns its key.
fn save(org: &Org, key: Option<&str>, transaction: Transaction, now: i64) -> String {
    let mut sign_ins = org.sign_ins();
    if let Some(saved) = key.and_then(|key| sign_ins.transactions.get_mut(key, now)) {
        *saved = transaction;
        return key.unwrap_or_default().to_owned();
    }
    sign_ins.transactions.add(transaction, TRANSACTION_SECONDS, now)
}

/// Returns the authorization response with a code. After a sign-in it also starts a session with a
/// new cookie, so a cookie that was set before has no rights.
fn complete(org: &Org, headers: &HeaderMap, transaction: &Transaction, known: Authentication) -> Response {
    let now = org.now_millis();
    let request = &transaction.request;
    let grant = Grant {
        server: request.server,
        authentication: known,
        acr: request.acr.map(|acr| acr.value),
        scopes: request.scopes.clone(),
        nonce: request.nonce.clone(),
    };
    let binding = CodeBinding {
        redirect_uri: request.target.redirect_uri.clone(),
        challenge: request.code_challenge.clone(),
    };
    let code = org.grants().add_code(grant, binding, now);
    let mut response = authorization(&request.target, &[("code", &code)]);
    if transaction.fresh {
        let mut sign_ins = org.sign_ins();
        if let Some(former) = cookie(headers, SESSION) {
            sign_ins.sessions.remove(former);
        }
        let session = sign_ins.sessions.add(known, SESSION_SECONDS, now);
        set_cookie(&mut response, SESSION, &session);
    }
    response
}

/// Returns the value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(other, _)| *other == name).map(|(_, value)| value)
}

/// Sets a session cookie. `Secure` is missing, because the demo serves browsers over plain HTTP on
/// loopback.
fn set_cookie(response: &mut Response, name: &str, value: &str) {
    add_header(response, header::SET_COOKIE, &format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax"));
}

/// Removes the session cookie from the browser.
pub(crate) fn remove_session_cookie(response: &mut Response) {
    add_header(
        response,
        header::SET_COOKIE,
        &format!("{SESSION}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"),
    );
}

/// The cookie of the session, with Okta's name.
pub(crate) const SESSION: &str = "sid";

/// The cookie that identifies the browser, with Okta's name.
const BROWSER: &str = "DT";

/// The lifetime of a session: Okta's default of two hours.
const SESSION_SECONDS: i64 = 2 * 3600;

/// The time that a user has for the forms: one hour, like Okta's.
const TRANSACTION_SECONDS: i64 = 3600;

/// The number of wrong passwords and codes that end a sign-in.
const MAX_FAILURES: u32 = 5;
