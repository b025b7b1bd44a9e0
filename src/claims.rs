//! The claims of a token (RFC 7519 section 4, RFC 9068 section 2.2, Okta's access token claims).
//!
//! A registered claim is absent or has its type; a value of another type makes the whole set malformed, so that no
//! later check can mistake "wrong" for "not there".

use std::fmt;

use crate::json::{self, Object, Value};
use crate::rejection::Rejection;

/// The claims of a token.
#[derive(Clone, Eq, PartialEq)]
pub struct Claims {
    members: Object,
    audiences: Vec<String>,
    expires_at: Option<i64>,
    issued_at: Option<i64>,
    not_before: Option<i64>,
}

impl Claims {
    /// Checks the registered claims' types.
    ///
    /// # Errors
    /// [`Rejection::ClaimsMalformed`].
    pub fn from_members(members: Object) -> Result<Self, Rejection> {
        for name in ["iss", "sub", "jti", "cid", "uid", "client_id"] {
            if members.get(name).is_some_and(|value| !value.is_string()) {
                return Err(Rejection::ClaimsMalformed);
            }
        }
        let audiences = match members.get("aud") {
            None => Vec::new(),
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(several)) => strings(several).ok_or(Rejection::ClaimsMalformed)?,
            Some(_) => return Err(Rejection::ClaimsMalformed),
        };
        // A fraction of a second never lengthens a token's life: it ends early and begins late.
        let expires_at = numeric_date(&members, "exp", f64::floor)?;
        let issued_at = numeric_date(&members, "iat", f64::ceil)?;
        let not_before = numeric_date(&members, "nbf", f64::ceil)?;
        Ok(Self { members, audiences, expires_at, issued_at, not_before })
    }

    /// A member that is a string.
    pub fn string(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }

    /// All members.
    pub const fn members(&self) -> &Object {
        &self.members
    }

    /// A member of any type.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// The member at a path of names, through nested objects.
    pub fn at(&self, path: &[String]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.members.get(first)?, |value, name| value.get(name))
    }

    /// `aud`, as a list.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// About what they occupy, in bytes.
    pub fn heap_bytes(&self) -> usize {
        let audiences: usize = self.audiences.iter().map(|audience| json::string_bytes(audience)).sum();
        json::object_bytes(&self.members).saturating_add(audiences)
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

/// All of them as strings, or nothing.
pub fn strings(values: &[Value]) -> Option<Vec<String>> {
    values.iter().map(|value| value.as_str().map(str::to_owned)).collect()
}

/// A NumericDate (RFC 7519 section 2): a number, possibly with a fraction. Nothing was ever issued before 1970.
fn numeric_date(members: &Object, name: &str, round: fn(f64) -> f64) -> Result<Option<i64>, Rejection> {
    /// Up to here an `f64` tells each second from the next.
    const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
    let Some(value) = members.get(name) else { return Ok(None) };
    let seconds = value.as_f64().ok_or(Rejection::ClaimsMalformed)?;
    if !(0.0..=MAX_SAFE_INTEGER).contains(&seconds) {
        return Err(Rejection::ClaimsMalformed);
    }
    Ok(Some(round(seconds) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse_object;

    fn claims(json: &str) -> Result<Claims, Rejection> {
        Claims::from_members(parse_object(json.as_bytes()).unwrap())
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
            assert_eq!(claims(json), Err(Rejection::ClaimsMalformed), "{json}");
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
        assert_eq!(claims(r#"{"aud":"a"}"#).unwrap().audiences(), ["a"]);
        assert_eq!(claims(r#"{"aud":["a","b"]}"#).unwrap().audiences(), ["a", "b"]);
        assert!(claims(r#"{"aud":[]}"#).unwrap().audiences().is_empty());
    }

    #[test]
    fn paths_go_through_objects_only() {
        let claims = claims(r#"{"a":{"b":{"c":1}},"a.b":2,"l":[{"b":3}]}"#).unwrap();
        let at = |path: &[&str]| {
            claims.at(&path.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).cloned()
        };
        assert_eq!(at(&["a", "b", "c"]), Some(1.into()));
        assert_eq!(at(&["a.b"]), Some(2.into()));
        assert_eq!(at(&["l", "0"]), None);
        assert_eq!(at(&["a", "x"]), None);
        assert_eq!(at(&[]), None);
    }
}
