//! The stand-in Okta as a program. `lib.rs` describes the stand-in, `control.rs` its control API.
//!
//! ```text
//! cargo run --bin stand-in-okta -- --http 127.0.0.1:9080 --https 127.0.0.1:9443 \
//!     --ca-out target/stand-in-okta/ca.pem --domain acme.okta.example
//! ```
//!
//! These values are the defaults. `--origin http://localhost:3000` registers a further origin of the
//! single-page app, and may occur more than once.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use stand_in_okta::{Options, Server, StandIn};

fn main() -> ExitCode {
    let (options, ca_out) = match arguments(env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("stand-in-okta: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(options, &ca_out) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("stand-in-okta: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options, ca_out: &Path) -> io::Result<std::convert::Infallible> {
    let domain = options.domain.clone();
    let (http, https) = (options.http.ip(), options.https.ip());
    let okta = StandIn::try_start(options)?;
    if let Some(folder) = ca_out.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(ca_out, okta.ca_pem())?;
    println!("https://{https}:{} as {domain}, CA certificate in {}", okta.https_port(), ca_out.display());
    println!("http://{http}:{} with /stand-in/, issuer {}", okta.http_port(), okta.issuer(Server::Default));
    loop {
        std::thread::park();
    }
}

fn arguments(mut given: impl Iterator<Item = String>) -> Result<(Options, PathBuf), String> {
    let mut options = Options {
        http: ([127, 0, 0, 1], 9080).into(),
        https: ([127, 0, 0, 1], 9443).into(),
        ..Options::default()
    };
    let mut ca_out = PathBuf::from("target/stand-in-okta/ca.pem");
    while let Some(name) = given.next() {
        let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
        let invalid = |error| format!("{name} {value}: {error}");
        match name.as_str() {
            "--http" => options.http = value.parse().map_err(invalid)?,
            "--https" => options.https = value.parse().map_err(invalid)?,
            "--domain" => options.domain = value,
            "--origin" => options.app = options.app.at(&value),
            "--ca-out" => ca_out = value.into(),
            _ => return Err(format!("unknown argument {name}")),
        }
    }
    Ok((options, ca_out))
}

const USAGE: &str = "usage: stand-in-okta [--http ADDRESS] [--https ADDRESS] [--domain NAME] [--ca-out FILE] \
                     [--origin ORIGIN]...";
