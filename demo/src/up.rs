//! `make up`: Envoy on the ports of envoy.yaml, before FastAPI, with the stand-in or a real Okta
//! org.

use std::path::Path;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use serde_json::json;
use stand_in_okta::{Options, Server, StandIn};
use test_support::config::EnvoyConfig;
use test_support::envoy::{Envoy, WORKERS};
use test_support::fastapi::FastApi;
use tokio::signal::unix::{SignalKind, signal};

const ENVOY_PORT: u16 = 10_000;
const APP_PORT: u16 = 8000;
/// The files in which distributions keep the trusted certificate authorities.
const SYSTEM_CA: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Runs until Ctrl-C, SIGTERM or the exit of Envoy.
pub fn run() -> ExitCode {
    for port in [ENVOY_PORT, APP_PORT] {
        if let Err(error) = std::net::TcpListener::bind(("127.0.0.1", port)) {
            eprintln!("demo: cannot use port {port} of envoy.yaml: {error}");
            return ExitCode::FAILURE;
        }
    }
    let result = match std::env::var("OKTA_ISSUER") {
        Ok(issuer) if !issuer.is_empty() => real_okta(&issuer).map(|config| (config, None)),
        _ => stand_in().map(|(config, okta)| (config, Some(okta))),
    };
    let (config, okta) = match result {
        Ok(set_up) => set_up,
        Err(problem) => {
            eprintln!("demo: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let app = FastApi::start_on(APP_PORT);
    let mut envoy = match Envoy::try_start("up", &config, WORKERS) {
        Ok(envoy) => envoy,
        Err(error) => {
            eprintln!("demo: Envoy did not start:\n{}", error.log);
            return ExitCode::FAILURE;
        }
    };
    println!("The API:     http://127.0.0.1:{ENVOY_PORT}/ (Envoy, before FastAPI on port {APP_PORT})");
    match &okta {
        Some(okta) => explain_stand_in(okta),
        None => println!(
            "Tokens:      from your Okta org. Send one: curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:{ENVOY_PORT}/me"
        ),
    }
    println!(
        "Envoy's log: target/e2e/up/envoy.log, admin interface: http://127.0.0.1:9901/\nCtrl-C stops all programs."
    );
    let ended = wait(&mut envoy);
    drop((envoy, app, okta));
    match ended {
        // The terminal sends Ctrl-C to all its processes, and Envoy may exit first.
        None => ExitCode::SUCCESS,
        Some(status) if status.success() => ExitCode::SUCCESS,
        Some(status) => {
            eprintln!("demo: Envoy exited: {status}");
            ExitCode::FAILURE
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

/// Starts the stand-in on the ports that envoy.yaml has for Okta. Returns envoy.yaml without
/// changes.
fn stand_in() -> Result<(EnvoyConfig, StandIn), String> {
    let options = Options {
        http: ([127, 0, 0, 1], 9080).into(),
        https: ([127, 0, 0, 1], 9443).into(),
        ..Options::default()
    };
    let okta =
        StandIn::try_start(options).map_err(|error| format!("cannot start the stand-in Okta: {error}"))?;
    let folder = test_support::root().join("target/stand-in-okta");
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("ca.pem"), okta.ca_pem()))
        .map_err(|error| format!("cannot write the CA certificate: {error}"))?;
    Ok((EnvoyConfig::unchanged(), okta))
}

/// Returns envoy.yaml with the issuer, the audience and the address of an Okta org.
fn real_okta(issuer: &str) -> Result<EnvoyConfig, String> {
    let host = issuer.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if host.is_empty() {
        return Err(format!("OKTA_ISSUER must be https://{{domain}}/oauth2/{{id}}, not {issuer}"));
    }
    let ca = SYSTEM_CA.into_iter().map(Path::new).find(|path| path.exists());
    let ca = ca.ok_or("no CA certificates found: install the package ca-certificates")?;
    let audience = std::env::var("OKTA_AUDIENCE").unwrap_or_else(|_| "api://default".to_owned());
    println!("Okta:        {issuer}, audience {audience} (OKTA_AUDIENCE)");
    let mut config = EnvoyConfig::unchanged().real_okta(host, ca);
    let provider = &mut config.plugin()["providers"]["okta"];
    provider["issuer"] = json!(issuer);
    provider["audiences"] = json!([audience]);
    Ok(config)
}

fn explain_stand_in(okta: &StandIn) {
    let port = okta.http_port();
    println!("Okta:        {} (stand-in, http://127.0.0.1:{port}/)", okta.issuer(Server::Default));
    println!(
        "A token:     TOKEN=$(curl -s -u 0oademo00000000000001:demo-secret \\
               -d 'grant_type=client_credentials&scope=items:read' \\
               http://127.0.0.1:{port}/oauth2/default/v1/token | sed -n 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/p')"
    );
    println!("Try it:      curl -i -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:{ENVOY_PORT}/items");
}
