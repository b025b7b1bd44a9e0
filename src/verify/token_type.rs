//! The token type, from the `typ` header.

/// Types of other tokens than access tokens: PASSporTs (RFC 8225), SD-JWTs (RFC 9901), Verifiable
/// Credentials, and names that issuers use for ID tokens, refresh tokens, logout tokens and events.
/// All types with a suffix such as `+jwt`, except `at+jwt`, are also of other tokens.
const NOT_ACCESS_TOKENS: &[&str] = &[
    "cwt",
    "dpop",
    "id",
    "id_token",
    "jwe",
    "logout",
    "logout_token",
    "mso_mdoc",
    "passport",
    "refresh",
    "refresh_token",
    "rt",
    "sd-jwt",
    "secevent",
    "txn_token",
    "vc",
    "vp",
];

/// The type of a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TokenType {
    /// `at+jwt` (RFC 9068 section 2.1).
    AccessToken,
    /// `JWT` (RFC 7519 section 5.1).
    Jwt,
    /// An access token of Okta's org authorization server.
    OrgServer,
    /// A private name of an issuer, which is not registered, or `JOSE` (RFC 7515 section 4.1.9).
    Unregistered,
    /// A type that is registered for another use, or a value that is not a type.
    Other,
}

impl TokenType {
    /// Returns the type for a value of `typ`. Ignores case and the prefix `application/` (RFC 7515
    /// section 4.1.9).
    pub(super) fn of(typ: &str) -> Self {
        let name = typ.to_ascii_lowercase();
        let (is_full, name) = match name.strip_prefix("application/") {
            Some(name) => (true, name),
            None => (false, name.as_str()),
        };
        match name {
            "at+jwt" => Self::AccessToken,
            "jwt" if !is_full => Self::Jwt,
            // Okta has signed these with a published key since 2024, but only Okta may validate
            // them.
            "okta-internal-at+jwt" => Self::OrgServer,
            // RFC 6838 section 4.2.8: the suffix names the encoding, and the part before it the
            // type.
            name if is_name(name) && !name.contains('+') && !NOT_ACCESS_TOKENS.contains(&name) => {
                Self::Unregistered
            }
            _ => Self::Other,
        }
    }
}

/// Returns whether a text is the subtype name of a media type (RFC 6838 section 4.2).
fn is_name(name: &str) -> bool {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
    name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.bytes().all(is_name_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_type_spelling_is_classified() {
        use TokenType::{AccessToken, Jwt, OrgServer, Other, Unregistered};
        for (typ, expected) in [
            ("at+jwt", AccessToken),
            ("AT+JWT", AccessToken),
            ("application/at+jwt", AccessToken),
            ("Application/AT+jwt", AccessToken),
            ("JWT", Jwt),
            ("jwt", Jwt),
            ("application/jwt", Unregistered),
            ("JOSE", Unregistered),
            ("access_token", Unregistered),
            ("Bearer", Unregistered),
            ("okta-internal-at+jwt", OrgServer),
            ("application/okta-internal-at+JWT", OrgServer),
            ("", Other),
            (" ", Other),
            ("application/", Other),
            (" at+jwt", Other),
            ("at+jwt ", Other),
            ("at+jwt;v=1", Other),
            ("text/plain", Other),
            ("application/application/at+jwt", Other),
            ("at%2Bjwt", Other),
            ("+jwt", Other),
            ("vnd.acme.at+jwt", Other),
            ("passport", Other),
            ("jose+json", Other),
            ("dpop\u{ff0b}jwt", Other),
        ] {
            assert_eq!(TokenType::of(typ), expected, "{typ:?}");
        }
    }

    #[test]
    fn token_type_registered_for_other_use_is_other() {
        for name in [
            "dpop+jwt",
            "logout+jwt",
            "secevent+jwt",
            "oauth-authz-req+jwt",
            "oauth-id-jag+jwt",
            "token-introspection+jwt",
            "client-authentication+jwt",
            "oauth-client-attestation+jwt",
            "oauth-client-attestation-pop+jwt",
            "jwk-set+jwt",
            "entity-statement+jwt",
            "trust-mark+jwt",
            "resolve-response+jwt",
            "kb+jwt",
            "dc+sd-jwt",
            "vc+sd-jwt",
            "vc+jwt",
            "vp+jwt",
            "sd-jwt",
            "sd-jwt+json",
            "statuslist+jwt",
            "openid4vci-proof+jwt",
            "txntoken+jwt",
            "wit+jwt",
            "rt+jwt",
            "id_token",
            "id+jwt",
            "jwe",
            "logout_token",
            "secevent",
            "txn_token",
            "vc",
            "vp",
        ] {
            for typ in [name.to_owned(), name.to_uppercase(), format!("application/{name}")] {
                assert_eq!(TokenType::of(&typ), TokenType::Other, "{typ}");
            }
        }
    }
}
