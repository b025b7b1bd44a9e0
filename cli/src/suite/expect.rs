//! What a test expects.

use std::collections::BTreeMap;

use okta_authz_filter::filter::PermitReason;
use okta_authz_filter::protected_resource;
use okta_authz_filter::rejection::Rejection;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::explain::Decision;

/// What a test expects; all that is given must be so.
#[derive(Default, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Expect {
    outcome: Option<Outcome>,
    status: Option<u32>,
    scope: Option<String>,
    shadow: Option<Vec<String>>,
    headers: BTreeMap<String, Option<String>>,
}

/// Whether the request passes, or more exactly.
enum Outcome {
    Allow,
    Deny,
    Code(String),
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected `allow`, `deny`, a code, or an object with `code`, `status`, `scope`, `shadow`, `headers`"
)]
enum Written {
    Outcome(Outcome),
    Details(Details),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Details {
    code: Option<Outcome>,
    status: Option<u32>,
    /// `scope` of the challenge.
    scope: Option<String>,
    /// The codes for which shadow mode would have denied the request, in the order of the rules.
    shadow: Option<Vec<String>>,
    /// Those for the backend if the request passes, else those of the answer. Null is for one that is not there.
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let rejections = Rejection::ALL.iter().map(|rejection| rejection.code());
        let permits = PermitReason::ALL.iter().map(|reason| reason.code());
        let mut codes = rejections.chain(permits).chain([protected_resource::CODE]);
        match text.as_str() {
            "allow" => Ok(Self::Allow),
            "deny" => Ok(Self::Deny),
            code if codes.any(|known| known == code) => Ok(Self::Code(text)),
            _ => Err(Error::custom("is neither `allow` nor `deny` nor a code")),
        }
    }
}

impl TryFrom<Written> for Expect {
    type Error = String;

    /// Rejects an expectation that every decision meets: its test would prove nothing.
    fn try_from(written: Written) -> Result<Self, String> {
        let Details { code, status, scope, shadow, headers } = match written {
            Written::Outcome(outcome) => return Ok(Self { outcome: Some(outcome), ..Self::default() }),
            Written::Details(details) => details,
        };
        if code.is_none() && status.is_none() && scope.is_none() && shadow.is_none() && headers.is_empty() {
            return Err("must not be empty: every decision meets it; give `allow`, `deny`, a code, or an object with \
                        `code`, `status`, `scope`, `shadow` or `headers`"
                .to_owned());
        }
        if let Some(name) = headers.keys().find(|name| !is_header_name(name)) {
            return Err(format!("headers: {name:?} is not the name of a header"));
        }
        Ok(Self { outcome: code, status, scope, shadow, headers })
    }
}

/// Tells whether this is a token of RFC 9110 section 5.6.2.
fn is_header_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(fits)
}

impl Expect {
    /// What is not as expected. Claims of a real token are not repeated.
    pub(super) fn differences(&self, decision: &Decision, show_claims: bool) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, expected: Option<String>, got: Option<String>| {
            let shown = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
            if expected != got {
                differences.push(format!("{what}: expected {}, got {}", shown(expected), shown(got)));
            }
        };
        let is = |decision: &str| Some(decision.to_owned());
        let got = is(if decision.is_denied() { "deny" } else { decision.decision });
        match &self.outcome {
            None => {}
            Some(Outcome::Allow) => compare("decision", is("allow"), got),
            Some(Outcome::Deny) => compare("decision", is("deny"), got),
            Some(Outcome::Code(code)) => {
                compare("code", Some(code.clone()), Some(decision.code.to_owned()));
            }
        }
        if let Some(status) = self.status {
            compare("status", Some(status.to_string()), decision.status().map(|status| status.to_string()));
        }
        if let Some(scope) = &self.scope {
            compare("scope", Some(scope.clone()), Some(decision.scopes().join(" ")));
        }
        if let Some(shadow) = &self.shadow {
            let listed = |codes: String| Some(codes).filter(|codes| !codes.is_empty());
            compare("shadow", listed(shadow.join(", ")), listed(decision.shadows.join(", ")));
        }
        for (name, value) in &self.headers {
            let got = decision.header(name);
            let is_hidden = decision.passes() && !show_claims && got.is_some() && got != value.as_deref();
            let got = if is_hidden { Some("another value") } else { got };
            compare(&format!("header {name}"), value.clone(), got.map(str::to_owned));
        }
        differences
    }
}
