//! The metadata documents: Okta's documented examples, with the stand-in's names.
//!
//! They announce everything that Okta has, because a client of Okta reads exactly these documents.
//! The stand-in has no endpoints for registration, devices and pushed requests. It rejects all
//! response types except `code`, the response mode `form_post`, and the grant types `implicit`,
//! `password` and `device_code`.

use super::servers::Server;

/// Returns `oauth-authorization-server` (RFC 8414). Unlike `openid-configuration` it lists
/// `client_credentials`.
pub(crate) fn oauth(server: Server, domain: &str) -> String {
    fill(include_str!("metadata/oauth-authorization-server.json"), server, domain)
}

/// Returns `openid-configuration`.
pub(crate) fn openid(server: Server, domain: &str) -> String {
    fill(include_str!("metadata/openid-configuration.json"), server, domain)
}

fn fill(template: &str, server: Server, domain: &str) -> String {
    let host = format!("https://{domain}");
    let base = format!("{host}{}", server.base_path());
    // Okta sends the documents without white space.
    let lines = template.lines().filter_map(|line| match server {
        Server::Org => org_line(line.trim()),
        Server::Default | Server::Custom => Some(line.trim()),
    });
    let document: String = lines.collect();
    document.replace("{issuer}", &server.issuer(domain)).replace("{base}", &base).replace("{host}", &host)
}

/// Returns the line of the org server's document, or `None` if the org server does not have it.
fn org_line(line: &str) -> Option<&str> {
    if line.starts_with(r#""id_token_encryption_"#) {
        None
    } else if line.starts_with(r#""scopes_supported""#) {
        Some(
            r#""scopes_supported":["openid","email","profile","address","phone","offline_access","groups"],"#,
        )
    } else {
        Some(line)
    }
}
