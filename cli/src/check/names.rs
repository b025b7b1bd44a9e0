//! Names in TLS: the one that is sent (SNI), and those that a certificate is accepted for (SAN).

use std::net::IpAddr;

use serde_json::Value;

use super::read::{any, is_true, list, text};
use super::tls::Problem;

/// The names of one TLS context.
pub(super) struct Names<'a> {
    sni: Option<&'a str>,
    /// The SNI is the host of each request.
    by_request: bool,
    /// The SNI is the name of the endpoint.
    by_endpoint: bool,
    /// The certificate must be for the host of each request.
    san_by_request: bool,
    /// The certificate must be for the SNI.
    san_by_sni: bool,
    endpoints: Vec<&'a str>,
    hosts: &'a [String],
}

impl<'a> Names<'a> {
    pub(super) fn new(tls: &'a Value, cluster: &'a Value, hosts: &'a [String]) -> Self {
        let options = ["typed_extension_protocol_options", "upstream_http_protocol_options"];
        let options: Vec<&Value> = options.iter().filter_map(|name| cluster.get(*name)).collect();
        let automatic = |name: &str| options.iter().any(|value| any(value, &|value| is_true(value, name)));
        Self {
            sni: text(tls, "sni").filter(|sni| !sni.is_empty()),
            by_request: automatic("auto_sni"),
            by_endpoint: is_true(tls, "auto_host_sni"),
            san_by_request: automatic("auto_san_validation"),
            san_by_sni: is_true(tls, "auto_sni_san_validation"),
            endpoints: endpoints(cluster),
            hosts,
        }
    }

    pub(super) fn sni_problems(&self) -> Vec<Problem> {
        let other = |what: &str, name: &str| {
            let hosts = self.hosts.first().map_or("", String::as_str);
            Problem::Wrong(format!("the cluster {what} {name:?}, but the filter asks the host {hosts:?}"))
        };
        // What Envoy takes from the request wins, and is right.
        if self.by_request {
            return Vec::new();
        }
        if self.by_endpoint {
            let foreign = self.endpoints.iter().find(|name| !self.is_ours(name));
            return foreign.map(|name| other("sends the SNI of its endpoint,", name)).into_iter().collect();
        }
        match self.sni {
            None => {
                let problem =
                    "the cluster sends no SNI: the server cannot tell which certificate is asked for";
                let is_needed = !self.hosts.iter().all(|host| is_address(host));
                is_needed.then(|| Problem::Wrong(problem.to_owned())).into_iter().collect()
            }
            Some(sni) if self.is_ours(sni) => Vec::new(),
            Some(sni) => vec![other("sends the SNI", sni)],
        }
    }

    /// Returns why certificates for other names are accepted. If a secret adds to the validation context, its names may
    /// be there.
    pub(super) fn san_problems(&self, validation: &Value, is_complete: bool) -> Vec<Problem> {
        // Both replace the list.
        if self.san_by_request || self.san_by_sni {
            return Vec::new();
        }
        let typed = list(validation, "match_typed_subject_alt_names");
        let untyped = list(validation, "match_subject_alt_names");
        if typed.is_empty() && untyped.is_empty() {
            let problem =
                "the cluster takes a certificate for any name: it has no `match_typed_subject_alt_names`";
            return vec![if is_complete {
                Problem::Wrong(problem.to_owned())
            } else {
                Problem::Hidden(
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
                kind => Some(format!("{at} is of the type {}, not `DNS`", kind.unwrap_or("none"))),
            }
        });
        let untyped = untyped.iter().enumerate().filter_map(|(index, matcher)| {
            self.name_problem(&format!("match_subject_alt_names[{index}]"), matcher)
        });
        typed.chain(untyped).map(Problem::Wrong).collect()
    }

    /// Returns why a matcher fits other names than the host's.
    fn name_problem(&self, at: &str, matcher: &Value) -> Option<String> {
        let host = self.hosts.first().map_or("", String::as_str);
        if let Some(name) = text(matcher, "exact") {
            let is_ours = self.is_ours(name) || self.hosts.iter().any(|host| is_wildcard_of(name, host));
            return (!is_ours).then(|| {
                format!("{at} accepts certificates for {name:?}, but the filter asks the host {host:?}")
            });
        }
        let pattern = matcher.get("safe_regex").and_then(|regex| text(regex, "regex"));
        if pattern.and_then(literal).is_some_and(|name| self.is_ours(&name)) {
            return None;
        }
        Some(format!("{at} may accept certificates for other hosts: use `exact: {host}`"))
    }

    fn pins_address(&self, matcher: &Value) -> bool {
        let address = text(matcher, "exact").and_then(|text| text.parse::<IpAddr>().ok());
        address.is_some() && self.hosts.iter().any(|host| host.parse().ok() == address)
    }

    fn is_ours(&self, name: &str) -> bool {
        self.hosts.iter().any(|host| is_host(name, host))
    }
}

/// Tells whether this is the host, in any case.
pub(super) fn is_host(name: &str, host: &str) -> bool {
    name.eq_ignore_ascii_case(host)
}

/// Tells whether the name is `*.okta.com` for `acme.okta.com`. Envoy compares it with the text in the certificate, and such a
/// certificate is for the host.
fn is_wildcard_of(name: &str, host: &str) -> bool {
    let parent = host.split_once('.').map_or("", |(_, parent)| parent);
    parent.contains('.') && name.strip_prefix("*.").is_some_and(|rest| rest.eq_ignore_ascii_case(parent))
}

/// Returns the only text that a pattern fits; `None` if it fits others. Envoy's patterns fit whole texts.
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

/// Returns the names of the endpoints: `hostname` where there is one, else the address.
fn endpoints(cluster: &Value) -> Vec<&str> {
    let groups =
        cluster.pointer("/load_assignment/endpoints").and_then(Value::as_array).into_iter().flatten();
    let endpoints =
        groups.flat_map(|group| list(group, "lb_endpoints")).filter_map(|one| one.get("endpoint"));
    endpoints
        .filter_map(|endpoint| {
            let address = endpoint.pointer("/address/socket_address/address").and_then(Value::as_str);
            text(endpoint, "hostname").filter(|name| !name.is_empty()).or(address)
        })
        .collect()
}
