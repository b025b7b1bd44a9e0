//! Credentials in `Authorization`, token profiles, audiences, clients and issuers.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Public};
use test_support::common::{ISSUER, Signer, Token, config, get, rules, two_providers};

use super::{Auth, Row, row};

const CUSTOM_DOMAIN: &str = "https://login.acme.com/oauth2/default";

pub(crate) fn rows() -> Vec<Row> {
    let okta = || config(json!({}), json!({}));
    let rfc9068 = || config(json!({ "token_profile": "rfc9068" }), json!({}));
    let any = || config(json!({ "token_profile": "any" }), json!({}));
    let for_client = || config(json!({ "audiences": ["0oa1m2mSvcClnt9A5d07"] }), json!({}));
    let any_for_client =
        || config(json!({ "token_profile": "any", "audiences": ["0oa1m2mSvcClnt9A5d07"] }), json!({}));
    let two_audiences = || config(json!({ "audiences": ["api://a", "api://default"] }), json!({}));
    let clients = || config(json!({ "client_ids": ["0oaOther", "0oa1m2mSvcClnt9A5d07"] }), json!({}));
    let not_this_client = || config(json!({ "client_ids": ["0oaOther"] }), json!({}));
    let two_issuers = || config(json!({ "issuer": null, "issuers": [ISSUER, CUSTOM_DOMAIN] }), json!({}));
    let claims = |changes: Value| Auth::Bearer(Token::user().claims(changes));
    let head = |changes: Value| Auth::Bearer(Token::user().head(changes));
    let table = vec![
        // Profile okta.
        ("a user's access token", okta(), Auth::Bearer(Token::user()), Allow),
        ("a machine's access token", okta(), Auth::Bearer(Token::machine()), Allow),
        ("typ JWT", okta(), head(json!({ "typ": "JWT" })), Allow),
        ("typ at+jwt, in any case", okta(), head(json!({ "typ": "AT+jwt" })), Allow),
        ("typ of a DPoP proof", okta(), head(json!({ "typ": "dpop+jwt" })), Deny(R::TypeNotAllowed)),
        ("typ of an ID-JAG", okta(), head(json!({ "typ": "oauth-id-jag+jwt" })), Deny(R::TypeNotAllowed)),
        (
            "typ of the org server",
            okta(),
            head(json!({ "typ": "application/okta-internal-at+jwt" })),
            Deny(R::OrgServerToken),
        ),
        (
            "typ of the org server, profile any",
            any(),
            head(json!({ "typ": "application/okta-internal-at+jwt" })),
            Deny(R::OrgServerToken),
        ),
        ("an ID token", okta(), Auth::Bearer(Token::id_token()), Deny(R::AudienceNotAllowed)),
        (
            "an ID token for a configured client",
            for_client(),
            Auth::Bearer(Token::id_token()),
            Deny(R::NotAnAccessToken),
        ),
        ("jti of an ID token", okta(), claims(json!({ "jti": "ID.x" })), Deny(R::NotAnAccessToken)),
        ("jti of an ID-JAG", okta(), claims(json!({ "jti": "IDAAG.x" })), Deny(R::NotAnAccessToken)),
        ("jti of a refreshed token", okta(), claims(json!({ "jti": "AT.x.oar1" })), Allow),
        ("no cid", okta(), claims(json!({ "cid": null })), Deny(R::NotAnAccessToken)),
        ("empty cid", okta(), claims(json!({ "cid": "" })), Deny(R::NotAnAccessToken)),
        ("no scp", okta(), claims(json!({ "scp": null })), Deny(R::NotAnAccessToken)),
        ("scp a string", okta(), claims(json!({ "scp": "items:read" })), Deny(R::NotAnAccessToken)),
        ("scp with a number", okta(), claims(json!({ "scp": ["a", 1] })), Deny(R::NotAnAccessToken)),
        ("scp an object", okta(), claims(json!({ "scp": {} })), Deny(R::NotAnAccessToken)),
        ("scp empty", okta(), claims(json!({ "scp": [] })), Allow),
        (
            "scope instead of scp",
            okta(),
            claims(json!({ "scp": null, "scope": "items:read" })),
            Deny(R::NotAnAccessToken),
        ),
        (
            "an RFC 9068 token, profile okta",
            okta(),
            Auth::Bearer(Token::rfc9068()),
            Deny(R::NotAnAccessToken),
        ),
        // Profile rfc9068.
        ("an RFC 9068 token", rfc9068(), Auth::Bearer(Token::rfc9068()), Allow),
        (
            "typ application/at+jwt",
            rfc9068(),
            Auth::Bearer(Token::rfc9068().head(json!({ "typ": "application/at+jwt" }))),
            Allow,
        ),
        ("RFC 9068, a token of Okta", rfc9068(), Auth::Bearer(Token::user()), Deny(R::TypeNotAllowed)),
        (
            "RFC 9068, typ JWT",
            rfc9068(),
            Auth::Bearer(Token::rfc9068().head(json!({ "typ": "JWT" }))),
            Deny(R::TypeNotAllowed),
        ),
        (
            "RFC 9068, no sub",
            rfc9068(),
            Auth::Bearer(Token::rfc9068().claims(json!({ "sub": null }))),
            Deny(R::NotAnAccessToken),
        ),
        (
            "RFC 9068, no jti",
            rfc9068(),
            Auth::Bearer(Token::rfc9068().claims(json!({ "jti": null }))),
            Deny(R::NotAnAccessToken),
        ),
        (
            "RFC 9068, no client_id",
            rfc9068(),
            Auth::Bearer(Token::rfc9068().claims(json!({ "client_id": null }))),
            Deny(R::NotAnAccessToken),
        ),
        (
            "RFC 9068, scope an array",
            rfc9068(),
            Auth::Bearer(Token::rfc9068().claims(json!({ "scope": ["items:read"] }))),
            Deny(R::NotAnAccessToken),
        ),
        (
            "RFC 9068, no scope",
            rfc9068(),
            Auth::Bearer(Token::rfc9068().claims(json!({ "scope": null }))),
            Allow,
        ),
        (
            "RFC 9068, no kid",
            rfc9068(),
            Auth::Bearer(Token::rfc9068().head(json!({ "kid": null }))),
            Deny(R::KeyIdMissing),
        ),
        (
            "RFC 9068, sender-constrained",
            rfc9068(),
            Auth::Bearer(Token::rfc9068().claims(json!({ "cnf": {} }))),
            Deny(R::TokenBound),
        ),
        (
            "RFC 9068, an empty client_id",
            rfc9068(),
            Auth::Bearer(Token::rfc9068().claims(json!({ "client_id": "" }))),
            Deny(R::NotAnAccessToken),
        ),
        (
            "RFC 9068, an empty sub",
            rfc9068(),
            Auth::Bearer(Token::rfc9068().claims(json!({ "sub": "" }))),
            Deny(R::NotAnAccessToken),
        ),
        // Profile any.
        ("profile any, typ JWT", any(), head(json!({ "typ": "JWT" })), Allow),
        ("profile any, typ at+jwt", any(), head(json!({ "typ": "at+jwt" })), Allow),
        ("profile any, another typ", any(), head(json!({ "typ": "acme-access" })), Allow),
        ("profile any, empty typ", any(), head(json!({ "typ": "" })), Deny(R::TypeNotAllowed)),
        ("profile okta, empty typ", okta(), head(json!({ "typ": "" })), Deny(R::TypeNotAllowed)),
        (
            "profile any, typ of a DPoP proof",
            any(),
            head(json!({ "typ": "dpop+jwt" })),
            Deny(R::TypeNotAllowed),
        ),
        (
            "profile any, typ of a logout token, in full",
            any(),
            head(json!({ "typ": "Application/LOGOUT+jwt" })),
            Deny(R::TypeNotAllowed),
        ),
        (
            "profile any, typ of an ID-JAG",
            any(),
            head(json!({ "typ": "oauth-id-jag+jwt" })),
            Deny(R::TypeNotAllowed),
        ),
        ("profile any, a token of Okta", any(), Auth::Bearer(Token::user()), Allow),
        ("profile any, an RFC 9068 token", any(), Auth::Bearer(Token::rfc9068()), Allow),
        (
            "profile any, an ID token for this audience",
            any_for_client(),
            Auth::Bearer(Token::id_token()),
            Allow,
        ),
        (
            "profile any, an ID token for another audience",
            any(),
            Auth::Bearer(Token::id_token()),
            Deny(R::AudienceNotAllowed),
        ),
        ("profile any, a claim similar to cnf", any(), claims(json!({ "cnf ": { "jkt": "x" } })), Allow),
        (
            "profile any, sender-constrained",
            any(),
            claims(json!({ "cnf": { "jkt": "x" } })),
            Deny(R::TokenBound),
        ),
        // Audience, client, issuer.
        ("one of two audiences", two_audiences(), Auth::Bearer(Token::user()), Allow),
        ("aud an array", okta(), claims(json!({ "aud": ["x", "api://default"] })), Allow),
        ("aud an array of others", okta(), claims(json!({ "aud": ["x"] })), Deny(R::AudienceNotAllowed)),
        ("aud empty", okta(), claims(json!({ "aud": [] })), Deny(R::AudienceNotAllowed)),
        ("no aud", okta(), claims(json!({ "aud": null })), Deny(R::AudienceNotAllowed)),
        ("client on the list", clients(), Auth::Bearer(Token::user()), Allow),
        ("client not on the list", not_this_client(), Auth::Bearer(Token::user()), Deny(R::ClientNotAllowed)),
        ("issuer of no provider", okta(), Auth::Bearer(Token::other()), Deny(R::IssuerUnknown)),
        ("no iss", okta(), claims(json!({ "iss": null })), Deny(R::IssuerUnknown)),
        ("org issuer", okta(), claims(json!({ "iss": "https://acme.okta.com" })), Deny(R::IssuerUnknown)),
        ("issuers, the first", two_issuers(), Auth::Bearer(Token::user()), Allow),
        ("issuers, the second", two_issuers(), claims(json!({ "iss": CUSTOM_DOMAIN })), Allow),
        (
            "issuers, another",
            two_issuers(),
            claims(json!({ "iss": "https://evil.acme.com/oauth2/default" })),
            Deny(R::IssuerUnknown),
        ),
        ("two providers, the first", two_providers(json!({})), Auth::Bearer(Token::user()), Allow),
        ("two providers, the second", two_providers(json!({})), Auth::Bearer(Token::other()), Allow),
        // A response must not reveal audiences or clients to a client without a signed token.
        (
            "forged, for another audience",
            okta(),
            Auth::Bearer(Token::user().claims(json!({ "aud": "x" })).signed_by(Signer::Fixed(vec![1; 256]))),
            Deny(R::SignatureInvalid),
        ),
        (
            "forged, of a client not on the list",
            not_this_client(),
            Auth::Bearer(Token::user().signed_by(Signer::Fixed(vec![1; 256]))),
            Deny(R::SignatureInvalid),
        ),
    ];
    table
        .into_iter()
        .map(|(name, config, sent, expected)| row(name, config, get("/items"), sent, 0, expected))
        .collect()
}

pub(crate) fn credentials_rows() -> Vec<Row> {
    let okta = || config(json!({}), json!({}));
    let valid = Token::user().compact();
    let value = |text: &str| Auth::Values(vec![text.replace("TOKEN", &valid)]);
    let large = config(json!({}), json!({ "max_token_bytes": 1024 }));
    let long = Token::user().claims(json!({ "x": "x".repeat(1024) }));
    let open = || rules(json!([{ "match": {}, "public": true }]));
    let table = vec![
        ("no header", okta(), Auth::Missing, Deny(R::TokenMissing)),
        ("scheme in lower case", okta(), value("bearer TOKEN"), Allow),
        ("scheme in upper case", okta(), value("BEARER TOKEN"), Allow),
        ("more spaces", okta(), value("  Bearer   TOKEN  "), Allow),
        ("Basic", okta(), value("Basic dXNlcjpwYXNz"), Deny(R::TokenMissing)),
        ("SSWS", okta(), value("SSWS 00abc"), Deny(R::TokenMissing)),
        ("DPoP", okta(), value("DPoP TOKEN"), Deny(R::TokenMissing)),
        ("no scheme", okta(), value("TOKEN"), Deny(R::TokenMissing)),
        ("empty token", okta(), value("Bearer "), Deny(R::TokenMissing)),
        ("two tokens", okta(), value("Bearer TOKEN TOKEN"), Deny(R::MultipleCredentials)),
        ("scheme twice", okta(), value("Bearer Bearer TOKEN"), Deny(R::MultipleCredentials)),
        ("two joined by a comma", okta(), value("Bearer TOKEN,Bearer TOKEN"), Deny(R::MultipleCredentials)),
        ("Basic joined with Bearer", okta(), value("Basic eA==, Bearer TOKEN"), Deny(R::MultipleCredentials)),
        (
            "two headers",
            okta(),
            Auth::Values(vec![format!("Bearer {valid}"), format!("Bearer {valid}")]),
            Deny(R::MultipleCredentials),
        ),
        (
            "an empty header and a valid token",
            okta(),
            Auth::Values(vec![String::new(), format!("Bearer {valid}")]),
            Deny(R::MultipleCredentials),
        ),
        (
            "a refresh token",
            okta(),
            value("Bearer mfbs2DvRYcSIE5bAwCjyqHTWmrV2gYBZi8hqVXtcKVQ"),
            Deny(R::TokenOpaque),
        ),
        ("an encrypted token", okta(), value("Bearer e30.AA.AA.AA.AA"), Deny(R::TokenEncrypted)),
        ("two segments", okta(), value("Bearer e30.e30"), Deny(R::TokenMalformed)),
        ("larger than configured", large, Auth::Bearer(long), Deny(R::TokenTooLarge)),
        ("public, no token", open(), Auth::Missing, Public),
        ("public, an invalid token", open(), value("Bearer nonsense"), Public),
        ("public, two headers", open(), Auth::Values(vec!["Bearer a".into(), "Bearer b".into()]), Public),
        ("public, a valid token", open(), value("Bearer TOKEN"), Public),
        (
            "a header that is not JSON",
            okta(),
            Auth::Bearer(Token::user().raw_header("{")),
            Deny(R::HeaderMalformed),
        ),
        (
            "a payload that is not JSON",
            okta(),
            Auth::Bearer(Token::user().raw_payload("{")),
            Deny(R::ClaimsMalformed),
        ),
        (
            "crit",
            okta(),
            Auth::Bearer(Token::user().head(json!({ "crit": ["exp"] }))),
            Deny(R::CriticalExtension),
        ),
    ];
    table
        .into_iter()
        .map(|(name, config, sent, expected)| row(name, config, get("/items"), sent, 0, expected))
        .collect()
}
