//! The conditions of a rule on requests.

use crate::config::ConfigError;
use crate::config::reader::{Located, Read, names, object};
use crate::json::Value;

/// # Request match
///
/// Conditions on a request. All of them must hold. At most one of the fields for the path is set.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct RequestMatch {
    /// The path is equal to this text. Rules match the decoded path without the query, and are
    /// case-sensitive. A wildcard or regular expression here is an error.
    ///
    /// - Range: begins with `/`; without query and percent-encoding
    /// - Default: any path
    /// - Example: `/healthz`
    pub(in crate::config) path: Option<String>,
    /// The path begins with this text. `/admin` also matches `/administrators`.
    ///
    /// - Range: begins with `/`; without query and percent-encoding
    /// - Default: any path
    /// - Example: `/static/`
    pub(in crate::config) prefix: Option<String>,
    /// The path is equal to this text, or continues with `/`. `/admin` matches `/admin` and
    /// `/admin/users`, and not `/administrators`.
    ///
    /// - Range: begins with `/`; does not end with `/`
    /// - Default: any path
    /// - Example: `/admin`
    pub(in crate::config) path_separated_prefix: Option<String>,
    /// A template for the segments of the path. `{id}` matches one segment and names it, `*`
    /// matches one segment, and `**` at the end matches all remaining segments.
    ///
    /// - Range: begins with `/`; without query and percent-encoding
    /// - Default: any path
    /// - Example: `/users/{id}/orders`
    pub(in crate::config) path_template: Option<String>,
    /// A regular expression that matches the whole decoded path. An expression that no path can
    /// match is an error.
    ///
    /// - Range: not empty; at most 256 KiB when compiled
    /// - Default: any path
    /// - Example: `/docs(/.*)?`
    pub(in crate::config) safe_regex: Option<SafeRegex>,
    /// The method is one of these.
    ///
    /// - Range: one or more, in upper case
    /// - Default: any method
    /// - Example: `[GET, HEAD]`
    pub(in crate::config) methods: Option<Vec<String>>,
    /// The host is one of these. `*.example.com` matches every host below the domain, and not the
    /// domain itself.
    ///
    /// - Range: one or more host names, without a port
    /// - Default: any host
    /// - Example: `[api.example.com, "*.example.org"]`
    pub(in crate::config) hosts: Option<Vec<String>>,
    /// Conditions on headers. All of them must hold. The filter rejects a request with 400 if such
    /// a header is repeated, has a comma that its definition does not allow, or is not UTF-8.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[{ name: x-tenant, string_match: { exact: acme } }]`
    pub(in crate::config) headers: Option<Vec<NamedStringMatcher>>,
    /// Conditions on query parameters. All of them must hold. The filter rejects a request with 400
    /// if such a parameter is repeated or is not UTF-8.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[{ name: admin, present_match: true }]`
    pub(in crate::config) query_parameters: Option<Vec<NamedStringMatcher>>,
    /// The address of the client is in one of these networks. It is Envoy's downstream remote
    /// address, so `use_remote_address` and `xff_num_trusted_hops` apply. A request whose address
    /// is unknown is denied.
    ///
    /// - Range: one or more IP addresses or CIDR ranges, without host bits
    /// - Default: any address
    /// - Example: `[10.0.0.0/8, "fd00::/8"]`
    pub(in crate::config) remote_ip: Option<Vec<String>>,
}

object!(RequestMatch {
    path,
    prefix,
    path_separated_prefix,
    path_template,
    safe_regex,
    methods,
    hosts,
    headers,
    query_parameters,
    remote_ip
});

/// # Path exception
///
/// A character that the filter accepts in paths as data.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename_all = "snake_case"))]
pub(in crate::config) enum AllowInPaths {
    /// `%2F` is data within its segment, never a separator. Rules write it as `%2F`, and
    /// `path_variable` compares it as `/`.
    EncodedSlash,
    /// `;` is data within its segment, encoded or not.
    Semicolon,
    /// `//` contains an empty segment: `/a//b` and `/a/b` are different paths.
    EmptySegment,
    /// `%23` is the character `#`. Rules write it as `#`.
    EncodedHash,
}

names!(AllowInPaths {
    EncodedSlash: "encoded_slash",
    Semicolon: "semicolon",
    EmptySegment: "empty_segment",
    EncodedHash: "encoded_hash"
});

/// # Header or parameter matcher
///
/// A condition on a header or query parameter, like Envoy's `HeaderMatcher` and
/// `QueryParameterMatcher`. Exactly one of `string_match` and `present_match` is set.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct NamedStringMatcher {
    /// The name of the header or query parameter. Names of headers are case-insensitive.
    ///
    /// - Range: not empty; not `authorization`, `cookie`, `host` or an identity header
    /// - Example: `x-tenant`
    pub(in crate::config) name: String,
    /// The condition on the value.
    ///
    /// - Default: none
    /// - Example: `{ prefix: eu- }`
    pub(in crate::config) string_match: Option<StringMatcher>,
    /// `true` requires the header or parameter to be present.
    ///
    /// - Range: `true`
    /// - Default: none
    /// - Example: `true`
    pub(in crate::config) present_match: Option<bool>,
    /// `true` inverts the result of the condition.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(in crate::config) invert_match: Option<bool>,
}

object!(NamedStringMatcher { name: required, string_match, present_match, invert_match });

/// # String matcher
///
/// A condition on a text, like Envoy's `StringMatcher`. Exactly one field is set. All fields are
/// case-sensitive.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct StringMatcher {
    /// The text is equal to this value.
    ///
    /// - Range: any text
    /// - Default: none
    /// - Example: `acme`
    pub(in crate::config) exact: Option<String>,
    /// The text begins with this value.
    ///
    /// - Range: not empty
    /// - Default: none
    /// - Example: `eu-`
    pub(in crate::config) prefix: Option<String>,
    /// The text ends with this value.
    ///
    /// - Range: not empty
    /// - Default: none
    /// - Example: `-eu`
    pub(in crate::config) suffix: Option<String>,
    /// The text contains this value.
    ///
    /// - Range: not empty
    /// - Default: none
    /// - Example: `eu`
    pub(in crate::config) contains: Option<String>,
    /// The whole text matches this regular expression.
    ///
    /// - Range: not empty; at most 256 KiB when compiled
    /// - Default: none
    /// - Example: `"[a-z]{2}-[0-9]+"`
    pub(in crate::config) safe_regex: Option<SafeRegex>,
}

object!(StringMatcher { exact, prefix, suffix, contains, safe_regex });

/// # Regular expression
///
/// A regular expression of the Rust crate `regex-lite`, which matches in linear time: without
/// look-around and backreferences. Envoy's `RegexMatcher` object is accepted, too.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(untagged))]
pub(in crate::config) enum SafeRegex {
    Pattern(String),
    Matcher(RegexMatcher),
}

impl Read for SafeRegex {
    fn empty() -> Self {
        Self::Pattern(String::new())
    }

    fn read(&mut self, value: &Located<'_>) -> Result<(), ConfigError> {
        let matcher = match value.value() {
            Value::String(pattern) => Some(Self::Pattern(pattern.clone())),
            _ => value.read().ok().map(Self::Matcher),
        };
        *self = matcher.ok_or_else(|| value.error("expected a pattern, or `{regex: pattern}`"))?;
        Ok(())
    }
}

/// # Regular expression object
///
/// A regular expression in the form of Envoy's `RegexMatcher`.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct RegexMatcher {
    /// The regular expression.
    ///
    /// - Range: not empty; at most 256 KiB when compiled
    /// - Example: `"[a-z]+"`
    pub(in crate::config) regex: String,
}

object!(RegexMatcher { regex: required });
