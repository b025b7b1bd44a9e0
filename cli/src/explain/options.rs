//! The command line of `okta-authz explain`.

use std::path::{Path, PathBuf};

use lexopt::{Arg, Parser, ValueExt as _};
use okta_authz_filter::request::AuthScheme;

use crate::request::{Headers, Request, check_certificate_sha256};
use crate::{CliError, documents};

/// The options of the command line.
#[derive(Default)]
pub(super) struct Options {
    pub(super) config: Option<PathBuf>,
    pub(super) select: Option<String>,
    pub(super) token: Option<String>,
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) host: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) remote_ip: Option<std::net::IpAddr>,
    pub(super) route_policy: Option<String>,
    pub(super) client_certificate_sha256: Option<String>,
    pub(super) jwks: Vec<String>,
    pub(super) denylist: Option<String>,
    pub(super) introspection: Option<PathBuf>,
    pub(super) ca: Option<PathBuf>,
    pub(super) offline: bool,
    pub(super) at: Option<u64>,
    pub(super) fetched_at: Option<u64>,
    pub(super) show_claims: bool,
    pub(super) as_json: bool,
    pub(super) batch: Option<PathBuf>,
}

impl Options {
    /// Parses the arguments. Returns `None` for `--help`.
    pub(super) fn parse(mut args: Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self::default();
        while let Some(arg) = args.next()? {
            match arg {
                Arg::Long("config") => options.config = Some(args.value()?.into()),
                Arg::Long("select") => options.select = Some(args.value()?.string()?),
                Arg::Long("token") => options.token = Some(args.value()?.string()?),
                Arg::Long("method") => options.method = Some(args.value()?.string()?),
                Arg::Long("path") => options.path = Some(args.value()?.string()?),
                Arg::Long("host") => options.host = Some(args.value()?.string()?),
                Arg::Long("header") => {
                    let header = |text: &str| match text.split_once(':') {
                        Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
                        None => Err("must be `NAME: VALUE`"),
                    };
                    options.headers.push(args.value()?.parse_with(header)?);
                }
                Arg::Long("remote-ip") => options.remote_ip = Some(args.value()?.parse()?),
                Arg::Long("route-policy") => options.route_policy = Some(args.value()?.string()?),
                Arg::Long("client-certificate-sha256") => {
                    let digest = |text: &str| check_certificate_sha256(text).map(|()| text.to_owned());
                    options.client_certificate_sha256 = Some(args.value()?.parse_with(digest)?);
                }
                Arg::Long("jwks") => options.jwks.push(args.value()?.string()?),
                Arg::Long("denylist") => options.denylist = Some(args.value()?.string()?),
                Arg::Long("introspection") => options.introspection = Some(args.value()?.into()),
                Arg::Long("ca") => options.ca = Some(args.value()?.into()),
                Arg::Long("offline") => options.offline = true,
                Arg::Long("at") => options.at = Some(args.value()?.parse()?),
                Arg::Long("fetched-at") => options.fetched_at = Some(args.value()?.parse()?),
                Arg::Long("show-claims") => options.show_claims = true,
                Arg::Long("json") => options.as_json = true,
                Arg::Long("batch") => options.batch = Some(args.value()?.into()),
                Arg::Short('h') | Arg::Long("help") => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(options))
    }

    pub(super) fn request(&self) -> Result<Request, CliError> {
        let path = self.path.clone().ok_or_else(|| CliError("--path is missing".to_owned()))?;
        let mut request = Request {
            method: self.method.clone().unwrap_or_else(|| "GET".to_owned()),
            path,
            host: self.host.clone().unwrap_or_default(),
            headers: Headers::default(),
            remote_ip: self.remote_ip,
            route_policy: self.route_policy.clone(),
            client_certificate_sha256: self.client_certificate_sha256.clone(),
        };
        for (name, value) in &self.headers {
            request.headers.push(name, value.clone());
        }
        if let Some(token) = &self.token {
            request.authorize(&read_token(token)?, AuthScheme::Bearer);
        }
        Ok(request)
    }
}

/// Returns the token of `TOKEN`, `@FILE` or `-`. Other users of the machine can read a command
/// line, so a token should come from a file.
fn read_token(argument: &str) -> Result<String, CliError> {
    let file = match argument.strip_prefix('@') {
        Some(file) => file,
        None if argument == "-" => argument,
        None if Path::new(argument).is_file() => {
            return Err(CliError(format!("--token: {argument:?} is a file: use `@{argument}`")));
        }
        None => return Ok(argument.to_owned()),
    };
    let bytes = documents::read(file.as_ref())?;
    let token = str::from_utf8(&bytes).map_err(|_| CliError(format!("{file}: the token must be UTF-8")))?;
    Ok(token.trim().to_owned())
}
