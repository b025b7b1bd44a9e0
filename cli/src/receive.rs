//! `okta-authz receive`: a server that receives revocations from Okta, stores them, and serves them
//! as a denylist, which the filters of a fleet poll.

mod config;
mod connections;
mod denylist;
mod embedded;
mod endpoints;
mod entry;
mod keys;
mod logs;
mod metrics;
#[cfg(feature = "postgres")]
mod postgres;
mod raw_config;
mod requests;
mod state;
mod store;

use std::path::PathBuf;
use std::sync::Arc;

use lexopt::Arg;

use config::Settings;
use state::Receiver;

use super::{CliError, ExitOutcome, documents, output, print_help};

const USAGE: &str = "\
Usage: okta-authz receive [--check] CONFIG

Receives security events (SSF, RFC 8935) and Universal Logout calls from Okta, stores them, and
serves them as a denylist for `denylist.remote` of the filter. Runs until SIGTERM or SIGINT.

  --check    check the configuration and exit

CONFIG is YAML or JSON. The log is on standard error, one JSON object a line.

Exit status: 0 stopped by a signal, or the configuration is valid; 1 invalid configuration, or the
server cannot start; 2 usage error or unreadable file.
";

/// Runs the command.
pub(crate) fn run(mut args: lexopt::Parser) -> Result<ExitOutcome, CliError> {
    let (mut check_only, mut file) = (false, None);
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(print_help(USAGE)),
            Arg::Long("check") => check_only = true,
            Arg::Value(value) if file.is_none() => file = Some(PathBuf::from(value)),
            other => return Err(other.unexpected().into()),
        }
    }
    let file = file.ok_or_else(|| CliError(format!("a file is missing\n\n{USAGE}")))?;
    let settings = match Settings::parse(&documents::read(&file)?) {
        Ok(settings) => settings,
        Err(problem) => {
            output::print_error(&format!("{}: {problem}", file.display()));
            return Ok(ExitOutcome::Failure);
        }
    };
    if check_only {
        output::print(&format!("{}: ok\n", file.display()));
        return Ok(ExitOutcome::Success);
    }
    match serve(settings) {
        Ok(()) => Ok(ExitOutcome::Success),
        Err(problem) => {
            output::print_error(&format!("okta-authz receive: {problem}"));
            Ok(ExitOutcome::Failure)
        }
    }
}

/// Serves until a signal arrives.
fn serve(settings: Settings) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(async {
        let receiver = Arc::new(Receiver::start(settings).await?);
        connections::serve(&receiver, endpoints::public(&receiver), endpoints::internal(&receiver)).await
    })
}
