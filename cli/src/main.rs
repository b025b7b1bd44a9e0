//! `okta-authz`: what the filter in Envoy would say, said before it is there.
//!
//! `check` looks over configurations, `explain` decides about one request and tells why, `test` holds a policy against
//! expectations, `schema` prints the JSON Schema of the configuration. None of them decides anything by itself: that is
//! [`okta_authz_filter`], the same code that the module in Envoy is built from.

mod check;
mod clock;
mod documents;
mod elsewhere;
mod explain;
mod https;
mod output;
mod places;
mod request;
mod session;
mod source;
mod suite;
mod supply;

use std::process::ExitCode;

use lexopt::Arg;

const USAGE: &str = "\
Usage: okta-authz COMMAND ...

  check FILE...    look over configurations of the filter; `okta-authz check --help` for more
  explain ...      decide about a request, and tell why
  test FILE...     hold a policy against expectations
  schema           print the JSON Schema of the configuration

A FILE is an envoy.yaml, a file of listeners or filters for Envoy, an Istio WasmPlugin or TrafficExtension, an Envoy
Gateway EnvoyExtensionPolicy, a list of these from kubectl, or the filter's configuration alone; YAML or JSON, of up to
16 MiB; `-` is standard input.

Exit status: 0 for yes, 1 for no, 2 where the question could not be understood.
";

/// Why a question could not be answered.
struct Problem(String);

impl From<lexopt::Error> for Problem {
    fn from(error: lexopt::Error) -> Self {
        Self(error.to_string())
    }
}

/// Whether the answer is yes.
type Answer = Result<bool, Problem>;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Problem(problem)) => {
            output::complain(&format!("okta-authz: {problem}"));
            ExitCode::from(2)
        }
    }
}

fn run() -> Answer {
    let mut args = lexopt::Parser::from_env();
    let command = match args.next()? {
        Some(Arg::Value(command)) => command.to_string_lossy().into_owned(),
        Some(Arg::Short('h') | Arg::Long("help")) => return help(USAGE),
        Some(Arg::Short('V') | Arg::Long("version")) => {
            return help(concat!("okta-authz ", env!("CARGO_PKG_VERSION"), "\n"));
        }
        Some(other) => return Err(other.unexpected().into()),
        None => return Err(Problem(format!("a command is missing\n\n{USAGE}"))),
    };
    match command.as_str() {
        "check" => check::run(args),
        "explain" => explain::run(args),
        "test" => suite::run(args),
        "schema" => schema(args),
        _ => Err(Problem(format!("there is no command `{command}`\n\n{USAGE}"))),
    }
}

/// Prints the JSON Schema of the configuration.
fn schema(mut args: lexopt::Parser) -> Answer {
    if let Some(arg) = args.next()? {
        return Err(arg.unexpected().into());
    }
    output::print(&format!("{:#}", okta_authz_filter::config::schema()));
    Ok(true)
}

fn help(text: &str) -> Answer {
    output::print(text);
    Ok(true)
}
