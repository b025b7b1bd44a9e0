//! The claims of a token (RFC 7519 section 4, RFC 9068 section 2.2, Okta's access token claims).
//!
//! A registered claim with a value of the wrong type makes all claims malformed, so no later check
//! can confuse a wrong claim with an absent one.

use std::fmt;

use crate::json::{self, Members, Tape, ValueRef};
use crate::rejection::Rejection;

/// The maximum number of nested `act`. The filter rejects a token with more.
pub const MAX_ACTORS: usize = 8;

/// The claims of a token, not necessarily verified. `Debug` omits them.
#[derive(Clone)]
pub struct Claims {
    object: Tape,
    expires_at: Option<i64>,
    issued_at: Option<i64>,
    not_before: Option<i64>,
}

impl Claims {
    /// Parses the payload of a token, and checks the types of registered claims.
    ///
    /// # Errors
    /// [`Rejection::ClaimsMalformed`] if the payload is not a JSON object without duplicate
    /// members, or a registered claim has the wrong type.
    pub fn parse(payload: Vec<u8>) -> Result<Self, Rejection> {
        let object = Tape::parse(payload).map_err(|_| Rejection::ClaimsMalformed)?;
        let [mut expires_at, mut issued_at, mut not_before] = [None; 3];
        for (name, value) in object.members() {
            match name {
                // Rounding never extends the validity of a token: `exp` is rounded down, `iat` and
                // `nbf` are rounded up.
                "exp" => expires_at = Some(numeric_date(&value)?.floor() as i64),
                "iat" => issued_at = Some(numeric_date(&value)?.ceil() as i64),
                "nbf" => not_before = Some(numeric_date(&value)?.ceil() as i64),
                "aud" if is_audience(&value) => {}
                "act" if is_actor(&value) => {}
                "authorization_details" if are_details(&value) => {}
                "iss" | "sub" | "jti" | "cid" | "uid" | "client_id" if value.as_str().is_some() => {}
                "aud"
                | "iss"
                | "sub"
                | "jti"
                | "cid"
                | "uid"
                | "client_id"
                | "act"
                | "authorization_details" => {
                    return Err(Rejection::ClaimsMalformed);
                }
                _ => {}
            }
        }
        Ok(Self { object, expires_at, issued_at, not_before })
    }

    /// Returns a claim if it is a string.
    pub fn string(&self, name: &str) -> Option<&str> {
        self.object.get(name).and_then(|value| value.as_str())
    }

    /// Yields all claims.
    pub fn members(&self) -> Members<'_> {
        self.object.members()
    }

    /// Returns a claim of any type.
    pub fn get(&self, name: &str) -> Option<ValueRef<'_>> {
        self.object.get(name)
    }

    /// Returns the value at a path of names through nested objects; `None` for an empty path.
    pub fn at(&self, path: &[String]) -> Option<ValueRef<'_>> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.object.get(first)?, |value, name| value.get(name))
    }

    /// Yields the audiences: `aud` is a string or an array of strings (RFC 7519 section 4.1.3).
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let (single, list) = match self.object.get("aud") {
            Some(ValueRef::String(single)) => (Some(single), None),
            Some(ValueRef::Array(list)) => (None, Some(list)),
            _ => (None, None),
        };
        single.into_iter().chain(list.into_iter().flatten().filter_map(|item| item.as_str()))
    }

    /// Yields `act` and the nested `act`, the outermost first (RFC 8693 section 4.1); at most
    /// [`MAX_ACTORS`].
    pub fn actors(&self) -> impl Iterator<Item = ValueRef<'_>> {
        std::iter::successors(self.object.get("act"), |actor| actor.get("act"))
    }

    /// Returns the heap size in bytes.
    pub(crate) const fn heap_bytes(&self) -> usize {
        self.object.heap_bytes()
    }

    /// Returns `exp` in seconds since the epoch, rounded down.
    pub(crate) const fn expires_at(&self) -> Option<i64> {
        self.expires_at
    }

    /// Returns `iat` in seconds since the epoch, rounded up.
    pub(crate) const fn issued_at(&self) -> Option<i64> {
        self.issued_at
    }

    /// Returns `nbf` in seconds since the epoch, rounded up.
    pub(crate) const fn not_before(&self) -> Option<i64> {
        self.not_before
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(<redacted>)")
    }
}

/// Returns whether the value is a string or an array of strings.
fn is_audience(value: &ValueRef<'_>) -> bool {
    value.as_str().is_some()
        || value.as_array().is_some_and(|mut items| items.all(|item| item.as_str().is_some()))
}

/// Returns whether a value of `act` and each `act` in it is an object, `sub` in it a string, and the
/// number of them at most [`MAX_ACTORS`].
#[inline(never)]
fn is_actor(value: &ValueRef<'_>) -> bool {
    let is_one = |actor: &ValueRef<'_>| {
        matches!(actor, ValueRef::Object(_)) && actor.get("sub").is_none_or(|sub| sub.as_str().is_some())
    };
    let mut actors = std::iter::successors(Some(value.clone()), |actor| actor.get("act"));
    actors.by_ref().take(MAX_ACTORS).all(|actor| is_one(&actor)) && actors.next().is_none()
}

/// Returns whether a value of `authorization_details` is an array of objects with a `type` (RFC 9396
/// section 2).
#[inline(never)]
fn are_details(value: &ValueRef<'_>) -> bool {
    let has_type = |detail: ValueRef<'_>| detail.get("type").is_some_and(|name| name.as_str().is_some());
    value.as_array().is_some_and(|mut details| details.all(has_type))
}

/// Parses a NumericDate (RFC 7519 section 2): seconds since the epoch, possibly with a fraction.
///
/// # Errors
/// [`Rejection::ClaimsMalformed`] for another type, and for a number below 0 or above 2^53 - 1.
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
    fn registered_claim_of_wrong_type_is_malformed() {
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
            r#"{"act":null}"#,
            r#"{"act":"agent"}"#,
            r#"{"act":[{"sub":"agent"}]}"#,
            r#"{"act":{"sub":1}}"#,
            r#"{"act":{"sub":"a","act":null}}"#,
            r#"{"act":{"sub":"a","act":"b"}}"#,
            r#"{"authorization_details":null}"#,
            r#"{"authorization_details":{"type":"a"}}"#,
            r#"{"authorization_details":["a"]}"#,
            r#"{"authorization_details":[{}]}"#,
            r#"{"authorization_details":[{"type":"a"},{"type":1}]}"#,
        ] {
            assert_eq!(claims(json).unwrap_err(), Rejection::ClaimsMalformed, "{json}");
        }
    }

    #[test]
    fn actors_more_than_eight_are_malformed() {
        let nested = |depth: usize| format!("{}{{}}{}", r#"{"act":"#.repeat(depth), "}".repeat(depth));
        for depth in 0..=MAX_ACTORS {
            assert_eq!(claims(&nested(depth)).unwrap().actors().count(), depth);
        }
        assert_eq!(claims(&nested(MAX_ACTORS + 1)).unwrap_err(), Rejection::ClaimsMalformed);
        assert_eq!(claims(&nested(100)).unwrap_err(), Rejection::ClaimsMalformed);
    }

    #[test]
    fn time_with_fraction_shortens_validity() {
        let claims = claims(r#"{"exp":10.9,"iat":10.1,"nbf":10.1}"#).unwrap();
        assert_eq!(
            (claims.expires_at(), claims.issued_at(), claims.not_before()),
            (Some(10), Some(11), Some(11))
        );
    }

    #[test]
    fn audience_string_or_array_is_a_list() {
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
    fn path_through_array_is_none() {
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
