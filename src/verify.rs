//! The order of the checks that make a token an identity.
//!
//! Cheap checks that need no secret come first: the form, the header, the issuer, a life that is over. Then the
//! signature. Audience, client and policy come after it, so that an unsigned token is no probe of these. Time, audience and policy are asked on every request; only the signature may be remembered.
//!
//! Each step consumes or borrows the one before, so none can be left out: [`Unverified`] becomes [`Plausible`] by all
//! checks that need no key, and [`SignedClaims`] only by a signature that holds, and [`SignedClaims`] lends an [`Identity`] only for the moment it was asked about.

use crate::claims::Claims;
use std::rc::Rc;
use std::sync::Arc;

use crate::crypto::{Algorithm, PublicKey, SignatureError, SignatureVerifier};
use crate::json::ValueRef;
use crate::jwks::KeySet;
use crate::rejection::Rejection;
use crate::time::UnixTime;
use crate::token::{CompactJws, HeadersRead, JoseHeader};
use crate::trace::{Check, Step, Trace};

/// What a provider expects of a token.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Accepted values of `iss`, compared exactly.
    pub issuers: Vec<String>,
    /// Accepted values of `aud`, any of, compared exactly.
    pub audiences: Vec<String>,
    /// Accepted clients; `None` accepts all.
    pub client_ids: Option<Vec<String>>,
    /// Accepted algorithms.
    pub algorithms: Vec<Algorithm>,
    /// Seconds by which clocks may differ.
    pub clock_skew: i64,
    /// Seconds since `iat` after which a token is refused, whatever its `exp`.
    pub max_token_age: Option<i64>,
    /// The shape of an access token.
    pub profile: TokenProfile,
}

/// What makes a JWT an access token, rather than an ID token or something else from the same issuer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenProfile {
    /// Okta's custom authorization servers: `cid`, `scp`, no `typ`.
    Okta,
    /// RFC 9068: `typ: at+jwt`, `client_id`, `sub`, `jti`.
    Rfc9068,
    /// Any signed JWT for the right audience. An ID token is one, too.
    Any,
}

/// A well-formed token that proves nothing yet.
#[derive(Debug)]
pub struct Unverified<'a> {
    jws: CompactJws<'a>,
    claims: Claims,
}

/// A token that nothing speaks against, and that still proves nothing.
#[derive(Debug)]
pub struct Plausible<'a> {
    token: Unverified<'a>,
    algorithm: Algorithm,
}

/// Claims whose signature held under a key of the provider.
#[derive(Clone, Debug)]
pub struct SignedClaims {
    claims: Claims,
    header: Rc<JoseHeader>,
    algorithm: Algorithm,
    key: Arc<PublicKey>,
}

/// Who is asking: signed, from the right issuer, for this audience, valid now.
#[derive(Debug)]
pub struct Identity<'a> {
    claims: &'a Claims,
    client_id: Option<&'a str>,
    scopes: Vec<&'a str>,
    /// The earliest time that counts as now, in seconds since the epoch: what clocks may differ by is taken off.
    now: i64,
}

impl<'a> Unverified<'a> {
    /// Reads a token.
    ///
    /// # Errors
    /// The rejection that says what is wrong with its form.
    pub fn parse(token: &'a [u8], max_bytes: usize, headers: &HeadersRead) -> Result<Self, Rejection> {
        let mut jws = CompactJws::parse(token, max_bytes, headers)?;
        let claims = Claims::parse(std::mem::take(&mut jws.payload))?;
        Ok(Self { jws, claims })
    }

    /// The issuer the token claims to be from. Good for choosing whom to ask, and for nothing else.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.string("iss")
    }

    /// Whose key the token says it is signed with, and how.
    pub fn header(&self) -> Rc<JoseHeader> {
        Rc::clone(&self.jws.header)
    }

    /// The payload as it was sent: base64url without padding.
    pub fn encoded_payload(&self) -> &'a [u8] {
        self.jws.signing_input.split(|byte| *byte == b'.').nth(1).unwrap_or_default()
    }

    /// What those are told who watch.
    pub fn read(&self) -> Step<'_> {
        Step::Read(&self.jws.header, &self.claims)
    }

    /// Everything that can be refused without a key.
    ///
    /// # Errors
    /// The first rejection that applies.
    pub fn check(
        self,
        expected: &Expected,
        now: UnixTime,
        trace: &mut impl Trace,
    ) -> Result<Plausible<'a>, Rejection> {
        let issuer = self.issuer().ok_or(Rejection::IssuerUnknown)?;
        if !expected.issuers.iter().any(|accepted| accepted == issuer) {
            return Err(Rejection::IssuerUnknown);
        }
        let header = &self.jws.header;
        let algorithm = header.algorithm.filter(|algorithm| expected.algorithms.contains(algorithm));
        let algorithm = trace.checked(Check::Algorithm, algorithm.ok_or(Rejection::AlgorithmNotAllowed))?;
        trace.checked(Check::Type, expected.profile.check_type(header.typ.as_deref()))?;
        let named = header.key_id.is_some() || expected.profile == TokenProfile::Any;
        trace.checked(Check::KeyId, named.then_some(()).ok_or(Rejection::KeyIdMissing))?;
        trace.checked(Check::Expiration, expected.check_expiration(&self.claims, now))?;
        Ok(Plausible { token: self, algorithm })
    }
}

impl Plausible<'_> {
    /// Checks the signature.
    ///
    /// # Errors
    /// The first rejection that applies; [`Rejection::KeyUnknown`] may mean that `keys` is out of date.
    pub fn verify(
        self,
        keys: &KeySet,
        verifier: &dyn SignatureVerifier,
        trace: &mut impl Trace,
    ) -> Result<SignedClaims, Rejection> {
        let Self { token: Unverified { jws, claims }, algorithm } = self;
        let key = trace.checked(Check::Key, keys.find(jws.header.key_id.as_deref(), algorithm))?;
        let signature = verifier.verify(algorithm, key, jws.signing_input, &jws.signature);
        let signature = signature.map_err(|error| match error {
            SignatureError::Invalid => Rejection::SignatureInvalid,
            SignatureError::Unavailable => Rejection::CryptoUnavailable,
        });
        trace.checked(Check::Signature, signature)?;
        Ok(SignedClaims { claims, header: jws.header, algorithm, key: Arc::clone(key) })
    }
}

impl SignedClaims {
    /// Whether the key that the signature held under is still among these, for the same use and under the same name.
    pub fn are_signed_by_one_of(&self, keys: &KeySet) -> bool {
        keys.find(self.header.key_id.as_deref(), self.algorithm).is_ok_and(|key| *key == self.key)
    }

    /// Whether their time is over, now and for ever.
    pub fn have_expired(&self, expected: &Expected, now: UnixTime) -> bool {
        expected.check_expiration(&self.claims, now).is_err()
    }

    /// About what they occupy, in bytes. The header may be that of many: it counts as if it were not.
    pub fn heap_bytes(&self) -> usize {
        let header = [&self.header.key_id, &self.header.typ].into_iter().flatten();
        let header = header.map(|text| text.len()).fold(size_of::<JoseHeader>(), usize::saturating_add);
        self.claims.heap_bytes().saturating_add(header)
    }

    /// Asks whether the token is good at this moment, for this provider.
    ///
    /// # Errors
    /// The first rejection that applies.
    pub fn accept(
        &self,
        expected: &Expected,
        now: UnixTime,
        trace: &mut impl Trace,
    ) -> Result<Identity<'_>, Rejection> {
        let claims = &self.claims;
        let holds = |holds: bool, otherwise| if holds { Ok(()) } else { Err(otherwise) };
        trace.checked(Check::Times, expected.check_times(claims, now))?;
        let for_us =
            claims.audiences().any(|audience| expected.audiences.iter().any(|accepted| accepted == audience));
        trace.checked(Check::Audience, holds(for_us, Rejection::AudienceNotAllowed))?;
        let now = now.seconds().saturating_sub(expected.clock_skew);
        let identity = trace.checked(Check::Shape, expected.profile.identity(claims, now))?;
        let client = expected.client_ids.as_ref().is_none_or(|accepted| {
            identity.client_id.is_some_and(|id| accepted.iter().any(|accepted| accepted == id))
        });
        trace.checked(Check::Client, holds(client, Rejection::ClientNotAllowed))?;
        // A bound token taken as a bearer token is worth no more than a stolen one (RFC 9449 section 7.1).
        trace.checked(Check::Binding, holds(claims.get("cnf").is_none(), Rejection::TokenBound))?;
        Ok(identity)
    }
}

impl Expected {
    fn check_expiration(&self, claims: &Claims, now: UnixTime) -> Result<(), Rejection> {
        let expires_at = claims.expires_at().ok_or(Rejection::ExpirationMissing)?;
        // "on or after which the JWT MUST NOT be accepted" (RFC 7519 section 4.1.4)
        if now.seconds() >= expires_at.saturating_add(self.clock_skew) {
            return Err(Rejection::TokenExpired);
        }
        Ok(())
    }

    fn check_times(&self, claims: &Claims, now: UnixTime) -> Result<(), Rejection> {
        self.check_expiration(claims, now)?;
        let latest_past = now.seconds().saturating_add(self.clock_skew);
        if claims.not_before().is_some_and(|not_before| not_before > latest_past) {
            return Err(Rejection::TokenNotYetValid);
        }
        let Some(issued_at) = claims.issued_at() else {
            let required = self.profile != TokenProfile::Any || self.max_token_age.is_some();
            return if required { Err(Rejection::IssueTimeMissing) } else { Ok(()) };
        };
        if issued_at > latest_past {
            return Err(Rejection::TokenFromTheFuture);
        }
        let age = now.seconds().saturating_sub(issued_at);
        if self.max_token_age.is_some_and(|max| age > max.saturating_add(self.clock_skew)) {
            return Err(Rejection::TokenTooOld);
        }
        Ok(())
    }
}

impl TokenProfile {
    fn check_type(self, typ: Option<&str>) -> Result<(), Rejection> {
        let is = |name: &str| typ.is_some_and(|typ| typ.eq_ignore_ascii_case(name));
        // Since 2024 these are signed with a published key, and still nobody but Okta may judge them.
        if is("application/okta-internal-at+jwt") || is("okta-internal-at+jwt") {
            return Err(Rejection::OrgServerToken);
        }
        let access_token = is("at+jwt") || is("application/at+jwt");
        let allowed = match self {
            Self::Okta => typ.is_none() || is("JWT") || access_token,
            Self::Rfc9068 => access_token,
            Self::Any => true,
        };
        if allowed { Ok(()) } else { Err(Rejection::TypeNotAllowed) }
    }

    fn identity(self, claims: &Claims, now: i64) -> Result<Identity<'_>, Rejection> {
        let (client_id, scopes) = match self {
            Self::Okta => okta(claims),
            Self::Rfc9068 => rfc9068(claims),
            Self::Any => Some(any(claims)),
        }
        .ok_or(Rejection::NotAnAccessToken)?;
        Ok(Identity { claims, client_id, scopes, now })
    }
}

/// The client and the scopes, if the claims are those of an access token.
type Shape<'a> = Option<(Option<&'a str>, Vec<&'a str>)>;

/// Okta's reserved claims. An ID token has neither `cid` nor `scp`, and its `jti` begins with `ID.`; an ID-JAG's with
/// `IDAAG.`.
fn okta(claims: &Claims) -> Shape<'_> {
    let foreign = |id: &str| id.starts_with("ID.") || id.starts_with("IDAAG.");
    if claims.string("jti").is_some_and(foreign) {
        return None;
    }
    let client_id = claims.string("cid").filter(|id| !id.is_empty())?;
    let scopes = claims.get("scp").and_then(strings)?;
    Some((Some(client_id), scopes))
}

/// An array of strings.
fn strings(list: ValueRef<'_>) -> Option<Vec<&str>> {
    list.as_array()?.map(|item| item.as_str()).collect()
}

/// RFC 9068 section 2.2: what every access token of that profile has.
fn rfc9068(claims: &Claims) -> Shape<'_> {
    for required in ["sub", "jti"] {
        claims.string(required)?;
    }
    // RFC 8693 section 4.2's `scope`, or the `scp` that Okta and others write instead.
    let scopes = match (claims.get("scope"), claims.get("scp")) {
        (Some(scope), _) => scope.as_str()?.split_ascii_whitespace().collect(),
        (None, Some(scp)) => strings(scp)?,
        (None, None) => Vec::new(),
    };
    Some((Some(claims.string("client_id")?), scopes))
}

/// Whatever can be found. What has another form than expected is not there, and no rule that asks for it holds.
fn any(claims: &Claims) -> (Option<&str>, Vec<&str>) {
    let scopes = match claims.get("scp").or_else(|| claims.get("scope")) {
        Some(ValueRef::String(list)) => list.split_ascii_whitespace().collect(),
        Some(ValueRef::Array(list)) => list.filter_map(|scope| scope.as_str()).collect(),
        _ => Vec::new(),
    };
    let client_id = claims.string("cid").or_else(|| claims.string("client_id"));
    (client_id, scopes)
}

impl<'a> Identity<'a> {
    /// All claims of the token.
    pub const fn claims(&self) -> &'a Claims {
        self.claims
    }

    /// The client that the token was issued to: `cid`, or `client_id` in RFC 9068.
    pub const fn client_id(&self) -> Option<&'a str> {
        self.client_id
    }

    /// Whether a user stands behind the token: Okta says so by `uid`; elsewhere a client that has a token of its own is
    /// its own subject (RFC 9068 section 2.2).
    pub fn is_user(&self) -> bool {
        let subject = self.claims.string("sub");
        self.claims.string("uid").is_some()
            || (self.claims.string("cid").is_none() && subject.is_some() && subject != self.client_id)
    }

    /// Whether the user has authenticated longer ago than this, or nobody knows when.
    pub fn authentication_is_older_than(&self, seconds: i64) -> bool {
        let authenticated_at = self.claims.get("auth_time").and_then(|at| at.as_f64());
        !authenticated_at.is_some_and(|at| (self.now.saturating_sub(seconds) as f64) <= at)
    }

    /// The scopes that the token carries.
    pub fn scopes(&self) -> &[&'a str] {
        &self.scopes
    }

    /// Whether the token carries that scope, compared exactly.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.contains(&scope)
    }
}
