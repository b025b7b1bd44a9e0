//! Subjects of revocations: subject identifiers (RFC 9493) of the formats `iss_sub` and `email`,
//! and complex subjects (SSF 1.0 section 3.2) with a `user`.

use crate::json::{Object, Value};

/// The maximum length of a user ID in bytes. Okta's have 20.
const MAX_USER_ID_BYTES: usize = 128;
/// The maximum length of an e-mail address in bytes (RFC 5321 section 4.5.3.1: 64 + 1 + 255).
const MAX_EMAIL_BYTES: usize = 320;

/// The user whose tokens are revoked. `Debug` omits the identifiers.
#[derive(Clone, Eq, PartialEq)]
pub enum Subject {
    /// A user of an issuer (RFC 9493 section 3.2.3). Okta's `sub` is the user ID.
    User {
        /// The issuer, of an org the URL of the org.
        issuer: String,
        /// The user ID.
        id: String,
    },
    /// An e-mail address (RFC 9493 section 3.2.2), with ASCII letters in lower case.
    Email(String),
}

/// The reason why a subject is rejected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SubjectError {
    /// A member is missing or has the wrong type.
    Malformed,
    /// The format is neither `iss_sub` nor `email`.
    UnknownFormat,
    /// The identifier is empty or too long, or has characters that no identifier of Okta has.
    Unusable,
}

impl Subject {
    /// Parses a subject.
    ///
    /// # Errors
    /// See [`SubjectError`].
    pub fn parse(subject: &Value) -> Result<Self, SubjectError> {
        let Value::Object(members) = subject else { return Err(SubjectError::Malformed) };
        match (members.get("format"), members.get("user")) {
            // A complex subject revokes for its user. Okta's has no `format`.
            (None, Some(Value::Object(user))) => Self::simple(user),
            (Some(Value::String(format)), Some(Value::Object(user))) if format == "complex" => {
                Self::simple(user)
            }
            _ => Self::simple(members),
        }
    }

    fn simple(members: &Object) -> Result<Self, SubjectError> {
        let string = |name| members.get(name).and_then(Value::as_str).ok_or(SubjectError::Malformed);
        match string("format")? {
            "iss_sub" => {
                let (issuer, id) = (string("iss")?, string("sub")?);
                let is_usable = (1..=MAX_USER_ID_BYTES).contains(&id.len())
                    && id.bytes().all(|byte| byte.is_ascii_graphic());
                if !is_usable {
                    return Err(SubjectError::Unusable);
                }
                Ok(Self::User { issuer: issuer.to_owned(), id: id.to_owned() })
            }
            "email" => {
                let email = string("email")?;
                let is_usable = (3..=MAX_EMAIL_BYTES).contains(&email.len())
                    && email.contains('@')
                    && !email.contains(|character: char| character.is_control() || character.is_whitespace());
                if !is_usable {
                    return Err(SubjectError::Unusable);
                }
                Ok(Self::Email(email.to_ascii_lowercase()))
            }
            _ => Err(SubjectError::UnknownFormat),
        }
    }

    /// Returns whether the subject can be a user of an org: its issuer is one of the org's.
    pub fn is_of(&self, issuers: &[String]) -> bool {
        match self {
            Self::User { issuer, .. } => issuers.contains(issuer),
            Self::Email(_) => true,
        }
    }
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subject(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn subject_of_each_form_is_parsed() {
        let user = || Subject::User { issuer: "https://acme.okta.com".to_owned(), id: "00u1".to_owned() };
        let iss_sub = json!({ "format": "iss_sub", "iss": "https://acme.okta.com", "sub": "00u1" });
        for subject in [
            iss_sub.clone(),
            json!({ "user": iss_sub }),
            json!({ "format": "complex", "user": iss_sub, "device": { "format": "opaque", "id": "x" } }),
        ] {
            assert_eq!(Subject::parse(&subject), Ok(user()), "{subject}");
        }
        let email = json!({ "format": "email", "email": "Joe@Example.COM" });
        assert_eq!(Subject::parse(&email), Ok(Subject::Email("joe@example.com".to_owned())));
    }

    #[test]
    fn subject_of_another_form_is_an_error() {
        use SubjectError::{Malformed, UnknownFormat, Unusable};
        let long = format!("{}@example.com", "a".repeat(320));
        for (subject, expected) in [
            (json!(null), Malformed),
            (json!("00u1"), Malformed),
            (json!([]), Malformed),
            (json!({}), Malformed),
            (json!({ "format": 1 }), Malformed),
            (json!({ "user": "00u1" }), Malformed),
            (json!({ "user": {} }), Malformed),
            (json!({ "format": "iss_sub", "iss": "https://acme.okta.com" }), Malformed),
            (json!({ "format": "iss_sub", "sub": "00u1" }), Malformed),
            (json!({ "format": "iss_sub", "iss": "https://acme.okta.com", "sub": 1 }), Malformed),
            (json!({ "format": "email" }), Malformed),
            (json!({ "format": "opaque", "id": "00u1" }), UnknownFormat),
            (json!({ "format": "ISS_SUB", "iss": "i", "sub": "s" }), UnknownFormat),
            (json!({ "format": "iss_sub", "iss": "i", "sub": "" }), Unusable),
            (json!({ "format": "iss_sub", "iss": "i", "sub": "a b" }), Unusable),
            (json!({ "format": "iss_sub", "iss": "i", "sub": "a".repeat(129) }), Unusable),
            (json!({ "format": "email", "email": "" }), Unusable),
            (json!({ "format": "email", "email": "joe" }), Unusable),
            (json!({ "format": "email", "email": "joe@example.com\n" }), Unusable),
            (json!({ "format": "email", "email": long }), Unusable),
        ] {
            assert_eq!(Subject::parse(&subject), Err(expected), "{subject}");
        }
    }
}
