//! The steps of a decision, recorded from the events of the core.

use okta_authz_filter::claims::Claims;
use okta_authz_filter::config::Config;
use okta_authz_filter::filter::Permit;
use okta_authz_filter::observer::{Check, DecisionEvent, DecisionObserver};
use okta_authz_filter::policy::{
    Access, MatchedPolicy, Mode, NormalizedRequest, PolicySource, RequestMatch, Rule, RuleAction,
};
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::request::AuthScheme;
use okta_authz_filter::token::JoseHeader;
use serde_json::{Value, json};

use super::requirement::{self, RequirementPart};
use crate::output;

/// The most rules that are listed because they do not decide.
const MAX_SKIPPED_RULES: usize = 20;
/// The indentation of notes and parts, in spaces.
const DETAIL_INDENT: usize = 19;

/// An observer that records the events of a decision as steps.
pub(crate) struct Recorder<'c> {
    config: &'c Config,
    /// The JSON of the configuration.
    json: &'c Value,
    show_claims: bool,
    steps: Steps,
    /// The notes of the next check, if it fails.
    notes: Vec<String>,
}

/// The recorded steps.
#[derive(Default)]
pub(crate) struct Steps {
    records: Vec<StepRecord>,
    /// The name of the provider of the token.
    pub(crate) provider: Option<String>,
    /// The codes for which rules in shadow mode would have denied the request.
    pub(crate) shadows: Vec<&'static str>,
}

#[derive(Default)]
struct StepRecord {
    name: &'static str,
    passed: bool,
    detail: String,
    /// Further lines of text.
    notes: Vec<String>,
    /// The parts of a requirement.
    parts: Vec<RequirementPart>,
}

impl<'c> Recorder<'c> {
    /// Returns a recorder; `json` is the JSON of the configuration.
    pub(crate) fn new(config: &'c Config, json: &'c Value, show_claims: bool) -> Self {
        Self { config, json, show_claims, steps: Steps::default(), notes: Vec::new() }
    }

    pub(crate) fn into_steps(self) -> Steps {
        self.steps
    }

    /// Records the identity headers, if the configuration has any.
    pub(crate) fn record_permit(&mut self, permit: &Permit) {
        if self.config.claim_to_headers.is_empty() {
            return;
        }
        let text = |(name, value): &(String, String)| {
            if self.show_claims { format!("{name}: {value}") } else { name.clone() }
        };
        let notes: Vec<String> = permit.identity_headers().iter().map(text).collect();
        let detail = if notes.is_empty() { "no identity headers" } else { "identity headers" };
        self.push(StepRecord {
            name: "headers",
            passed: true,
            detail: detail.to_owned(),
            notes,
            ..StepRecord::default()
        });
    }

    fn push(&mut self, record: StepRecord) {
        self.steps.records.push(record);
    }

    /// Sets the detail of the last step.
    fn set_detail(&mut self, detail: String) {
        if let Some(last) = self.steps.records.last_mut() {
            last.detail = detail;
        }
    }

    fn record_check(&mut self, check: Check, rejection: Option<Rejection>) {
        let detail = rejection.map(|rejection| rejection.to_string()).unwrap_or_default();
        let passed = rejection.is_none();
        let mut notes = std::mem::take(&mut self.notes);
        notes.retain(|_| !passed);
        self.push(StepRecord { name: check.name(), passed, detail, notes, ..StepRecord::default() });
    }

    fn record_policy(
        &mut self,
        request: &NormalizedRequest<'_>,
        matched: Result<MatchedPolicy<'_>, Rejection>,
    ) {
        let method = String::from_utf8_lossy(request.method);
        let line = format!("{method} {}{}", request.host, request.path.as_str());
        let allowed: Vec<_> = self.config.policy.required_inputs().normalization.allowed.names().collect();
        self.set_detail(if allowed.is_empty() {
            line
        } else {
            format!("{line} (allow_in_paths: {})", allowed.join(", "))
        });
        let (passed, detail, skipped) = match matched {
            Ok(MatchedPolicy { source, action, .. }) => {
                let skipped = if let PolicySource::Rule(index) = source { index } else { 0 };
                (true, self.describe(source, action), skipped)
            }
            Err(Rejection::NoRuleMatches) => (false, "no rule matches".to_owned(), self.config.policy.len()),
            Err(rejection @ Rejection::RemoteIpUnknown) => {
                let detail = format!("{rejection}, and a rule has `remote_ip`: use --remote-ip");
                (false, detail, 0)
            }
            Err(rejection) => (false, rejection.to_string(), 0),
        };
        let notes = self.describe_skipped(skipped, request);
        self.push(StepRecord { name: "rule", passed, detail, notes, ..StepRecord::default() });
    }

    /// Records the decision of a rule or a policy in shadow mode.
    fn record_shadow(&mut self, policy: MatchedPolicy<'_>, rejection: Option<Rejection>) {
        let detail = self.describe(policy.source, policy.action);
        let decision = match rejection {
            None => "would allow".to_owned(),
            Some(rejection) => {
                self.steps.shadows.push(rejection.code());
                format!("would deny: {} ({rejection})", rejection.code())
            }
        };
        self.push(StepRecord {
            name: "shadow",
            passed: rejection.is_none(),
            detail,
            notes: vec![decision],
            ..StepRecord::default()
        });
    }

    /// Describes a rule or a route policy: its path in the configuration, its match, its access and
    /// its mode.
    fn describe(&self, source: PolicySource<'_>, action: &RuleAction) -> String {
        let (path, policy) = match source {
            PolicySource::Rule(index) => {
                let rules = self.json.get("rules");
                (format!("rules[{index}]"), rules.and_then(|rules| rules.get(index)))
            }
            PolicySource::RoutePolicy(name) => {
                let policies = self.json.get("route_policies");
                (format!("route_policies.{name}"), policies.and_then(|policies| policies.get(name)))
            }
            PolicySource::NoRules => return "no rules: every valid token is allowed".to_owned(),
        };
        let matches = policy.and_then(|policy| policy.get("match"));
        let matches = matches.map(|matches| format!(" {matches}")).unwrap_or_default();
        let access = match action.access {
            Access::Public => "public",
            Access::Deny => "deny",
            Access::Requires(_) => "requires a token",
        };
        let mode = match action.mode {
            Mode::Enforce => "",
            Mode::Optional => ", mode optional",
            Mode::Shadow => ", mode shadow",
        };
        format!("{path}{matches}: {access}{mode}")
    }

    /// Describes why each of the first `count` rules does not decide. Of many rules, it describes
    /// the last [`MAX_SKIPPED_RULES`].
    fn describe_skipped(&self, count: usize, request: &NormalizedRequest<'_>) -> Vec<String> {
        let omitted = count.saturating_sub(MAX_SKIPPED_RULES);
        let rules = self.config.policy.rules().iter().take(count).enumerate().skip(omitted);
        let summary = (omitted > 0).then(|| format!("not the first {omitted} rules"));
        let note = |(index, rule): (usize, &Rule)| match failed_conditions(&rule.matches, request) {
            conditions if conditions.is_empty() => format!("not rules[{index}]: in shadow mode"),
            conditions => format!("not rules[{index}]: {conditions}"),
        };
        summary.into_iter().chain(rules.map(note)).collect()
    }

    fn record_token(&mut self, header: &JoseHeader, claims: &Claims) {
        let or_none = |value: Option<&str>| value.map_or("none".to_owned(), |value| format!("{value:?}"));
        let algorithm = header.algorithm.map_or("unknown", |algorithm| algorithm.name());
        let (kid, typ) = (or_none(header.key_id.as_deref()), or_none(header.typ.as_deref()));
        self.set_detail(format!("alg {algorithm}, kid {kid}, typ {typ}"));
        if self.show_claims
            && let Some(last) = self.steps.records.last_mut()
        {
            let claims = claims.members().map(|(name, value)| format!("{name}: {value}"));
            last.notes.extend(claims);
        }
    }
}

impl Steps {
    /// Adds the reason for a missing document to the check that needs the document.
    pub(crate) fn note_fetch_failure(&mut self, check: Check, problem: String) {
        if let Some(step) = self.records.iter_mut().find(|step| step.name == check.name()) {
            step.notes.push(problem);
        }
    }

    /// Returns the steps as lines of text.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for step in &self.records {
            let result = if step.passed { "ok" } else { "NO" };
            let line = format!("  {result}  {:<12} {}", step.name, step.detail);
            lines.push(output::line(line.trim_end()));
            lines.extend(step.notes.iter().map(|note| output::line(&format!("{:DETAIL_INDENT$}{note}", ""))));
            step.parts.iter().for_each(|part| part.lines(DETAIL_INDENT, &mut lines));
        }
        lines
    }

    pub(crate) fn to_json(&self) -> Value {
        self.records.iter().map(StepRecord::to_json).collect()
    }
}

impl StepRecord {
    fn to_json(&self) -> Value {
        let mut step = json!({ "step": self.name, "ok": self.passed });
        if let Some(step) = step.as_object_mut() {
            if !self.detail.is_empty() {
                step.insert("detail".to_owned(), json!(self.detail));
            }
            if !self.notes.is_empty() {
                step.insert("notes".to_owned(), json!(self.notes));
            }
            if !self.parts.is_empty() {
                step.insert("parts".to_owned(), self.parts.iter().map(RequirementPart::to_json).collect());
            }
        }
        step
    }
}

impl DecisionObserver for Recorder<'_> {
    fn record(&mut self, event: DecisionEvent<'_>) {
        match event {
            DecisionEvent::Checked(check, rejection) => self.record_check(check, rejection),
            DecisionEvent::PolicySelected(request, matched) => self.record_policy(request, matched),
            DecisionEvent::TokenParsed(header, claims) => self.record_token(header, claims),
            DecisionEvent::ProofTargetCompared(htu, target) => {
                let target = target.map_or_else(
                    || {
                        "no URL of the request: `dpop.external_urls` has no entry for its host, or its scheme is \
                         unknown"
                            .to_owned()
                    },
                    |target| format!("URL of the request {:?}", target.to_string()),
                );
                self.notes = vec![format!("htu {htu:?}"), target];
            }
            DecisionEvent::CredentialFound(AuthScheme::Bearer) => {}
            DecisionEvent::CredentialFound(scheme) => self.set_detail(format!("scheme {}", scheme.name())),
            DecisionEvent::ProviderSelected { name, .. } => {
                self.set_detail(format!("provider {name:?}"));
                self.steps.provider = Some(name.to_owned());
            }
            DecisionEvent::RequirementEvaluated(requirement, context) => {
                let parts = requirement::parts(requirement, &context);
                let passed = requirement.check(&context).is_ok();
                let detail = if parts.is_empty() { "any valid token" } else { "" }.to_owned();
                self.push(StepRecord { name: "requirement", passed, detail, parts, ..StepRecord::default() });
            }
            DecisionEvent::ShadowEvaluated(policy, rejection) => self.record_shadow(policy, rejection),
        }
    }
}

/// Returns the conditions of a rule that the request does not meet, each evaluated separately.
fn failed_conditions(matches: &RequestMatch, request: &NormalizedRequest<'_>) -> String {
    let RequestMatch { path, methods, hosts, headers, query_parameters, remote_ip } = matches.clone();
    let none = RequestMatch::default;
    let mut conditions = vec![
        ("path".to_owned(), RequestMatch { path, ..none() }),
        ("methods".to_owned(), RequestMatch { methods, ..none() }),
        ("hosts".to_owned(), RequestMatch { hosts, ..none() }),
    ];
    for header in headers {
        conditions
            .push((format!("header {}", header.name), RequestMatch { headers: vec![header], ..none() }));
    }
    for parameter in query_parameters {
        let name = format!("query parameter {}", parameter.name);
        conditions.push((name, RequestMatch { query_parameters: vec![parameter], ..none() }));
    }
    conditions.push(("remote_ip".to_owned(), RequestMatch { remote_ip, ..none() }));
    let failed = conditions.into_iter().filter(|(_, condition)| !condition.matches(request));
    failed.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}
