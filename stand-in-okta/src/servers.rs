//! The authorization servers of the org and their endpoints.

use serde::Deserialize;

/// An authorization server of the org. Each has its own keys.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Deserialize)]
pub enum Server {
    /// The org authorization server. Its access tokens are for Okta's APIs only.
    #[serde(rename = "org")]
    Org,
    /// The custom authorization server `default`, which every org has.
    #[serde(rename = "default")]
    Default,
    /// Another custom authorization server.
    #[serde(rename = "aus9o8wzkhckw9TLa0h7z")]
    Custom,
}

impl Server {
    /// All servers.
    pub const ALL: [Self; 3] = [Self::Org, Self::Default, Self::Custom];

    /// Returns the server's ID. It is in the paths of the custom servers.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Default => "default",
            Self::Custom => "aus9o8wzkhckw9TLa0h7z",
        }
    }

    /// Returns the path below which the endpoints are.
    pub(crate) fn base_path(self) -> String {
        match self {
            Self::Org => "/oauth2".to_owned(),
            Self::Default | Self::Custom => format!("/oauth2/{}", self.id()),
        }
    }

    /// Returns the issuer, the value of `iss`. The endpoints of the org server are not below its
    /// issuer.
    pub fn issuer(self, domain: &str) -> String {
        match self {
            Self::Org => format!("https://{domain}"),
            Self::Default | Self::Custom => format!("https://{domain}{}", self.base_path()),
        }
    }

    /// Returns the audience of the server's access tokens.
    pub fn audience(self, domain: &str) -> String {
        match self {
            Self::Org => self.issuer(domain),
            Self::Default => "api://default".to_owned(),
            Self::Custom => "https://api.acme.example".to_owned(),
        }
    }

    /// Returns the scopes that a client can request, without those of OpenID Connect.
    pub const fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Org => &[],
            // The demo and the tutorial use `items`, the README `orders`.
            Self::Default | Self::Custom => &["items:read", "items:write", "orders:read", "orders:write"],
        }
    }
}

/// An endpoint whose requests are counted. `Denylist`, `Discovery`, `Introspect` and `Keys` can have
/// a fault.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// `/v1/authorize`
    Authorize,
    /// The list of revoked tokens. Okta has no such endpoint.
    Denylist,
    /// The metadata, at all of their paths.
    Discovery,
    /// `/v1/introspect`
    Introspect,
    /// `/v1/keys`
    Keys,
    /// `/v1/logout`
    Logout,
    /// `/v1/revoke`
    Revoke,
    /// `/v1/token`
    Token,
    /// `/v1/userinfo`
    Userinfo,
}

impl Endpoint {
    /// All endpoints with their names in the control API.
    pub const ALL: [(&'static str, Self); 9] = [
        ("authorize", Self::Authorize),
        ("denylist", Self::Denylist),
        ("discovery", Self::Discovery),
        ("introspect", Self::Introspect),
        ("keys", Self::Keys),
        ("logout", Self::Logout),
        ("revoke", Self::Revoke),
        ("token", Self::Token),
        ("userinfo", Self::Userinfo),
    ];
}
