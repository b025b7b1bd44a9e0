//! The form of the responses to denied requests.

use crate::config::reader::{names, object};

/// # Responses
///
/// The bodies and details of the responses to denied requests.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct Responses {
    /// The format of the body.
    ///
    /// - Default: `json`
    /// - Example: `problem`
    pub(in crate::config) body: Option<Body>,
    /// The `Content-Type` of the body. Cannot be combined with `body: empty`.
    ///
    /// - Range: 3 to 128 printable ASCII characters, a media type
    /// - Default: `application/json`; with `body: problem`, `application/problem+json`
    /// - Example: `application/vnd.example+json`
    pub(in crate::config) content_type: Option<String>,
    /// Whether the body and the challenge contain the reason. With `false`, they contain only
    /// `error`, and step-up challenges (RFC 9470) have no parameters. Metrics and logs are not
    /// affected.
    ///
    /// - Default: `true`
    /// - Example: `false`
    pub(in crate::config) details: Option<bool>,
    /// Bodies that replace `body` for all responses with a status.
    ///
    /// - Range: one or more, each with a different status
    /// - Default: none
    /// - Example: `[{ status: 401, content_type: text/html, body: "<p>Please log in.</p>" }]`
    pub(in crate::config) custom: Option<Vec<CustomBody>>,
}

object!(Responses { body, content_type, details, custom });

/// # Body format
///
/// The format of the bodies of responses.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename_all = "lowercase"))]
pub(in crate::config) enum Body {
    /// A JSON object with `detail`, `error` and `code`.
    Json,
    /// A JSON object with `detail`, like the errors of FastAPI.
    Detail,
    /// Problem details (RFC 9457).
    Problem,
    /// No body.
    Empty,
}

names!(Body { Json: "json", Detail: "detail", Problem: "problem", Empty: "empty" });

/// # Custom body
///
/// The body of all responses with a status.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct CustomBody {
    /// The HTTP status of the responses.
    ///
    /// - Range: `400`, `401`, `403`, `414` or `503`
    /// - Example: `401`
    pub(in crate::config) status: u32,
    /// The `Content-Type` of the body.
    ///
    /// - Range: 3 to 128 printable ASCII characters, a media type
    /// - Example: `text/html`
    pub(in crate::config) content_type: String,
    /// The body, sent without changes.
    ///
    /// - Range: 1 to 65536 bytes
    /// - Example: `"<p>Please log in.</p>"`
    pub(in crate::config) body: String,
}

object!(CustomBody { status: required, content_type: required, body: required });
