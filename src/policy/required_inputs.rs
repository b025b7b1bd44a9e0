//! The parts of a request that the rules match.

use super::authority::HostRequirements;
use super::normalization::NormalizationOptions;
use super::request_match::NamedStringMatcher;
use super::rule::Rule;

/// The parts of a request that the rules match besides the path and the method. The filter reads
/// and checks only these.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RequiredInputs {
    /// Names of headers, in lower case.
    pub headers: Vec<String>,
    /// Names of query parameters.
    pub query_parameters: Vec<String>,
    /// Whether a rule matches the address of the client.
    pub remote_ip: bool,
    /// The requirements of the rules on the host.
    pub host: HostRequirements,
    /// The options of the normalization, with the maximum length of the parts.
    pub normalization: NormalizationOptions,
}

impl RequiredInputs {
    /// Collects the inputs of all rules.
    pub(super) fn of(rules: &[Rule]) -> Self {
        let mut inputs = Self::default();
        for matches in rules.iter().map(|rule| &rule.matches) {
            inputs.remote_ip |= matches.remote_ip.is_some();
            inputs.host.exact |= matches.hosts.is_some();
            add_names(&mut inputs.headers, &matches.headers);
            add_names(&mut inputs.query_parameters, &matches.query_parameters);
        }
        inputs
    }
}

fn add_names(names: &mut Vec<String>, matchers: &[NamedStringMatcher]) {
    for NamedStringMatcher { name, .. } in matchers {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
}
