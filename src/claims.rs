//! The claims of a token (RFC 7519 section 4, RFC 9068 section 2.2, Okta's access token claims).
//!
//! A registered claim is absent or has its type; a value of another type makes the whole set malformed, so that no
//! later check can mistake "wrong" for "not there".

use std::fmt;

use crate::json::{self, Members, Tape, ValueRef};
use crate::rejection::Rejection;

/// The claims of a token.
#[derive(Clone)]
pub struct Claims {
    object: Tape,
    expires_at: Option<i64>,
    issued_at: Option<i64>,
    not_before: Option<i64>,
}

impl Claims {
    /// Reads a token's payload, and checks the registered claims' types.
    ///
    /// # Errors
    /// [`Rejection::ClaimsMalformed`].
    pub fn parse(payload: Vec<u8>) -> Result<Self, Rejection> {
        let object = Tape::parse(payload).map_err(|_| Rejection::ClaimsMalformed)?;
        let [mut expires_at, mut issued_at, mut not_before] = [None; 3];
        for (name, value) in object.members() {
            match name {
                // A fraction of a second never lengthens a token's life: it ends early and begins late.
                "exp" => expires_at = Some(numeric_date(&value)?.floor() as i64),
                "iat" => issued_at = Some(numeric_date(&value)?.ceil() as i64),
                "nbf" => not_before = Some(numeric_date(&value)?.ceil() as i64),
                "aud" if is_audience(&value) => {}
                "iss" | "sub" | "jti" | "cid" | "uid" | "client_id" if value.as_str().is_some() => {}
                "aud" | "iss" | "sub" | "jti" | "cid" | "uid" | "client_id" => {
                    return Err(Rejection::ClaimsMalformed);
                }
                _ => {}
            }
        }
        Ok(Self { object, expires_at, issued_at, not_before })
    }

    /// A member that is a string.
    pub fn string(&self, name: &str) -> Option<&str> {
        self.object.get(name).and_then(|value| value.as_str())
    }

    /// All members.
    pub fn members(&self) -> Members<'_> {
        self.object.members()
    }

    /// A member of any type.
    pub fn get(&self, name: &str) -> Option<ValueRef<'_>> {
        self.object.get(name)
    }

    /// The member at a path of names, through nested objects.
    pub fn at(&self, path: &[String]) -> Option<ValueRef<'_>> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.object.get(first)?, |value, name| value.get(name))
    }

    /// `aud`, as a list.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let (one, several) = match self.object.get("aud") {
            Some(ValueRef::String(one)) => (Some(one), None),
            Some(ValueRef::Array(several)) => (None, Some(several)),
            _ => (None, None),
        };
        one.into_iter().chain(several.into_iter().flatten().filter_map(|item| item.as_str()))
    }

    /// What they occupy on the heap, in bytes.
    pub const fn heap_bytes(&self) -> usize {
        self.object.heap_bytes()
    }

    /// `exp`, in whole seconds.
    pub const fn expires_at(&self) -> Option<i64> {
        self.expires_at
    }

    /// `iat`, in whole seconds.
    pub const fn issued_at(&self) -> Option<i64> {
        self.issued_at
    }

    /// `nbf`, in whole seconds.
    pub const fn not_before(&self) -> Option<i64> {
        self.not_before
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(<redacted>)")
    }
}

/// A string, or several.
fn is_audience(value: &ValueRef<'_>) -> bool {
    value.as_str().is_some()
        || value.as_array().is_some_and(|mut several| several.all(|one| one.as_str().is_some()))
}

/// A NumericDate (RFC 7519 section 2): a number, possibly with a fraction. Nothing was ever issued before 1970.
fn numeric_date(value: &ValueRef<'_>) -> Result<f64, Rejection> {
    let seconds = value.as_f64().filter(|seconds| (0.0..=json::MAX_SAFE_INTEGER).contains(seconds));
    seconds.ok_or(Rejection::ClaimsMalformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> Result<Claims, Rejection> {
        Claims::parse(json.as_bytes().to_vec())
    }

    #[test]
    fn wrong_types_are_malformed_wherever_they_stand() {
        for json in [
            r#"{"iss":1}"#,
            r#"{"iss":null}"#,
            r#"{"sub":1}"#,
            r#"{"jti":[]}"#,
            r#"{"cid":{}}"#,
            r#"{"uid":true}"#,
            r#"{"aud":1}"#,
            r#"{"aud":null}"#,
            r#"{"aud":{"a":"b"}}"#,
            r#"{"aud":["a",1]}"#,
            r#"{"exp":"1700000000"}"#,
            r#"{"exp":null}"#,
            r#"{"exp":true}"#,
            r#"{"exp":-1}"#,
            r#"{"exp":1e300}"#,
            r#"{"exp":9007199254740992}"#,
            r#"{"iat":[1]}"#,
            r#"{"nbf":-1}"#,
        ] {
            assert_eq!(claims(json).unwrap_err(), Rejection::ClaimsMalformed, "{json}");
        }
    }

    #[test]
    fn fractions_shorten_a_life() {
        let claims = claims(r#"{"exp":10.9,"iat":10.1,"nbf":10.1}"#).unwrap();
        assert_eq!(
            (claims.expires_at(), claims.issued_at(), claims.not_before()),
            (Some(10), Some(11), Some(11))
        );
    }

    #[test]
    fn audience_is_a_list_either_way() {
        for (json, expected) in [
            (r#"{"aud":"a"}"#, &["a"][..]),
            (r#"{"aud":["a","b"]}"#, &["a", "b"]),
            (r#"{"aud":[]}"#, &[]),
            ("{}", &[]),
        ] {
            assert_eq!(claims(json).unwrap().audiences().collect::<Vec<_>>(), expected, "{json}");
        }
    }

    #[test]
    fn paths_go_through_objects_only() {
        let claims = claims(r#"{"a":{"b":{"c":1}},"a.b":2,"l":[{"b":3}]}"#).unwrap();
        let at = |path: &[&str]| {
            let path: Vec<String> = path.iter().map(|name| (*name).to_owned()).collect();
            claims.at(&path).map(|value| value.to_string())
        };
        assert_eq!(at(&["a", "b", "c"]).as_deref(), Some("1"));
        assert_eq!(at(&["a.b"]).as_deref(), Some("2"));
        assert_eq!(at(&["l", "0"]), None);
        assert_eq!(at(&["a", "x"]), None);
        assert_eq!(at(&[]), None);
    }
}
