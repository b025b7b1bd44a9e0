//! Valid issuers and key set URLs that match no token of Okta.

use okta_authz_filter::config::Provider;
use okta_authz_filter::https_url::HttpsUrl;
use okta_authz_filter::verify::TokenProfile;
use serde_json::Value;

use super::finding::Finding;

/// The domains of Okta orgs.
const OKTA_DOMAINS: [&str; 5] =
    [".okta.com", ".oktapreview.com", ".okta-emea.com", ".okta-gov.com", ".okta.mil"];
/// The paths of authorization server metadata (RFC 8414 section 3, OpenID Connect Discovery 1.0
/// section 4).
const METADATA: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
/// The endpoints of Okta's authorization servers below `/v1/`, except `keys`.
const ENDPOINTS: [&str; 9] =
    ["authorize", "token", "introspect", "revoke", "userinfo", "logout", "clients", "par", "device"];

/// Warns about the issuers and the key set URL of a provider. `json` is the JSON of the
/// configuration.
pub(super) fn warnings(provider: &Provider, json: &Value) -> Vec<Finding> {
    let path = format!("providers.{}", provider.name);
    let json = json.get("providers").and_then(|providers| providers.get(&provider.name));
    let is_list = json.is_some_and(|json| json.get("issuers").is_some());
    let mut warnings = Vec::new();
    for (index, issuer) in provider.requirements.issuers.iter().enumerate() {
        let path = if is_list { format!("{path}.issuers[{index}]") } else { format!("{path}.issuer") };
        let problem = issuer_problem(issuer, provider.requirements.profile);
        warnings.extend(problem.map(|problem| Finding::warning(path, problem)));
    }
    let uri = json.and_then(|json| json.pointer("/remote_jwks/uri")).and_then(Value::as_str);
    let problem = uri.and_then(|uri| uri_problem(uri, provider));
    warnings.extend(problem.map(|problem| Finding::warning(format!("{path}.remote_jwks.uri"), problem)));
    warnings
}

fn issuer_problem(issuer: &str, profile: TokenProfile) -> Option<String> {
    let url = HttpsUrl::parse(issuer).ok()?;
    if url.path.contains("/.well-known/") {
        return Some("is the URL of a metadata document; use the `issuer` in that document".to_owned());
    }
    // An issuer other than Okta may have any path and port.
    if profile != TokenProfile::Okta && !is_okta(&url) {
        return None;
    }
    if url.authority.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let lower = issuer.replacen(&url.authority, &url.authority.to_ascii_lowercase(), 1);
        return Some(format!(
            "matches no token: issuers are compared exactly, and those of Okta have a host in lower case; use {lower:?}"
        ));
    }
    if url.authority.ends_with(":443") {
        return Some(
            "matches no token: issuers are compared exactly, and those of Okta have no port".to_owned(),
        );
    }
    let id = url.path.strip_prefix("/oauth2/").unwrap_or_default();
    if id == "v1" {
        let problem = "matches no token: `/oauth2/v1` is a path of the org authorization server; use the issuer of a custom \
                       authorization server (`/oauth2/{id}`)";
        return Some(problem.to_owned());
    }
    (id != "default" && id.eq_ignore_ascii_case("default")).then(|| {
        "matches no token: the ID of Okta's default authorization server is `default`, in lower case"
            .to_owned()
    })
}

fn uri_problem(uri: &str, provider: &Provider) -> Option<String> {
    let url = HttpsUrl::parse(uri).ok()?;
    let path = url.path.split('?').next().unwrap_or_default();
    if METADATA.iter().any(|metadata| path.contains(metadata)) {
        return Some(
            "is the URL of a metadata document, not of a key set; remove it and set `discovery: true`"
                .to_owned(),
        );
    }
    let issuers = &provider.requirements.issuers;
    if issuers.iter().any(|issuer| issuer.trim_end_matches('/') == uri.trim_end_matches('/')) {
        return Some(
            "is the issuer, not the URL of a key set; remove it to use `{issuer}/v1/keys`".to_owned(),
        );
    }
    let issuers: Vec<HttpsUrl> = issuers.iter().filter_map(|issuer| HttpsUrl::parse(issuer).ok()).collect();
    if is_okta(&url) && issuers.iter().all(|issuer| is_okta(issuer) && !issuer.is_at(&url.authority)) {
        return Some("is the key set of another org than that of the issuer".to_owned());
    }
    if provider.requirements.profile != TokenProfile::Okta && !is_okta(&url) {
        return None;
    }
    let (server, endpoint) = path.rsplit_once("/v1/")?;
    if ENDPOINTS.contains(&endpoint) {
        return Some(format!("is the endpoint `{endpoint}`, not the URL of a key set; use `/v1/keys`"));
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
