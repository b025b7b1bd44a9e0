//! The expectation of a policy test.

use std::collections::BTreeMap;

use okta_authz_filter::filter::PermitReason;
use okta_authz_filter::json::Object;
use okta_authz_filter::protected_resource;
use okta_authz_filter::rejection::Rejection;
use serde::Deserialize;
use serde_json::Value;

use crate::explain::Decision;

/// The expected decision. All given members must be equal.
#[derive(Default, Deserialize)]
#[serde(try_from = "ExpectFields")]
pub(super) struct Expect {
    decision: Option<ExpectedDecision>,
    status: Option<u32>,
    scope: Option<String>,
    shadow: Option<Vec<String>>,
    headers: BTreeMap<String, Option<String>>,
}

/// An expected decision or code.
enum ExpectedDecision {
    Allow,
    Deny,
    Code(String),
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected `allow`, `deny`, a code, or an object with `code`, `status`, `scope`, `shadow`, `headers`"
)]
enum ExpectFields {
    Decision(String),
    Details(Object),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectDetails {
    code: Option<String>,
    status: Option<u32>,
    /// The `scope` of the challenge.
    scope: Option<String>,
    /// The codes for which shadow mode would have denied the request, in the order of the rules.
    shadow: Option<Vec<String>>,
    /// Headers for the upstream if the request is allowed, else headers of the response. Null means
    /// absent.
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
}

impl TryFrom<String> for ExpectedDecision {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let rejections = Rejection::ALL.iter().map(|rejection| rejection.code());
        let permits = PermitReason::ALL.iter().map(|reason| reason.code());
        let mut codes = rejections.chain(permits).chain([protected_resource::CODE]);
        match text.as_str() {
            "allow" => Ok(Self::Allow),
            "deny" => Ok(Self::Deny),
            code if codes.any(|known| known == code) => Ok(Self::Code(text)),
            _ => Err(format!(
                "there is no code {text:?}; allowed are `allow`, `deny` and the codes in the runbook"
            )),
        }
    }
}

impl TryFrom<ExpectFields> for Expect {
    type Error = String;

    /// Rejects an empty expectation, because every decision meets it.
    fn try_from(fields: ExpectFields) -> Result<Self, String> {
        let ExpectDetails { code, status, scope, shadow, headers } = match fields {
            ExpectFields::Decision(decision) => {
                return Ok(Self { decision: Some(decision.try_into()?), ..Self::default() });
            }
            ExpectFields::Details(details) => {
                serde_path_to_error::deserialize(Value::Object(details)).map_err(|error| error.to_string())?
            }
        };
        if code.is_none() && status.is_none() && scope.is_none() && shadow.is_none() && headers.is_empty() {
            return Err("must not be empty, because every decision meets it; allowed are `allow`, `deny`, a code, or \
                        an object with `code`, `status`, `scope`, `shadow` or `headers`"
                .to_owned());
        }
        if let Some(name) = headers.keys().find(|name| !is_header_name(name)) {
            return Err(format!("headers: {name:?} is not a header name (RFC 9110 section 5.6.2)"));
        }
        let decision = code.map(ExpectedDecision::try_from).transpose();
        let decision = decision.map_err(|problem| format!("code: {problem}"))?;
        Ok(Self { decision, status, scope, shadow, headers })
    }
}

/// Reports whether a name is a `token` of RFC 9110 section 5.6.2.
fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

impl Expect {
    /// Returns the differences between the expectation and a decision. Without `show_claims`, a
    /// difference does not contain values of identity headers.
    pub(super) fn differences(&self, decision: &Decision, show_claims: bool) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |name: &str, expected: Option<String>, actual: Option<String>| {
            let text = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
            if expected != actual {
                differences.push(format!("{name}: expected {}, got {}", text(expected), text(actual)));
            }
        };
        let some = |decision: &str| Some(decision.to_owned());
        let actual = some(if decision.is_denied() { "deny" } else { decision.decision });
        match &self.decision {
            None => {}
            Some(ExpectedDecision::Allow) => compare("decision", some("allow"), actual),
            Some(ExpectedDecision::Deny) => compare("decision", some("deny"), actual),
            Some(ExpectedDecision::Code(code)) => {
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
            let non_empty = |codes: String| Some(codes).filter(|codes| !codes.is_empty());
            compare("shadow", non_empty(shadow.join(", ")), non_empty(decision.shadows.join(", ")));
        }
        for (name, value) in &self.headers {
            let actual = decision.header(name);
            let is_hidden = decision.is_allowed() && !show_claims;
            let actual = if is_hidden && actual.is_some() && actual != value.as_deref() {
                Some("another value")
            } else {
                actual
            };
            compare(&format!("header {name}"), value.clone(), actual.map(str::to_owned));
        }
        differences
    }
}
