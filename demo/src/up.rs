//! `make up`: Envoy on the ports of envoy.yaml, before FastAPI, with the stand-in or a real Okta
//! org, and the example page.

mod settings;

use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use serde_json::json;
use stand_in_okta::{BROWSER_CLIENT_ID, BrowserApp, Options, Server, StandIn};
use test_support::config::EnvoyConfig;
use test_support::envoy::{Envoy, WORKERS};
use test_support::fastapi::FastApi;
use tokio::signal::unix::{SignalKind, signal};

use super::page::{self, Page};
pub use settings::Ports;
use settings::{Org, Settings};

/// The files in which distributions keep the trusted certificate authorities.
const SYSTEM_CA: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Runs until Ctrl-C, SIGTERM or the exit of Envoy.
pub fn run(ports: Ports) -> ExitCode {
    match Settings::from_environment(ports).and_then(start) {
        Ok(mut programs) => programs.wait(),
        Err(problem) => {
            eprintln!("demo: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// The running programs.
struct Programs {
    envoy: Envoy,
    _app: FastApi,
    _okta: Option<StandIn>,
}

/// Starts all programs and prints their addresses.
fn start(settings: Settings) -> Result<Programs, String> {
    let Settings { ports, org, sdk, dpop } = settings;
    for port in [ports.envoy, ports.app] {
        std::net::TcpListener::bind(("127.0.0.1", port))
            .map_err(|error| format!("cannot use port {port} of envoy.yaml: {error}"))?;
    }
    let page = bind_page(ports, &org, sdk)?;
    let origin = page.as_ref().map(Page::origin).ok();
    let (mut config, okta) = match &org {
        Org::Real { issuer, audience, .. } => (real_okta(issuer, audience)?, None),
        Org::StandIn => {
            let okta = stand_in(ports, origin.as_deref())?;
            (EnvoyConfig::unchanged(), Some(okta))
        }
    };
    let app = if ports.app == 0 { FastApi::start() } else { FastApi::start_on(ports.app) };
    if let (true, Some(okta)) = (ports.is_free(), &okta) {
        config = config.listen("127.0.0.1", 0).admin(0).app(app.port());
        config = config.okta(okta.https_port(), &ca_file(ports));
    }
    if let Some(origin) = &origin {
        config = for_page(config, origin);
    }
    if let Some(dpop) = dpop {
        config.plugin()["dpop"] = dpop;
    }
    let name = if ports.is_free() { "up-free" } else { "up" };
    let envoy = Envoy::try_start(name, &config, WORKERS)
        .map_err(|error| format!("Envoy did not start:\n{}", error.log))?;
    println!("The API:     http://127.0.0.1:{}/ (Envoy, before FastAPI on port {})", envoy.port, app.port());
    match &okta {
        Some(okta) => explain_stand_in(okta, envoy.port),
        None => println!(
            "Tokens:      from your Okta org. Send one: curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:{}/me",
            envoy.port
        ),
    }
    match page {
        Ok(page) => {
            println!("The page:    {}/ (examples/spa, logs in with Okta's SDK)", page.origin());
            page.serve(&page_config(org, okta.as_ref(), envoy.port))
                .map_err(|error| format!("cannot serve the page: {error}"))?;
        }
        Err(reason) => println!("The page:    not served: {reason}"),
    }
    println!(
        "Envoy's log: target/e2e/{name}/envoy.log, admin interface: http://127.0.0.1:{}/\nCtrl-C stops all programs.",
        envoy.admin_port
    );
    Ok(Programs { envoy, _app: app, _okta: okta })
}

impl Programs {
    /// Waits for Ctrl-C, for SIGTERM or for the exit of Envoy.
    fn wait(&mut self) -> ExitCode {
        match wait(&mut self.envoy) {
            // The terminal sends Ctrl-C to all its processes, and Envoy may exit first.
            None => ExitCode::SUCCESS,
            Some(status) if status.success() => ExitCode::SUCCESS,
            Some(status) => {
                eprintln!("demo: Envoy exited: {status}");
                ExitCode::FAILURE
            }
        }
    }
}

/// Waits for Ctrl-C, for SIGTERM or for the exit of Envoy, whose status it returns.
fn wait(envoy: &mut Envoy) -> Option<ExitStatus> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate()).expect("a signal handler");
        let mut interrupted = signal(SignalKind::interrupt()).expect("a signal handler");
        loop {
            if let Some(status) = envoy.exit_status() {
                return Some(status);
            }
            tokio::select! {
                _ = terminated.recv() => return None,
                _ = interrupted.recv() => return None,
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
            }
        }
    })
}

/// Returns the file for the stand-in's certificate authority: that of envoy.yaml, or another one if
/// the ports are free, because a second `make up` may run.
fn ca_file(ports: Ports) -> PathBuf {
    if ports.is_free() {
        test_support::scratch("up-free").join("ca.pem")
    } else {
        test_support::root().join("target/stand-in-okta/ca.pem")
    }
}

/// Starts the stand-in on the ports that envoy.yaml has for Okta. `origin` is that of the page.
fn stand_in(ports: Ports, origin: Option<&str>) -> Result<StandIn, String> {
    let options = Options {
        http: ([127, 0, 0, 1], ports.okta_http).into(),
        https: ([127, 0, 0, 1], ports.okta_https).into(),
        app: origin.map_or_else(BrowserApp::default, |origin| BrowserApp::default().at(origin)),
        ..Options::default()
    };
    let okta =
        StandIn::try_start(options).map_err(|error| format!("cannot start the stand-in Okta: {error}"))?;
    let ca = ca_file(ports);
    std::fs::create_dir_all(ca.parent().expect("a folder"))
        .and_then(|()| std::fs::write(ca, okta.ca_pem()))
        .map_err(|error| format!("cannot write the CA certificate: {error}"))?;
    Ok(okta)
}

/// Returns envoy.yaml with the issuer, the audience and the address of an Okta org.
fn real_okta(issuer: &str, audience: &str) -> Result<EnvoyConfig, String> {
    let host = issuer.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if host.is_empty() {
        return Err(format!("OKTA_ISSUER must be https://{{domain}}/oauth2/{{id}}, not {issuer}"));
    }
    let ca = SYSTEM_CA.into_iter().map(Path::new).find(|path| path.exists());
    let ca = ca.ok_or("no CA certificates found: install the package ca-certificates")?;
    println!("Okta:        {issuer}, audience {audience} (OKTA_AUDIENCE)");
    let mut config = EnvoyConfig::unchanged().real_okta(host, ca);
    let provider = &mut config.plugin()["providers"]["okta"];
    provider["issuer"] = json!(issuer);
    provider["audiences"] = json!([audience]);
    Ok(config)
}

/// Adds the CORS filter in front of the filter, and a rule that requires step-up authentication, for
/// the page.
fn for_page(config: EnvoyConfig, origin: &str) -> EnvoyConfig {
    let mut config = config.with_cors(0, origin);
    let rule = json!({
        "match": { "path": "/items/1", "methods": ["GET", "HEAD"] },
        "requires": {
            "scopes": ["items:read"], "acr_values": ["urn:okta:loa:2fa:any", "phr", "phrh"], "max_age": "15m",
        },
    });
    let rules = config.plugin()["rules"].as_array_mut().expect("rules");
    // Before the rule for /items, because the first match decides.
    rules.insert(0, rule);
    config
}

/// Binds the port of the page. Returns the reason if it cannot be served.
fn bind_page(ports: Ports, org: &Org, sdk: Option<PathBuf>) -> Result<Result<Page, &'static str>, String> {
    let Some(sdk) = sdk else { return Ok(Err("npm could not install its packages")) };
    if matches!(org, Org::Real { client_id: None, .. }) {
        return Ok(Err("set OKTA_CLIENT_ID to the client ID of a single-page app of your org"));
    }
    let page = Page::bind(ports.page, sdk);
    page.map(Ok).map_err(|error| format!("cannot use port {} for the page: {error}", ports.page))
}

/// Returns the configuration of the page.
fn page_config(org: Org, okta: Option<&StandIn>, envoy_port: u16) -> page::Config {
    let (issuer, client_id) = match org {
        Org::Real { issuer, client_id, .. } => (Some(issuer), client_id),
        Org::StandIn => (okta.map(|okta| okta.issuer(Server::Default)), Some(BROWSER_CLIENT_ID.to_owned())),
    };
    page::Config {
        issuer: issuer.expect("the stand-in runs"),
        client_id: client_id.expect("bind_page requires it"),
        api: format!("http://localhost:{envoy_port}"),
        // No DNS has the name of the stand-in's issuer.
        reachable_issuer: okta.map(|okta| format!("http://localhost:{}/oauth2/default", okta.http_port())),
    }
}

fn explain_stand_in(okta: &StandIn, envoy_port: u16) {
    let port = okta.http_port();
    println!("Okta:        {} (stand-in, http://127.0.0.1:{port}/)", okta.issuer(Server::Default));
    println!(
        "A token:     TOKEN=$(curl -s -u 0oademo00000000000001:demo-secret \\
               -d 'grant_type=client_credentials&scope=items:read' \\
               http://127.0.0.1:{port}/oauth2/default/v1/token | sed -n 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/p')"
    );
    println!("Try it:      curl -i -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:{envoy_port}/items");
}
