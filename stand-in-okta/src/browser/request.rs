//! Authorization requests (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1) and their
//! checks, with Okta's error codes.

use super::app::{BROWSER_CLIENT_ID, BrowserApp};
use super::assurance::Acr;
use crate::params::{Params, is_256_bits};
use crate::servers::Server;

/// How the authorization endpoint returns its response to the client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// In the fragment of the redirect URI.
    Fragment,
    /// As a message to the window that opened the endpoint.
    PostMessage,
}

/// The destination of an authorization response.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The registered redirect URI.
    pub redirect_uri: String,
    /// The form of the response.
    pub mode: ResponseMode,
    /// The client's `state`, which the response repeats.
    pub state: Option<String>,
}

/// The value of `prompt`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Prompt {
    /// The user signs in only if the session is not sufficient.
    IfNecessary,
    /// The server shows no page.
    None,
    /// The user signs in again.
    Login,
}

/// A valid authorization request.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationRequest {
    /// The server that will issue the tokens.
    pub server: Server,
    /// The destination of the response.
    pub target: Target,
    /// The requested scopes.
    pub scopes: Vec<String>,
    /// The client's `nonce`, for the ID token.
    pub nonce: Option<String>,
    /// The PKCE challenge of method `S256`.
    pub code_challenge: String,
    /// Whether the server may show a page.
    pub prompt: Prompt,
    /// The maximum age of the authentication in seconds.
    pub max_age: Option<i64>,
    /// The requested authentication context class.
    pub acr: Option<Acr>,
    /// The login name for the form.
    pub login_hint: Option<String>,
}

/// An authorization request that the server rejects.
pub(crate) enum Rejection {
    /// A page for the user. The server never redirects to an address that is not registered.
    Page(String),
    /// An error for the client, with `error` and `error_description`.
    Client(Target, &'static str, String),
}

impl AuthorizationRequest {
    /// Reads and checks the parameters of a request. First the client and its redirect URI, because
    /// all other errors go to the redirect URI.
    pub(crate) fn read(server: Server, app: &BrowserApp, query: &str) -> Result<Self, Rejection> {
        let params = Params::parse(query.as_bytes()).map_err(|name| {
            Rejection::Page(format!("The '{name}' parameter must not occur more than once."))
        })?;
        let target = target(app, &params)?;
        let reject =
            |error, description: &str| Rejection::Client(target.clone(), error, description.to_owned());
        let invalid = |description| reject("invalid_request", description);

        if target.state.is_none() {
            return Err(invalid("The authentication request has an invalid 'state' parameter."));
        }
        if let Some(mode) = params.get("response_mode").filter(|mode| mode_of(mode).is_none()) {
            let allowed = "'query', 'fragment' and 'okta_post_message'";
            return Err(invalid(&format!(
                "The response mode '{mode}' isn't supported. Supported: {allowed}."
            )));
        }
        if params.get("response_type") != Some("code") {
            let description = "The response type is not supported by the authorization server. \
                               Configured response types: [code]";
            return Err(reject("unsupported_response_type", description));
        }
        let scopes = scopes(server, &params).map_err(|description| reject("invalid_scope", description))?;
        let code_challenge = code_challenge(&params).map_err(invalid)?;
        let prompt = match params.get("prompt") {
            None | Some("consent") => Prompt::IfNecessary,
            Some("none") => Prompt::None,
            Some("login") => Prompt::Login,
            Some(_) => return Err(invalid("The 'prompt' parameter must be 'none', 'login' or 'consent'.")),
        };
        let max_age = match params.get("max_age").map(str::parse) {
            None => None,
            Some(Ok(seconds @ 0..)) => Some(seconds),
            Some(_) => return Err(invalid("The 'max_age' parameter must be a number of seconds.")),
        };
        let text = |name| params.get(name).map(str::to_owned);
        Ok(Self {
            server,
            scopes,
            nonce: text("nonce"),
            code_challenge,
            prompt,
            max_age,
            acr: params.get("acr_values").and_then(Acr::of),
            login_hint: text("login_hint"),
            target,
        })
    }
}

/// Returns the destination if client and redirect URI are registered.
fn target(app: &BrowserApp, params: &Params) -> Result<Target, Rejection> {
    let page = |text: &str| Err(Rejection::Page(text.to_owned()));
    if params.get("client_id") != Some(BROWSER_CLIENT_ID) {
        return page("Invalid value for 'client_id' parameter.");
    }
    let registered =
        params.get("redirect_uri").filter(|uri| app.redirect_uris.iter().any(|known| known == uri));
    let Some(redirect_uri) = registered else {
        return page("The 'redirect_uri' parameter must be a Login redirect URI in the client app settings.");
    };
    Ok(Target {
        redirect_uri: redirect_uri.to_owned(),
        mode: params.get("response_mode").and_then(mode_of).unwrap_or(ResponseMode::Query),
        state: params.get("state").map(str::to_owned),
    })
}

fn mode_of(name: &str) -> Option<ResponseMode> {
    match name {
        "query" => Some(ResponseMode::Query),
        "fragment" => Some(ResponseMode::Fragment),
        "okta_post_message" => Some(ResponseMode::PostMessage),
        _ => None,
    }
}

/// Returns the requested scopes. Okta rejects the request if one of them is unknown.
fn scopes(server: Server, params: &Params) -> Result<Vec<String>, &'static str> {
    let mut scopes: Vec<String> = Vec::new();
    for scope in params.get("scope").unwrap_or_default().split_ascii_whitespace() {
        if !OPENID_SCOPES.contains(&scope) && !server.scopes().contains(&scope) {
            return Err("One or more scopes are not configured for the authorization server resource.");
        }
        if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    if scopes.is_empty() {
        return Err("The authorization server resource does not have any configured default scopes, \
                    'scope' must be provided.");
    }
    Ok(scopes)
}

fn code_challenge(params: &Params) -> Result<String, &'static str> {
    let Some(challenge) = params.get("code_challenge") else {
        return Err(
            "PKCE code challenge is required when the token endpoint authentication method is 'NONE'.",
        );
    };
    if params.get("code_challenge_method") != Some("S256") {
        return Err("The 'code_challenge_method' parameter must be 'S256'.");
    }
    // The base64url text of a SHA-256 hash (RFC 7636 section 4.2).
    if !is_256_bits(challenge) {
        return Err("The 'code_challenge' parameter must be 43 characters of base64url.");
    }
    Ok(challenge.to_owned())
}

/// The scopes of OpenID Connect, which every server has.
pub(crate) const OPENID_SCOPES: [&str; 6] =
    ["openid", "profile", "email", "address", "phone", "offline_access"];
