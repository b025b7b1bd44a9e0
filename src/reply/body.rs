//! The body of a response to a denied request, in the format that the configuration selects.

use serde_json::{Value, json};

/// The configuration of responses to denied requests. It cannot change the status of a rejection.
#[derive(Clone, Debug)]
pub struct Responses {
    /// `realm` of the challenges. The configuration ensures that it needs no quoting.
    pub realm: String,
    /// The format of the body.
    pub body: Body,
    /// The `Content-Type` in place of that of the format.
    pub content_type: Option<String>,
    /// Whether responses contain the reason: code, description, missing scopes and step-up.
    pub details: bool,
    /// Bodies that replace the format for one status.
    pub custom: Vec<CustomBody>,
}

/// The format of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Body {
    /// A JSON object with `detail`, `error` and `code`.
    Json,
    /// A JSON object with `detail`, as in FastAPI.
    Detail,
    /// Problem details (RFC 9457).
    Problem,
    /// No body.
    Empty,
}

/// A body that the filter sends verbatim.
#[derive(Clone, Debug)]
pub struct CustomBody {
    /// The status of the responses that have this body.
    pub status: u32,
    /// The value of `Content-Type`.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl Default for Responses {
    fn default() -> Self {
        Self {
            realm: "api".to_owned(),
            body: Body::Json,
            content_type: None,
            details: true,
            custom: Vec::new(),
        }
    }
}

/// The fields of an error response.
pub(super) struct ErrorFields<'a> {
    pub(super) status: u32,
    pub(super) error: &'static str,
    pub(super) detail: &'a str,
    pub(super) code: Option<&'static str>,
}

impl Responses {
    /// Returns the content type and the body; `None` for no body.
    pub(super) fn content(&self, fields: &ErrorFields<'_>) -> Option<(String, String)> {
        if let Some(custom) = self.custom.iter().find(|custom| custom.status == fields.status) {
            return Some((custom.content_type.clone(), custom.body.clone()));
        }
        let ErrorFields { status, error, detail, code } = fields;
        let mut body = match self.body {
            Body::Json => json!({ "detail": detail, "error": error }),
            Body::Detail => json!({ "detail": detail }),
            Body::Problem => {
                json!({ "type": "about:blank", "title": title(*status), "status": status, "detail": detail })
            }
            Body::Empty => return None,
        };
        if let (Body::Json | Body::Problem, Some(code)) = (self.body, *code) {
            set(&mut body, "code", code);
        }
        let default_type =
            if self.body == Body::Problem { "application/problem+json" } else { "application/json" };
        Some((self.content_type.clone().unwrap_or_else(|| default_type.to_owned()), body.to_string()))
    }
}

fn set(body: &mut Value, name: &str, value: &str) {
    if let Some(members) = body.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
}

/// Returns the reason phrase of the status (RFC 9110 section 15). RFC 9457 section 4.2.1 requires
/// it as the title of a problem with the type `about:blank`.
const fn title(status: u32) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        414 => "URI Too Long",
        _ => "Service Unavailable",
    }
}

/// Returns a description that depends only on the status. Those for 401 and 403 are FastAPI's.
pub(super) const fn generic_detail(status: u32) -> &'static str {
    match status {
        400 => "Invalid request",
        401 => "Could not validate credentials",
        403 => "Not enough permissions",
        414 => "Invalid request",
        _ => "Service unavailable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: ErrorFields<'_> = ErrorFields {
        status: 401,
        error: "invalid_token",
        detail: "it expired",
        code: Some("token_expired"),
    };

    fn content(responses: Responses) -> Option<(String, String)> {
        responses.content(&FIELDS)
    }

    #[test]
    fn content_in_each_format_has_its_fields() {
        for (body, content_type, expected) in [
            (
                Body::Json,
                "application/json",
                r#"{"code":"token_expired","detail":"it expired","error":"invalid_token"}"#,
            ),
            (Body::Detail, "application/json", r#"{"detail":"it expired"}"#),
            (
                Body::Problem,
                "application/problem+json",
                r#"{"code":"token_expired","detail":"it expired","status":401,"title":"Unauthorized","type":"about:blank"}"#,
            ),
        ] {
            let expected = Some((content_type.to_owned(), expected.to_owned()));
            assert_eq!(content(Responses { body, ..Responses::default() }), expected, "{body:?}");
        }
        assert_eq!(content(Responses { body: Body::Empty, ..Responses::default() }), None);
        let other = Responses { content_type: Some("text/json".to_owned()), ..Responses::default() };
        assert_eq!(content(other).unwrap().0, "text/json");
    }

    #[test]
    fn custom_body_is_sent_for_its_status_only() {
        let page = |status| {
            let custom = CustomBody { status, content_type: "text/html".to_owned(), body: "<p>".to_owned() };
            content(Responses { body: Body::Empty, custom: vec![custom], ..Responses::default() })
        };
        assert_eq!(page(401), Some(("text/html".to_owned(), "<p>".to_owned())));
        assert_eq!(page(403), None);
    }
}
