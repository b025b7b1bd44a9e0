//! Responses to a browser: authorization responses and pages.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value, json};

use super::app::origin_of;
use super::request::{ResponseMode, Target};
use crate::keys::random_text;

/// Returns an authorization response with these parameters and the client's `state`.
pub(crate) fn authorization(target: &Target, params: &[(&str, &str)]) -> Response {
    let state = target.state.as_deref().map(|state| ("state", state));
    let params = params.iter().copied().chain(state);
    let uri = &target.redirect_uri;
    match target.mode {
        ResponseMode::PostMessage => post_message(uri, params),
        ResponseMode::Query => redirect(&with_query(uri, params)),
        ResponseMode::Fragment => redirect(&format!("{uri}#{}", encoded(params))),
    }
}

/// Returns a URI with these parameters in its query, which it may have already.
pub(crate) fn with_query<'a>(uri: &str, params: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let separator = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{separator}{}", encoded(params))
}

fn encoded<'a>(params: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

/// Returns a redirect with Okta's status. Browsers follow it with GET.
pub(crate) fn redirect(location: &str) -> Response {
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, NO_STORE)];
    (StatusCode::FOUND, headers).into_response()
}

/// Returns a page. Its form may lead to the stand-in and to the origin of this redirect URI:
/// browsers apply `form-action` to the redirect after the form too.
pub(crate) fn page(
    status: StatusCode,
    title: &str,
    redirect_uri: Option<&str>,
    content: &Markup,
) -> Response {
    let body = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " - Stand-in Okta" }
                link rel="stylesheet" href="/signin/style.css";
            }
            body {
                main {
                    p.brand { "stand-in okta" }
                    h1 { (title) }
                    (content)
                }
            }
        }
    };
    let action = redirect_uri.map(origin_of).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {action}; base-uri 'none'; frame-ancestors 'none'"
    );
    document(status, body, &policy)
}

/// Returns a page for an error that must not go to the client.
pub(crate) fn error_page(status: StatusCode, description: &str) -> Response {
    let content = html! { p role="alert" { (description) } };
    page(status, &status.to_string(), None, &content)
}

/// Returns a page that sends the parameters to the window which opened it, if its origin is that of
/// the redirect URI.
fn post_message<'a>(redirect_uri: &str, params: impl Iterator<Item = (&'a str, &'a str)>) -> Response {
    let origin = origin_of(redirect_uri);
    let message: Map<String, Value> =
        params.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    let script = format!(
        "(window.opener || window.parent).postMessage({}, {});",
        in_script(&Value::Object(message)),
        in_script(&json!(origin))
    );
    let nonce = random_text(16);
    let body = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "Stand-in Okta" } }
            body { script nonce=(nonce) { (PreEscaped(script)) } }
        }
    };
    let policy =
        format!("default-src 'none'; script-src 'nonce-{nonce}'; base-uri 'none'; frame-ancestors {origin}");
    document(StatusCode::OK, body, &policy)
}

/// Returns JSON for a script element. The element ends at the first `</script`, also within a
/// string.
fn in_script(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

fn document(status: StatusCode, body: Markup, policy: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, NO_STORE),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The URL of an authorization request contains `state` and `login_hint`.
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let mut response = (status, headers, body.into_string()).into_response();
    add_header(&mut response, header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// Adds a header. Every value here is ASCII without control characters.
pub(crate) fn add_header(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().append(name, value);
    }
}

/// The style sheet of the pages.
pub(crate) const STYLE: &str = include_str!("style.css");

const NO_STORE: &str = "no-cache, no-store";
