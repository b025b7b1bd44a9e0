//! The single-page app that is registered at the org, and its addresses.

/// The client ID of the app at every authorization server. The app is a public client: it has no
/// secret and must use PKCE (RFC 7636).
pub const BROWSER_CLIENT_ID: &str = "0oaspa00000000000001";

/// The path of the redirect URI of the example page, below its origin.
pub const PAGE_CALLBACK: &str = "/login/callback";

/// The path of the redirect URI of FastAPI's `/docs`, below its origin.
pub const DOCS_CALLBACK: &str = "/docs/oauth2-redirect";

/// The addresses of the single-page app. An administrator registers them in Okta's console.
#[derive(Clone, Debug)]
pub struct BrowserApp {
    /// The URIs to which the authorization endpoint sends a code, compared byte by byte.
    pub redirect_uris: Vec<String>,
    /// The URIs to which the logout endpoint redirects, compared byte by byte.
    pub post_logout_redirect_uris: Vec<String>,
    /// The origins whose scripts may read responses (CORS).
    pub trusted_origins: Vec<String>,
}

impl BrowserApp {
    /// Returns an app without addresses.
    pub const fn unregistered() -> Self {
        Self { redirect_uris: Vec::new(), post_logout_redirect_uris: Vec::new(), trusted_origins: Vec::new() }
    }

    /// Registers an origin, for example `http://localhost:8081`: the redirect URIs
    /// [`PAGE_CALLBACK`] and [`DOCS_CALLBACK`] below it, the origin with and without a final slash
    /// for logout, and the origin as trusted.
    #[must_use]
    pub fn at(mut self, origin: &str) -> Self {
        self.redirect_uris.extend([PAGE_CALLBACK, DOCS_CALLBACK].map(|path| format!("{origin}{path}")));
        self.post_logout_redirect_uris.extend([origin.to_owned(), format!("{origin}/")]);
        self.trusted_origins.push(origin.to_owned());
        self
    }
}

/// The app at the ports of `make up`: the example page on 8081, and the API behind Envoy on 10000.
impl Default for BrowserApp {
    fn default() -> Self {
        let hosts = ["localhost", "127.0.0.1"];
        let origins =
            hosts.iter().flat_map(|host| [8081, 10_000].map(|port| format!("http://{host}:{port}")));
        origins.fold(Self::unregistered(), |app, origin| app.at(&origin))
    }
}

/// Returns the origin of a URI (RFC 6454): scheme, host and port.
pub fn origin_of(uri: &str) -> String {
    uri.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}
