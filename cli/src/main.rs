//! `okta-authz`: the command line of the filter.
//!
//! `check` validates configurations, `explain` decides about one request and prints each check,
//! `test` runs policy tests, `schema` prints the JSON Schema of the configuration, and `receive`
//! receives revocations from Okta. Every decision is made by [`okta_authz_filter`], the code that the
//! wasm module is built from.

mod arguments;
mod check;
mod clock;
mod document_provider;
mod documents;
mod ecds;
mod explain;
mod https;
mod loaded_config;
mod locate;
mod output;
mod policy_tests;
#[cfg(feature = "receive")]
mod receive;
mod request;
mod session;

use std::process::ExitCode;

use lexopt::Arg;

const USAGE: &str = "\
Usage: okta-authz COMMAND ...

  check FILE...    find errors and likely mistakes in configurations
  explain ...      decide about one request and print each check
  test FILE...     run policy tests
  receive CONFIG   receive revocations from Okta and serve them as a denylist
  schema           print the JSON Schema of the configuration

`okta-authz COMMAND --help` prints the options of a command.

A FILE is YAML or JSON of at most 16 MiB: an envoy.yaml, a file of listeners or filters for Envoy,
an Istio WasmPlugin or TrafficExtension, an Envoy Gateway EnvoyExtensionPolicy, a list of these from
kubectl, or the configuration of the filter alone; `-` is standard input.

Exit status: 0 success, 1 failure or denied, 2 usage error or unreadable file.
";

const SCHEMA_USAGE: &str = "\
Usage: okta-authz schema

Prints the JSON Schema of the configuration.
";

/// A usage error, or a file that the command cannot read. Leads to exit status 2.
struct CliError(String);

impl From<lexopt::Error> for CliError {
    fn from(error: lexopt::Error) -> Self {
        Self(error.to_string())
    }
}

/// The result of a command that ran to its end.
enum ExitOutcome {
    /// Exit status 0.
    Success,
    /// Exit status 1: an error in a configuration, a denied request, or a failed test.
    Failure,
}

impl From<bool> for ExitOutcome {
    fn from(is_success: bool) -> Self {
        if is_success { Self::Success } else { Self::Failure }
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(ExitOutcome::Success) => ExitCode::SUCCESS,
        Ok(ExitOutcome::Failure) => ExitCode::FAILURE,
        Err(CliError(error)) => {
            output::print_error(&format!("okta-authz: {error}"));
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitOutcome, CliError> {
    let mut args = lexopt::Parser::from_env();
    let command = match args.next()? {
        Some(Arg::Value(command)) => command.to_string_lossy().into_owned(),
        Some(Arg::Short('h') | Arg::Long("help")) => return Ok(print_help(USAGE)),
        Some(Arg::Short('V') | Arg::Long("version")) => {
            return Ok(print_help(concat!("okta-authz ", env!("CARGO_PKG_VERSION"), "\n")));
        }
        Some(other) => return Err(other.unexpected().into()),
        None => return Err(CliError(format!("a command is missing\n\n{USAGE}"))),
    };
    match command.as_str() {
        "check" => check::run(args),
        "explain" => explain::run(args),
        "test" => policy_tests::run(args),
        "schema" => print_schema(args),
        #[cfg(feature = "receive")]
        "receive" => receive::run(args),
        _ => Err(CliError(format!("unknown command `{command}`\n\n{USAGE}"))),
    }
}

fn print_schema(mut args: lexopt::Parser) -> Result<ExitOutcome, CliError> {
    match args.next()? {
        None => output::print(&format!("{:#}", okta_authz_filter::config::schema())),
        Some(Arg::Short('h') | Arg::Long("help")) => output::print(SCHEMA_USAGE),
        Some(arg) => return Err(arg.unexpected().into()),
    }
    Ok(ExitOutcome::Success)
}

fn print_help(text: &str) -> ExitOutcome {
    output::print(text);
    ExitOutcome::Success
}
