//! The grant types of the token endpoint.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::sha2::{Digest as _, Sha256};
use serde_json::{Value, json};

use super::OAuthError;
use super::authentication::authenticate;
use super::clients::Client;
use super::dpop::{other_key, proof_missing, proven_key};
use super::issuance::{Issue, issue as issue_tokens, token_type};
use crate::browser::OPENID_SCOPES;
use crate::endpoints::ServerRef;
use crate::grants::{CodeBinding, Failure};
use crate::params::Params;
use crate::tokens::TokenSpec;

/// Issues the tokens for a token request and returns the body of the response.
pub(super) fn issue(
    server_ref: &ServerRef,
    headers: &HeaderMap,
    params: &Params,
) -> Result<Value, OAuthError> {
    let client = authenticate(server_ref, "token", headers, params)?;
    // Before the grant: the request with the nonce has the code of the request without.
    let jkt = proven_key(server_ref, client, headers)?;
    match params.get("grant_type") {
        Some("client_credentials") if client == Client::Browser => Err(OAuthError::bad_request(
            "unauthorized_client",
            "The client is not authorized to use the provided grant type. \
             Configured grant types: [authorization_code, refresh_token].",
        )),
        Some("client_credentials") => client_credentials(server_ref, client, jkt.as_deref(), params),
        Some("authorization_code") => authorization_code(server_ref, client, jkt, params),
        Some("refresh_token") => refresh_token(server_ref, client, jkt.as_deref(), params),
        Some(_) | None => Err(OAuthError::bad_request(
            "unsupported_grant_type",
            "The grant type in the request isn't supported.",
        )),
    }
}

fn client_credentials(
    server_ref: &ServerRef,
    client: Client,
    jkt: Option<&str>,
    params: &Params,
) -> Result<Value, OAuthError> {
    let scopes: Vec<&str> = params.get("scope").unwrap_or_default().split_ascii_whitespace().collect();
    let invalid = |description| Err(OAuthError::bad_request("invalid_scope", description));
    if scopes.is_empty() {
        return invalid("No scopes were requested.");
    }
    if scopes.iter().any(|scope| OPENID_SCOPES.contains(scope)) {
        return invalid("Cannot request 'openid' scopes using client credentials.");
    }
    // Okta rejects the request if one scope is invalid. It does not grant the others.
    if scopes.iter().any(|scope| !server_ref.server.scopes().contains(scope)) {
        return invalid("One or more scopes are not configured for the authorization server resource.");
    }
    let spec = TokenSpec::machine().scopes(&scopes).claim("cid", client.id()).claim("sub", client.id());
    let spec = jkt.iter().fold(spec, |spec, jkt| spec.bound_to_key(jkt));
    let token = server_ref.org.mint(server_ref.server, &spec);
    Ok(json!({
        "access_token": token, "token_type": token_type(jkt), "expires_in": 3600, "scope": scopes.join(" "),
    }))
}

/// Exchanges a code. The client proves with the PKCE verifier that it started the flow (RFC 7636
/// section 4.6).
fn authorization_code(
    server_ref: &ServerRef,
    client: Client,
    jkt: Option<String>,
    params: &Params,
) -> Result<Value, OAuthError> {
    let code = required(params, "code")?;
    // Only the single-page app gets codes, so a code of another client is invalid.
    let code = if client == Client::Browser { code } else { "" };
    let given = CodeBinding {
        redirect_uri: params.get("redirect_uri").unwrap_or_default().to_owned(),
        challenge: challenge_of(params.get("code_verifier").unwrap_or_default()),
    };
    let now = server_ref.org.now_millis();
    let used = server_ref.org.grants().use_code(server_ref.server, code, &given, now);
    let (key, grant) = used.map_err(|failure| invalid_grant(server_ref, failure))?;
    // A refresh token of a public client is bound to the key too (RFC 9449 section 5).
    server_ref.org.grants().bind(&key, jkt.clone(), now);
    let (scopes, jkt) = (grant.scopes.clone(), jkt.as_deref());
    Ok(issue_tokens(server_ref, &Issue { key: &key, grant: &grant, scopes: &scopes, jkt, first: true }))
}

/// Exchanges a refresh token. The client may request fewer scopes (RFC 6749 section 6).
fn refresh_token(
    server_ref: &ServerRef,
    client: Client,
    jkt: Option<&str>,
    params: &Params,
) -> Result<Value, OAuthError> {
    let token = required(params, "refresh_token")?;
    let token = if client == Client::Browser { token } else { "" };
    let now = server_ref.org.now_millis();
    let used = server_ref.org.grants().use_refresh(server_ref.server, token, now);
    let (key, grant) = used.map_err(|failure| invalid_grant(server_ref, failure))?;
    match (server_ref.org.grants().bound_key(&key, now), jkt) {
        (Some(bound), Some(jkt)) if bound != jkt => return Err(other_key()),
        (Some(_), None) => return Err(proof_missing()),
        (Some(_), Some(_)) | (None, _) => {}
    }
    let scopes = match params.get("scope") {
        None => grant.scopes.clone(),
        Some(scopes) => scopes.split_ascii_whitespace().map(str::to_owned).collect(),
    };
    if scopes.iter().any(|scope| !grant.scopes.contains(scope)) {
        let description = "The requested scope exceeds the scope granted by the user.";
        return Err(OAuthError::bad_request("invalid_scope", description));
    }
    Ok(issue_tokens(server_ref, &Issue { key: &key, grant: &grant, scopes: &scopes, jkt, first: false }))
}

/// Returns the `S256` challenge of a verifier. A verifier that is not of 43 to 128 characters has no
/// challenge (RFC 7636 section 4.1).
fn challenge_of(verifier: &str) -> String {
    match verifier.len() {
        43..=128 => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)),
        _ => String::new(),
    }
}

fn invalid_grant(server_ref: &ServerRef, failure: Failure) -> OAuthError {
    failure.revoked.into_iter().for_each(|jti| server_ref.org.revoke(jti));
    OAuthError::bad_request("invalid_grant", failure.description)
}

fn required<'a>(params: &'a Params, name: &str) -> Result<&'a str, OAuthError> {
    params.get(name).ok_or_else(|| {
        let description = format!("The token request must specify the `{name}` parameter.");
        OAuthError::bad_request("invalid_request", &description)
    })
}
