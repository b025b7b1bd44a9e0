//! Names in TLS: the SNI that Envoy sends, and the subject alternative names (SAN) that it accepts.

use std::net::IpAddr;

use serde_json::Value;

use super::envoy_json::{any, is_true, list, list_at, text};
use super::tls::TlsProblem;

/// The names of one TLS context.
pub(super) struct TlsNames<'a> {
    sni: Option<&'a str>,
    /// `auto_sni`: the SNI is the host of the request.
    sni_from_request: bool,
    /// `auto_host_sni`: the SNI is the name of the endpoint.
    sni_from_endpoint: bool,
    /// `auto_san_validation`: the certificate must be for the host of the request.
    san_from_request: bool,
    /// `auto_sni_san_validation`: the certificate must be for the SNI.
    san_from_sni: bool,
    endpoints: Vec<&'a str>,
    /// The hosts that the filter fetches from.
    hosts: &'a [String],
}

impl<'a> TlsNames<'a> {
    /// Reads the names of an `UpstreamTlsContext` and of its cluster.
    pub(super) fn new(tls: &'a Value, cluster: &'a Value, hosts: &'a [String]) -> Self {
        let options = ["typed_extension_protocol_options", "upstream_http_protocol_options"];
        let options: Vec<&Value> = options.iter().filter_map(|name| cluster.get(*name)).collect();
        let automatic = |name: &str| options.iter().any(|value| any(value, &|value| is_true(value, name)));
        Self {
            sni: text(tls, "sni").filter(|sni| !sni.is_empty()),
            sni_from_request: automatic("auto_sni"),
            sni_from_endpoint: is_true(tls, "auto_host_sni"),
            san_from_request: automatic("auto_san_validation"),
            san_from_sni: is_true(tls, "auto_sni_san_validation"),
            endpoints: endpoints(cluster),
            hosts,
        }
    }

    /// Returns why Envoy may send no SNI, or one of another host.
    pub(super) fn sni_problems(&self) -> Vec<TlsProblem> {
        let host = self.hosts.first().map_or("", String::as_str);
        // `auto_sni` overrides the other settings, and the host of the request is correct.
        if self.sni_from_request {
            return Vec::new();
        }
        if self.sni_from_endpoint {
            let other = self.endpoints.iter().find(|name| !self.is_expected(name));
            let problem = other.map(|name| {
                format!(
                    "the cluster sends the name of its endpoint, {name:?}, as SNI, but the filter fetches from {host:?}"
                )
            });
            return problem.map(TlsProblem::Insecure).into_iter().collect();
        }
        let problem = match self.sni {
            None if self.hosts.iter().all(|host| is_address(host)) => return Vec::new(),
            None => format!(
                "the cluster sends no SNI: the server may present a certificate for another host; use `sni: {host}`"
            ),
            Some(sni) if self.is_expected(sni) => return Vec::new(),
            Some(sni) => format!("the cluster sends the SNI {sni:?}, but the filter fetches from {host:?}"),
        };
        vec![TlsProblem::Insecure(problem)]
    }

    /// Returns why Envoy accepts certificates for other names. Unless the validation context is
    /// complete, the names may be in a secret.
    pub(super) fn san_problems(&self, validation: &Value, is_complete: bool) -> Vec<TlsProblem> {
        // Both replace the list of names.
        if self.san_from_request || self.san_from_sni {
            return Vec::new();
        }
        let typed = list(validation, "match_typed_subject_alt_names");
        let untyped = list(validation, "match_subject_alt_names");
        if typed.is_empty() && untyped.is_empty() {
            let problem =
                "the cluster accepts a certificate for any name: it has no `match_typed_subject_alt_names`";
            return vec![if is_complete {
                TlsProblem::Insecure(problem.to_owned())
            } else {
                TlsProblem::Unproved(
                    "the accepted names may come from a secret (SDS): check cannot see them".to_owned(),
                )
            }];
        }
        let typed = typed.iter().enumerate().filter_map(|(index, entry)| {
            let at = format!("match_typed_subject_alt_names[{index}]");
            let matcher = entry.get("matcher").unwrap_or(&Value::Null);
            match text(entry, "san_type") {
                Some("DNS") => self.name_problem(&at, matcher),
                Some("IP_ADDRESS") if self.pins_address(matcher) => None,
                san_type => {
                    Some(format!("{at} must be of the type `DNS`, not {}", san_type.unwrap_or("none")))
                }
            }
        });
        let untyped = untyped.iter().enumerate().filter_map(|(index, matcher)| {
            self.name_problem(&format!("match_subject_alt_names[{index}]"), matcher)
        });
        typed.chain(untyped).map(TlsProblem::Insecure).collect()
    }

    /// Returns why a matcher accepts the names of other hosts.
    fn name_problem(&self, at: &str, matcher: &Value) -> Option<String> {
        let host = self.hosts.first().map_or("", String::as_str);
        if let Some(name) = text(matcher, "exact") {
            let is_expected =
                self.is_expected(name) || self.hosts.iter().any(|host| is_wildcard_of(name, host));
            return (!is_expected).then(|| {
                format!("{at} accepts certificates for {name:?}, but the filter fetches from {host:?}")
            });
        }
        let pattern = matcher.get("safe_regex").and_then(|regex| text(regex, "regex"));
        if pattern.and_then(literal).is_some_and(|name| self.is_expected(&name)) {
            return None;
        }
        Some(format!("{at} may accept certificates for other hosts: use `exact: {host}`"))
    }

    /// Reports whether a matcher accepts only the address of a host.
    fn pins_address(&self, matcher: &Value) -> bool {
        let address = text(matcher, "exact").and_then(|text| text.parse::<IpAddr>().ok());
        address.is_some() && self.hosts.iter().any(|host| host.parse().ok() == address)
    }

    /// Reports whether the name is one of the hosts that the filter fetches from.
    fn is_expected(&self, name: &str) -> bool {
        self.hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
    }
}

/// Reports whether the name is `*.okta.com` for `acme.okta.com`. Envoy compares it with the text in
/// the certificate, and a wildcard certificate is valid for the host.
fn is_wildcard_of(name: &str, host: &str) -> bool {
    let parent = host.split_once('.').map_or("", |(_, parent)| parent);
    parent.contains('.') && name.strip_prefix("*.").is_some_and(|rest| rest.eq_ignore_ascii_case(parent))
}

/// Returns the only text that a regular expression matches; `None` if it matches others. Envoy
/// matches the whole text.
fn literal(pattern: &str) -> Option<String> {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let pattern = pattern.strip_suffix('$').unwrap_or(pattern);
    let mut text = String::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => characters.next().filter(|escaped| !escaped.is_ascii_alphanumeric())?,
            '[' => {
                let class: Vec<char> =
                    characters.by_ref().take_while(|character| *character != ']').collect();
                match class.as_slice() {
                    [only] if *only != '^' => *only,
                    _ => return None,
                }
            }
            plain if plain.is_ascii_alphanumeric() || plain == '-' || plain == '_' => plain,
            _ => return None,
        });
    }
    Some(text)
}

fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

/// Returns the names of the endpoints: the `hostname`, or else the address.
fn endpoints(cluster: &Value) -> Vec<&str> {
    let groups = list_at(cluster, "/load_assignment/endpoints").iter();
    let endpoints = groups
        .flat_map(|group| list(group, "lb_endpoints"))
        .filter_map(|lb_endpoint| lb_endpoint.get("endpoint"));
    endpoints
        .filter_map(|endpoint| {
            let address = endpoint.pointer("/address/socket_address/address").and_then(Value::as_str);
            text(endpoint, "hostname").filter(|name| !name.is_empty()).or(address)
        })
        .collect()
}
