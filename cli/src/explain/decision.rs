//! The decision about a request, as the client and the upstream see it.

use okta_authz_filter::filter::{Filter, PermitReason, Verdict};
use okta_authz_filter::protected_resource;
use okta_authz_filter::reply::{Denial, Reply};
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};

/// The decision about a request.
pub(crate) struct Decision {
    /// `allow`, `deny`, `wait`, or `answer` if the filter responds with protected resource
    /// metadata.
    pub(crate) decision: &'static str,
    pub(crate) code: &'static str,
    /// The description of the code; empty if there is none.
    pub(crate) sentence: String,
    /// Whether only the configuration's `mode: shadow` allows the request.
    pub(crate) is_shadow: bool,
    /// The codes for which shadow mode would have denied the request: those of rules, then that of
    /// the policy.
    pub(crate) shadows: Vec<&'static str>,
    /// Whether the request has a verified identity.
    is_identified: bool,
    /// The response to a request that is not allowed; for one that waits, the response after the
    /// timeout.
    pub(crate) reply: Option<Reply>,
    /// The data of the challenge.
    denial: Option<Denial>,
    /// The headers that the filter sets for the upstream.
    pub(crate) identity_headers: Vec<(String, String)>,
}

impl Decision {
    pub(crate) fn new(
        verdict: &Verdict,
        filter: &Filter,
        (head, at): (&RequestHead<'_>, UnixTime),
        shadows: &[&'static str],
    ) -> Self {
        let mut shadows = shadows.to_vec();
        match verdict {
            Verdict::Allow(permit) => {
                let (is_shadow, sentence) = match permit.reason() {
                    PermitReason::Shadow(rejection) => {
                        shadows.push(rejection.code());
                        (true, format!("not enforced: {rejection}"))
                    }
                    _ => (false, String::new()),
                };
                Self {
                    decision: "allow",
                    code: permit.reason().code(),
                    sentence,
                    is_shadow,
                    shadows,
                    is_identified: permit.is_verified(),
                    reply: None,
                    denial: None,
                    identity_headers: permit.identity_headers().to_vec(),
                }
            }
            Verdict::LocalResponse(reply) => Self {
                decision: "answer",
                code: protected_resource::CODE,
                sentence: String::new(),
                is_shadow: false,
                shadows,
                is_identified: false,
                reply: Some(reply.clone()),
                denial: None,
                identity_headers: Vec::new(),
            },
            Verdict::Deny(denial) => {
                Self { shadows, ..Self::denied("deny", denial.clone(), filter.reply(denial, head, at)) }
            }
            Verdict::Wait(pending) => {
                let denial = Denial::from(pending.rejection_on_timeout);
                let reply = filter.reply(&denial, head, at);
                Self { shadows, ..Self::denied("wait", denial, reply) }
            }
        }
    }

    fn denied(decision: &'static str, denial: Denial, reply: Reply) -> Self {
        Self {
            decision,
            code: denial.rejection.code(),
            sentence: denial.rejection.to_string(),
            is_shadow: false,
            shadows: Vec::new(),
            is_identified: false,
            reply: Some(reply),
            denial: Some(denial),
            identity_headers: Vec::new(),
        }
    }

    /// Reports whether Envoy forwards the request to the upstream.
    pub(crate) fn is_allowed(&self) -> bool {
        self.decision == "allow"
    }

    /// Reports whether the filter denies the request or waits.
    pub(crate) fn is_denied(&self) -> bool {
        self.denial.is_some()
    }

    /// Returns the HTTP status of the response.
    pub(crate) fn status(&self) -> Option<u32> {
        self.reply.as_ref().map(|reply| reply.status)
    }

    /// Returns a header of the response.
    pub(crate) fn reply_header(&self, name: &str) -> Option<&str> {
        let headers = &self.reply.as_ref()?.headers;
        headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns a header for the upstream if the request is allowed, else one of the response.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let has_name = |(header, _): &&(String, String)| header.eq_ignore_ascii_case(name);
        let value = self.identity_headers.iter().find(has_name).map(|(_, value)| value.as_str());
        value.or_else(|| self.reply_header(name))
    }

    /// Returns the scopes that the challenge names.
    pub(crate) fn scopes(&self) -> &[String] {
        self.denial.as_ref().map_or(&[], |denial| &denial.scopes)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let mut first = format!("{}: {}", self.decision, self.code);
        if let Some(status) = self.status() {
            first.push_str(&format!(", {status}"));
        }
        if !self.sentence.is_empty() {
            first.push_str(&format!(" ({})", self.sentence));
        }
        let mut lines = vec![first];
        if !self.shadows.is_empty() {
            lines.push(format!("  shadow mode would deny: {}", self.shadows.join(", ")));
        }
        if self.decision == "wait" {
            lines.push("  waits for keys; this is the response if they do not arrive in time".to_owned());
        }
        if let Some(challenge) = self.reply_header("www-authenticate") {
            lines.push(format!("  www-authenticate: {challenge}"));
        }
        lines
    }

    pub(crate) fn to_json(&self, show_claims: bool) -> Value {
        let step_up = self.denial.as_ref().map(|denial| &denial.step_up);
        let headers: Value = if show_claims {
            let headers = self.identity_headers.iter();
            Value::Object(headers.map(|(name, value)| (name.clone(), json!(value))).collect())
        } else {
            self.identity_headers.iter().map(|(name, _)| json!(name)).collect()
        };
        json!({
            "decision": self.decision,
            "code": self.code,
            "shadow": self.is_shadow,
            "shadow_codes": self.shadows,
            "identified": self.is_identified,
            "status": self.status(),
            "www_authenticate": self.reply_header("www-authenticate"),
            "scopes": self.scopes(),
            "acr_values": step_up.map_or(&[][..], |step_up| &step_up.acr_values),
            "max_age": step_up.and_then(|step_up| step_up.max_age),
            "identity_headers": headers,
        })
    }
}
