//! The settings of `make up`: ports, Okta org, the file of Okta's SDK, and DPoP.

use std::path::PathBuf;

use serde_json::{Value, json};

/// The ports of the programs. 0 is a free port.
#[derive(Clone, Copy)]
pub struct Ports {
    pub envoy: u16,
    pub app: u16,
    pub okta_http: u16,
    pub okta_https: u16,
    pub page: u16,
}

impl Ports {
    /// The ports of envoy.yaml, and 8081 for the page.
    pub const OF_ENVOY_YAML: Self =
        Self { envoy: 10_000, app: 8000, okta_http: 9080, okta_https: 9443, page: 8081 };
    /// Free ports, so the check of the page does not conflict with another `make up`.
    pub const FREE: Self = Self { envoy: 0, app: 0, okta_http: 0, okta_https: 0, page: 0 };

    /// Returns whether these are free ports.
    pub const fn is_free(self) -> bool {
        self.envoy == 0
    }
}

/// The org that issues the tokens.
pub enum Org {
    /// The stand-in.
    StandIn,
    /// A real org.
    Real { issuer: String, audience: String, client_id: Option<String> },
}

/// The settings.
pub struct Settings {
    pub ports: Ports,
    pub org: Org,
    /// The file of Okta's SDK for the page, if npm could install it.
    pub sdk: Option<PathBuf>,
    /// The field `dpop` of the filter's configuration.
    pub dpop: Option<Value>,
}

impl Settings {
    /// Reads `OKTA_ISSUER`, `OKTA_AUDIENCE`, `OKTA_CLIENT_ID`, `OKTA_AUTHZ_SPA_SDK` and
    /// `OKTA_AUTHZ_DPOP`. An empty variable is a missing one.
    pub fn from_environment(ports: Ports) -> Result<Self, String> {
        let org = match variable("OKTA_ISSUER") {
            Some(_) if ports.is_free() => {
                return Err("OKTA_ISSUER needs the fixed ports, which the org's app names".to_owned());
            }
            Some(issuer) => Org::Real {
                issuer,
                audience: variable("OKTA_AUDIENCE").unwrap_or_else(|| "api://default".to_owned()),
                client_id: variable("OKTA_CLIENT_ID"),
            },
            None => Org::StandIn,
        };
        let sdk = variable("OKTA_AUTHZ_SPA_SDK").map(PathBuf::from);
        Ok(Self { ports, org, sdk, dpop: dpop(variable("OKTA_AUTHZ_DPOP").as_deref())? })
    }
}

/// Returns the field `dpop`, for clients that reach Envoy by plain HTTP.
fn dpop(mode: Option<&str>) -> Result<Option<Value>, String> {
    match mode {
        None | Some("no") => Ok(None),
        Some("yes") => Ok(Some(json!({ "scheme": "http" }))),
        Some("nonce") => Ok(Some(json!({ "scheme": "http", "nonce": { "lifetime": "2m" } }))),
        Some(other) => Err(format!("OKTA_AUTHZ_DPOP must be `yes`, `nonce` or `no`, not {other}")),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
