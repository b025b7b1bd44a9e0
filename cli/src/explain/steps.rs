//! The steps of a decision, as the core tells them, in words.

use okta_authz_filter::claims::Claims;
use okta_authz_filter::config::Config;
use okta_authz_filter::filter::Permit;
use okta_authz_filter::policy::{
    Access, MatchedPolicy, Mode, NormalizedRequest, PolicySource, RequestMatch, Rule, RuleAction,
};
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::token::JoseHeader;
use okta_authz_filter::trace::{Check, DecisionObserver, TraceEvent};
use serde_json::{Value, json};

use super::requirement::{self, Part};
use crate::output;

/// More rules than this are not told one by one.
const MAX_PASSED_OVER: usize = 20;

/// Listens to the core, and puts down what it says.
pub(crate) struct Recorder<'c> {
    config: &'c Config,
    /// The configuration as its author wrote it.
    written: &'c Value,
    show_claims: bool,
    steps: Steps,
}

/// What has been put down.
#[derive(Default)]
pub(crate) struct Steps {
    told: Vec<Told>,
    /// Whose keys the decision depends on.
    pub(crate) provider: Option<String>,
    /// The codes for which rules in shadow mode would have denied the request.
    pub(crate) shadows: Vec<&'static str>,
}

/// A step.
#[derive(Default)]
struct Told {
    name: &'static str,
    passed: bool,
    detail: String,
    /// What there is to say besides, line by line.
    notes: Vec<String>,
    parts: Vec<Part>,
}

impl<'c> Recorder<'c> {
    pub(crate) fn new(config: &'c Config, written: &'c Value, show_claims: bool) -> Self {
        Self { config, written, show_claims, steps: Steps::default() }
    }

    pub(crate) fn into_steps(self) -> Steps {
        self.steps
    }

    /// What the backend is told.
    pub(crate) fn permit(&mut self, permit: &Permit) {
        if !self.config.claim_to_headers.is_empty() {
            let shown = |(name, value): &(String, String)| {
                if self.show_claims { format!("{name}: {value}") } else { name.clone() }
            };
            let notes: Vec<String> = permit.identity_headers().iter().map(shown).collect();
            let detail = if notes.is_empty() { "none for the backend" } else { "for the backend" };
            self.tell(Told {
                name: "headers",
                passed: true,
                detail: detail.to_owned(),
                notes,
                ..Told::default()
            });
        }
    }

    fn tell(&mut self, told: Told) {
        self.steps.told.push(told);
    }

    /// Adds to what was told last.
    fn add(&mut self, detail: String) {
        if let Some(last) = self.steps.told.last_mut() {
            last.detail = detail;
        }
    }

    fn ruled(&mut self, target: &NormalizedRequest<'_>, matched: Result<MatchedPolicy<'_>, Rejection>) {
        let request =
            format!("{} {}{}", String::from_utf8_lossy(target.method), target.host, target.path.as_str());
        let allowed: Vec<_> = self.config.policy.required_inputs().normalization.allowed.names().collect();
        let allowed = if allowed.is_empty() {
            String::new()
        } else {
            format!(" (allow_in_paths: {})", allowed.join(", "))
        };
        self.add(format!("{request}{allowed}"));
        let (passed, detail, first) = match matched {
            Ok(MatchedPolicy { source, action, .. }) => {
                let first = if let PolicySource::Rule(index) = source { index } else { 0 };
                (true, self.describe(source, action), first)
            }
            Err(Rejection::NoRuleMatches) => (false, "none matches".to_owned(), self.config.policy.len()),
            Err(rejection @ Rejection::RemoteIpUnknown) => {
                let detail = format!("{rejection}, and a rule has `remote_ip`: give it with --remote-ip");
                (false, detail, 0)
            }
            Err(rejection) => (false, rejection.to_string(), 0),
        };
        let notes = self.passed_over(first, target);
        self.tell(Told { name: "rule", passed, detail, notes, ..Told::default() });
    }

    /// Records the decision that a rule or a policy in shadow mode would have made.
    fn shadowed(&mut self, policy: MatchedPolicy<'_>, rejection: Option<Rejection>) {
        let detail = self.describe(policy.source, policy.action);
        let would = match rejection {
            None => "would allow".to_owned(),
            Some(rejection) => {
                self.steps.shadows.push(rejection.code());
                format!("would deny: {} ({rejection})", rejection.code())
            }
        };
        self.tell(Told {
            name: "shadow",
            passed: rejection.is_none(),
            detail,
            notes: vec![would],
            ..Told::default()
        });
    }

    /// Describes a rule or a route policy: its path in the configuration, its conditions, its access and its mode.
    fn describe(&self, source: PolicySource<'_>, action: &RuleAction) -> String {
        let (path, written) = match source {
            PolicySource::Rule(index) => {
                let rules = self.written.get("rules");
                (format!("rules[{index}]"), rules.and_then(|rules| rules.get(index)))
            }
            PolicySource::RoutePolicy(name) => {
                let policies = self.written.get("route_policies");
                (format!("route_policies.{name}"), policies.and_then(|policies| policies.get(name)))
            }
            PolicySource::NoRules => return "there are no rules: any valid token will do".to_owned(),
        };
        let matches = written.and_then(|rule| rule.get("match"));
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

    /// Why each of the first rules is not for this request; of many, the last.
    fn passed_over(&self, first: usize, target: &NormalizedRequest<'_>) -> Vec<String> {
        let untold = first.saturating_sub(MAX_PASSED_OVER);
        let rules = self.config.policy.rules().iter().take(first).enumerate().skip(untold);
        let many = (untold > 0).then(|| format!("not the first {untold} rules"));
        let each = |(index, rule): (usize, &Rule)| match unmatched(&rule.matches, target) {
            conditions if conditions.is_empty() => format!("not rules[{index}]: in shadow mode"),
            conditions => format!("not rules[{index}]: {conditions}"),
        };
        many.into_iter().chain(rules.map(each)).collect()
    }

    fn read(&mut self, header: &JoseHeader, claims: &Claims) {
        let or_none = |value: Option<&str>| value.map_or("none".to_owned(), |value| format!("{value:?}"));
        let algorithm = header.algorithm.map_or("unknown", |algorithm| algorithm.name());
        let (kid, typ) = (or_none(header.key_id.as_deref()), or_none(header.typ.as_deref()));
        self.add(format!("alg {algorithm}, kid {kid}, typ {typ}"));
        if self.show_claims
            && let Some(told) = self.steps.told.last_mut()
        {
            let claims = claims.members().map(|(name, value)| format!("{name}: {value}"));
            told.notes.extend(claims);
        }
    }
}

impl Steps {
    /// That something has not come which a check depends on, and why.
    pub(crate) fn undelivered(&mut self, check: Check, problem: String) {
        if let Some(step) = self.told.iter_mut().find(|step| step.name == check.name()) {
            step.notes.push(problem);
        }
    }

    /// The steps, as lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for told in &self.told {
            let mark = if told.passed { "ok" } else { "NO" };
            let line = format!("  {mark}  {:<12} {}", told.name, told.detail);
            lines.push(output::line(line.trim_end()));
            lines.extend(told.notes.iter().map(|note| output::line(&format!("{:19}{note}", ""))));
            told.parts.iter().for_each(|part| part.lines(19, &mut lines));
        }
        lines
    }

    pub(crate) fn to_json(&self) -> Value {
        let step = |told: &Told| {
            let mut step = json!({ "step": told.name, "ok": told.passed });
            if let Some(step) = step.as_object_mut() {
                if !told.detail.is_empty() {
                    step.insert("detail".to_owned(), json!(told.detail));
                }
                if !told.notes.is_empty() {
                    step.insert("notes".to_owned(), json!(told.notes));
                }
                if !told.parts.is_empty() {
                    step.insert("parts".to_owned(), told.parts.iter().map(Part::to_json).collect());
                }
            }
            step
        };
        self.told.iter().map(step).collect()
    }
}

impl DecisionObserver for Recorder<'_> {
    fn record(&mut self, event: TraceEvent<'_>) {
        match event {
            TraceEvent::Checked(check, rejection) => {
                let detail = rejection.map(|rejection| rejection.to_string()).unwrap_or_default();
                self.tell(Told {
                    name: check.name(),
                    passed: rejection.is_none(),
                    detail,
                    ..Told::default()
                });
            }
            TraceEvent::PolicySelected(target, matched) => self.ruled(target, matched),
            TraceEvent::TokenParsed(header, claims) => self.read(header, claims),
            TraceEvent::ProviderSelected { name, .. } => {
                self.add(format!("provider {name:?}"));
                self.steps.provider = Some(name.to_owned());
            }
            TraceEvent::RequirementEvaluated(requirement, subject) => {
                let parts = requirement::parts(requirement, &subject);
                let passed = requirement.check(&subject).is_ok();
                let detail = if parts.is_empty() { "any valid token" } else { "" }.to_owned();
                self.tell(Told { name: "requirement", passed, detail, parts, ..Told::default() });
            }
            TraceEvent::ShadowEvaluated(policy, rejection) => self.shadowed(policy, rejection),
        }
    }
}

/// Which of a rule's conditions do not hold, each asked on its own.
fn unmatched(matches: &RequestMatch, target: &NormalizedRequest<'_>) -> String {
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
    let failed = conditions.into_iter().filter(|(_, condition)| !condition.matches(target));
    failed.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}
