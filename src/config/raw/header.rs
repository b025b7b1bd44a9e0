//! Headers that the filter sets from claims, and headers that it reads tokens from.

use crate::config::reader::object;

use super::requirement::ClaimName;

/// # Identity header
///
/// A header that the filter sets from verified claims. Exactly one of `claim_name` and `template`
/// is set.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct ClaimToHeader {
    /// The name of the header. The filter sends it in lower case.
    ///
    /// - Range: a header name that is not reserved, without an underscore
    /// - Example: `x-okta-sub`
    pub(in crate::config) header_name: String,
    /// The claim. If the token does not have it, the filter does not set the header.
    ///
    /// - Default: none
    /// - Example: `sub`
    pub(in crate::config) claim_name: Option<ClaimName>,
    /// A text with claims in braces. If the token lacks one of the claims, the filter does not set
    /// the header. `{{` and `}}` are braces.
    ///
    /// - Range: 3 to 1024 printable ASCII characters with 1 to 8 claims
    /// - Default: none
    /// - Example: `"{iss}/{sub}"`
    pub(in crate::config) template: Option<String>,
    /// The providers whose tokens set this header.
    ///
    /// - Range: one or more names of `providers`
    /// - Default: all providers
    /// - Example: `[okta]`
    pub(in crate::config) providers: Option<Vec<String>>,
}

object!(ClaimToHeader { header_name: required, claim_name, template, providers });

/// # Header source
///
/// A header from which the filter reads tokens.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct HeaderSource {
    /// The name of the header.
    ///
    /// - Range: a header name that is not reserved, without an underscore
    /// - Example: `x-access-token`
    pub(in crate::config) name: String,
    /// The text before the token. The filter compares it exactly, and rejects a value without it
    /// with 400.
    ///
    /// - Range: 1 to 64 printable ASCII characters; the first is not a space
    /// - Default: none
    /// - Example: `"Token "`
    pub(in crate::config) value_prefix: Option<String>,
}

object!(HeaderSource { name: required, value_prefix });
