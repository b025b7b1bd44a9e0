//! What stands in a reply besides its status: the body, in a form that the configuration chooses.

use serde_json::{Value, json};

/// How denials are told to clients. Their statuses are not to be chosen.
#[derive(Clone, Debug)]
pub struct Responses {
    /// `realm` of the challenges; checked to fit into quotes.
    pub realm: String,
    /// What bodies are like.
    pub body: Body,
    /// Another `Content-Type` than the body's own.
    pub content_type: Option<String>,
    /// Whether clients are told why.
    pub details: bool,
    /// Bodies for a status, in place of all the others.
    pub custom: Vec<CustomBody>,
}

/// The form of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Body {
    /// `detail`, `error` and `code`.
    Json,
    /// `detail` alone, as FastAPI has it.
    Detail,
    /// Problem details (RFC 9457).
    Problem,
    /// None.
    Empty,
}

/// A body that is sent as it is.
#[derive(Clone, Debug)]
pub struct CustomBody {
    /// For replies with this status.
    pub status: u32,
    /// Its type.
    pub content_type: String,
    /// Itself.
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

/// What a client is to be told.
pub(super) struct ErrorFields<'a> {
    pub(super) status: u32,
    pub(super) error: &'static str,
    pub(super) detail: &'a str,
    pub(super) code: Option<&'static str>,
}

impl Responses {
    /// The type of the body and the body, if there is to be one.
    pub(super) fn content(&self, told: &ErrorFields<'_>) -> Option<(String, String)> {
        if let Some(custom) = self.custom.iter().find(|custom| custom.status == told.status) {
            return Some((custom.content_type.clone(), custom.body.clone()));
        }
        let ErrorFields { status, error, detail, code } = told;
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
        let own = if self.body == Body::Problem { "application/problem+json" } else { "application/json" };
        Some((self.content_type.clone().unwrap_or_else(|| own.to_owned()), body.to_string()))
    }
}

fn set(body: &mut Value, name: &str, value: &str) {
    if let Some(members) = body.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
}

/// What RFC 9110 section 15 calls the status: the title of a problem without a type of its own.
const fn title(status: u32) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        414 => "URI Too Long",
        _ => "Service Unavailable",
    }
}

/// A sentence that gives nothing away. Those for 401 and 403 are FastAPI's.
pub(super) const fn neutral(status: u32) -> &'static str {
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

    const TOLD: ErrorFields<'_> = ErrorFields {
        status: 401,
        error: "invalid_token",
        detail: "it expired",
        code: Some("token_expired"),
    };

    fn content(responses: Responses) -> Option<(String, String)> {
        responses.content(&TOLD)
    }

    #[test]
    fn forms() {
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
    fn a_body_of_its_own_is_for_one_status() {
        let page = |status| {
            let custom = CustomBody { status, content_type: "text/html".to_owned(), body: "<p>".to_owned() };
            content(Responses { body: Body::Empty, custom: vec![custom], ..Responses::default() })
        };
        assert_eq!(page(401), Some(("text/html".to_owned(), "<p>".to_owned())));
        assert_eq!(page(403), None);
    }
}
