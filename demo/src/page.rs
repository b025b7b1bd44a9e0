//! The web server of the example page, examples/spa. It serves a fixed list of files, so no path can
//! lead to another file.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::{Value, json};
use stand_in_okta::origin_of;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The paths of the page, with file and type. Okta redirects to `/login/callback`.
const FILES: [(&str, &str, &str); 10] = [
    ("/", "index.html", HTML),
    ("/login/callback", "index.html", HTML),
    ("/app.js", "app.js", SCRIPT),
    ("/auth.js", "auth.js", SCRIPT),
    ("/calls.js", "calls.js", SCRIPT),
    ("/challenge.js", "challenge.js", SCRIPT),
    ("/explain.js", "explain.js", SCRIPT),
    ("/view.js", "view.js", SCRIPT),
    ("/style.css", "style.css", "text/css; charset=utf-8"),
    ("/icon.svg", "icon.svg", "image/svg+xml"),
];
const SDK: &str = "/okta-auth-js.core.min.js";
const CONFIG: &str = "/config.json";

/// The settings of the page, without secrets: `config.json`.
pub struct Config {
    /// The issuer of the tokens.
    pub issuer: String,
    /// The client ID of the page at Okta.
    pub client_id: String,
    /// The origin of the API.
    pub api: String,
    /// The URL at which the browser reaches the issuer, if it is another one: only for the stand-in.
    pub reachable_issuer: Option<String>,
}

impl Config {
    fn to_json(&self) -> Value {
        json!({
            "issuer": self.issuer, "clientId": self.client_id, "api": self.api,
            "reachableIssuer": self.reachable_issuer,
            "scopes": ["openid", "profile", "offline_access", "items:read"],
        })
    }

    /// Returns the Content Security Policy: scripts and styles only from files of the page, calls only
    /// to the API and to Okta, no frames, and no text that becomes HTML or a script.
    fn content_security_policy(&self) -> String {
        let issuer = self.reachable_issuer.as_ref().unwrap_or(&self.issuer);
        format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self' {} {}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'",
            self.api,
            origin_of(issuer)
        )
    }
}

/// A bound port for the page. Clients can connect when [`Self::serve`] has returned.
pub struct Page {
    listener: TcpListener,
    sdk: PathBuf,
    port: u16,
}

impl Page {
    /// Binds a port of the loopback interface; 0 selects a free one. `sdk` is the file of Okta's SDK.
    pub fn bind(port: u16, sdk: PathBuf) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, sdk, port })
    }

    /// Returns the origin of the page. It has the name `localhost`, because redirect URIs at Okta do.
    pub fn origin(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Serves the page until the process ends.
    pub fn serve(self, config: &Config) -> io::Result<()> {
        let site = Arc::new(Site {
            origin: self.origin(),
            host: format!("localhost:{}", self.port),
            config: config.to_json().to_string(),
            policy: config.content_security_policy(),
            directory: test_support::root().join("examples/spa"),
            sdk: self.sdk,
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _context = runtime.enter();
            tokio::net::TcpListener::from_std(self.listener)?
        };
        let router = Router::new().fallback(get(respond)).with_state(site);
        std::thread::Builder::new().name("page".to_owned()).spawn(move || {
            if let Err(error) = runtime.block_on(axum::serve(listener, router).into_future()) {
                eprintln!("demo: the page: {error}");
            }
        })?;
        Ok(())
    }
}

struct Site {
    origin: String,
    host: String,
    config: String,
    policy: String,
    directory: PathBuf,
    sdk: PathBuf,
}

async fn respond(State(site): State<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Response {
    // Okta accepts one redirect URI, and Envoy one origin. Another name of this machine, such as
    // 127.0.0.1, is another origin.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if host != Some(site.host.as_str()) {
        return Redirect::temporary(&format!("{}/", site.origin)).into_response();
    }
    let path = uri.path();
    let listed = FILES.iter().find(|(name, ..)| *name == path);
    match (path, listed) {
        (CONFIG, _) => respond_with(&site, site.config.clone().into_bytes(), "application/json"),
        (SDK, _) => file(&site, &site.sdk, SCRIPT),
        (_, Some((_, name, content_type))) => file(&site, &site.directory.join(name), content_type),
        (_, None) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Reads the file for each request, so an edit is visible after a reload.
fn file(site: &Site, path: &Path, content_type: &'static str) -> Response {
    match std::fs::read(path) {
        Ok(content) => respond_with(site, content, content_type),
        Err(error) => {
            eprintln!("demo: the page: {}: {error}", path.display());
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn respond_with(site: &Site, content: Vec<u8>, content_type: &'static str) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The URL of the callback has the authorization code.
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    let policy =
        [(header::CONTENT_SECURITY_POLICY, site.policy.as_str()), (header::CONTENT_TYPE, content_type)];
    (HEADERS, policy, content).into_response()
}
