//! Issuers and key set URLs that the filter accepts, and that fit no token of Okta.

use okta_authz_filter::config::Provider;
use okta_authz_filter::https_url::HttpsUrl;
use okta_authz_filter::verify::TokenProfile;
use serde_json::Value;

use super::Finding;

/// Domains of Okta's orgs.
const OKTA_DOMAINS: [&str; 5] =
    [".okta.com", ".oktapreview.com", ".okta-emea.com", ".okta-gov.com", ".okta.mil"];
/// Paths of metadata (RFC 8414 section 3, OpenID Connect Discovery 1.0 section 4).
const METADATA: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
/// Endpoints of Okta's authorization servers below `/v1/`.
const ENDPOINTS: [&str; 9] =
    ["authorize", "token", "introspect", "revoke", "userinfo", "logout", "clients", "par", "device"];

pub(super) fn warnings(provider: &Provider, written: &Value) -> Vec<Finding> {
    let at = format!("providers.{}", provider.name);
    let written = written.get("providers").and_then(|providers| providers.get(&provider.name));
    let is_list = written.is_some_and(|written| written.get("issuers").is_some());
    let mut warnings = Vec::new();
    for (index, issuer) in provider.expected.issuers.iter().enumerate() {
        let at = if is_list { format!("{at}.issuers[{index}]") } else { format!("{at}.issuer") };
        let problem = issuer_problem(issuer, provider.expected.profile);
        warnings.extend(problem.map(|problem| Finding::warning(at, problem)));
    }
    let uri = written.and_then(|written| written.pointer("/remote_jwks/uri")).and_then(Value::as_str);
    let problem = uri.and_then(|uri| uri_problem(uri, provider));
    warnings.extend(problem.map(|problem| Finding::warning(format!("{at}.remote_jwks.uri"), problem)));
    warnings
}

fn issuer_problem(issuer: &str, profile: TokenProfile) -> Option<String> {
    let url = HttpsUrl::parse(issuer).ok()?;
    if url.path.contains("/.well-known/") {
        return Some(
            "is the URL of a metadata document: the issuer is the `issuer` in that document".to_owned(),
        );
    }
    // Other issuers may have any path and port.
    if profile != TokenProfile::Okta && !is_okta(&url) {
        return None;
    }
    if url.authority.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let lower = issuer.replacen(&url.authority, &url.authority.to_ascii_lowercase(), 1);
        return Some(format!(
            "fits no token: Okta's issuers have a host in lower case, {lower:?}, and are compared exactly"
        ));
    }
    if url.authority.ends_with(":443") {
        return Some("fits no token: Okta's issuers have no port, and are compared exactly".to_owned());
    }
    let id = url.path.strip_prefix("/oauth2/").unwrap_or_default();
    if id == "v1" {
        let problem = "fits no token: `/oauth2/v1` is a path of the org authorization server, not the issuer of a custom \
                       authorization server (`/oauth2/{id}`)";
        return Some(problem.to_owned());
    }
    (id != "default" && id.eq_ignore_ascii_case("default"))
        .then(|| "fits no token: the id of Okta's default server is `default`, in lower case".to_owned())
}

fn uri_problem(uri: &str, provider: &Provider) -> Option<String> {
    let url = HttpsUrl::parse(uri).ok()?;
    let path = url.path.split('?').next().unwrap_or_default();
    if METADATA.iter().any(|metadata| path.contains(metadata)) {
        return Some(
            "is the URL of a metadata document, not of a key set: leave it out, and set `discovery: true`"
                .to_owned(),
        );
    }
    let issuers = &provider.expected.issuers;
    if issuers.iter().any(|issuer| issuer.trim_end_matches('/') == uri.trim_end_matches('/')) {
        return Some(
            "is the issuer, not the URL of a key set: leave it out for `{issuer}/v1/keys`".to_owned(),
        );
    }
    let issuers: Vec<HttpsUrl> = issuers.iter().filter_map(|issuer| HttpsUrl::parse(issuer).ok()).collect();
    if is_okta(&url) && issuers.iter().all(|issuer| is_okta(issuer) && !issuer.is_at(&url.authority)) {
        return Some(
            "is the key set of another org than that of the issuer: its keys sign tokens for others"
                .to_owned(),
        );
    }
    if provider.expected.profile != TokenProfile::Okta && !is_okta(&url) {
        return None;
    }
    let (server, endpoint) = path.rsplit_once("/v1/")?;
    if ENDPOINTS.contains(&endpoint) {
        return Some(format!("is the endpoint `{endpoint}`, not the URL of a key set (`/v1/keys`)"));
    }
    let is_known = issuers.iter().any(|issuer| issuer.path.trim_end_matches('/') == server);
    let is_server = server == "/oauth2" || server.starts_with("/oauth2/");
    (endpoint == "keys" && is_server && !is_known)
        .then(|| "is the key set of another authorization server than the issuer".to_owned())
}

fn is_okta(url: &HttpsUrl) -> bool {
    let host = url.authority.split(':').next().unwrap_or_default().to_ascii_lowercase();
    OKTA_DOMAINS.iter().any(|domain| host.ends_with(domain))
}
