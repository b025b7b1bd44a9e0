//! Protected resource metadata (RFC 9728).

use crate::config::reader::object;

/// # Protected resource
///
/// A resource for which the filter serves protected resource metadata (RFC 9728). A resource
/// without a path is the default for all paths that no other resource covers.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct ProtectedResource {
    /// The resource identifier: the URL of the API.
    ///
    /// - Range: an https URL without query and fragment
    /// - Example: `https://api.example.com/orders`
    pub(in crate::config) resource: String,
    /// The issuers that can issue tokens for this resource.
    ///
    /// - Range: one or more https URLs
    /// - Default: the issuers of all providers
    /// - Example: `["https://acme.okta.com/oauth2/default"]`
    pub(in crate::config) authorization_servers: Option<Vec<String>>,
    /// The scopes that clients can request.
    ///
    /// - Range: one or more; printable ASCII without space, `"` and `\`
    /// - Default: none
    /// - Example: `[orders:read, orders:write]`
    pub(in crate::config) scopes_supported: Option<Vec<String>>,
    /// The ways in which clients can send tokens (RFC 6750 section 2).
    ///
    /// - Range: one or more of `header`, `body` and `query`
    /// - Default: `header`, and `query` if `from_params` is set
    /// - Example: `[header]`
    pub(in crate::config) bearer_methods_supported: Option<Vec<String>>,
    /// Whether a token for a path of this resource must have the URL `resource` in its `aud`. A token
    /// for another resource is then invalid here.
    ///
    /// - Range: `true` only if `resource` is one of the `audiences` of a provider
    /// - Default: `false`
    /// - Example: `true`
    pub(in crate::config) require_audience: Option<bool>,
    /// The values of `type` in `authorization_details` that the resource supports (RFC 9396).
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[payment]`
    pub(in crate::config) authorization_details_types_supported: Option<Vec<String>>,
    /// The name of the resource for users.
    ///
    /// - Range: not empty
    /// - Default: none
    /// - Example: `Orders API`
    pub(in crate::config) resource_name: Option<String>,
    /// The URL of the documentation for developers.
    ///
    /// - Range: an https URL
    /// - Default: none
    /// - Example: `https://docs.example.com/orders`
    pub(in crate::config) resource_documentation: Option<String>,
    /// The URL of the policy on the use of data.
    ///
    /// - Range: an https URL
    /// - Default: none
    /// - Example: `https://example.com/policy`
    pub(in crate::config) resource_policy_uri: Option<String>,
    /// The URL of the terms of service.
    ///
    /// - Range: an https URL
    /// - Default: none
    /// - Example: `https://example.com/terms`
    pub(in crate::config) resource_tos_uri: Option<String>,
}

object!(ProtectedResource {
    resource: required,
    authorization_servers,
    scopes_supported,
    bearer_methods_supported,
    require_audience,
    authorization_details_types_supported,
    resource_name,
    resource_documentation,
    resource_policy_uri,
    resource_tos_uri
});
