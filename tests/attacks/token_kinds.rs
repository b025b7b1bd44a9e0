//! Tokens that the issuer signed for another purpose, and tokens of another issuer.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::json;
use test_support::common::Outcome::{Allow, Deny, Wait};
use test_support::common::{ISSUER, KID, OTHER_ISSUER, OTHER_KID, RSA_A, RSA_B, Signer, Token};
use test_support::common::{b64, config, filter, two_providers};

use super::assert_outcomes;

#[test]
fn token_of_another_kind_is_rejected() {
    let case = |name: &str, token: String, outcome| (name.to_owned(), token, outcome);
    let user = Token::user;
    let org = user().head(json!({ "typ": "application/okta-internal-at+jwt" }));
    let jag = user().claims(json!({ "jti": "IDAAG.x", "cid": null, "scp": null, "scope": "items:read" }));
    let jwe = format!(
        "{}.{}.{}.{}.{}",
        b64(r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#),
        b64("k"),
        b64("i"),
        b64("c"),
        b64("t")
    );
    let valid = user().compact();
    assert_outcomes(
        &filter(&config(json!({}), json!({}))),
        [
            case("ID token", Token::id_token().compact(), Deny(R::AudienceNotAllowed)),
            case(
                "ID token with the API's audience",
                Token::id_token().claims(json!({ "aud": "api://default" })).compact(),
                Deny(R::NotAnAccessToken),
            ),
            case(
                "ID token with cid and scp",
                user().claims(json!({ "jti": "ID.x" })).compact(),
                Deny(R::NotAnAccessToken),
            ),
            case("ID-JAG", jag.clone().compact(), Deny(R::NotAnAccessToken)),
            case(
                "ID-JAG with its typ",
                jag.head(json!({ "typ": "oauth-id-jag+jwt" })).compact(),
                Deny(R::TypeNotAllowed),
            ),
            case("org server", org.clone().compact(), Deny(R::OrgServerToken)),
            case(
                "org server with its issuer",
                org.claims(json!({ "iss": "https://acme.okta.com" })).compact(),
                Deny(R::IssuerUnknown),
            ),
            case(
                "sender-constrained by DPoP",
                user().claims(json!({ "cnf": { "jkt": "x" } })).compact(),
                Deny(R::TokenBound),
            ),
            case(
                "sender-constrained by certificate",
                user().claims(json!({ "cnf": { "x5t#S256": "x" } })).compact(),
                Deny(R::TokenBound),
            ),
            case("an empty cnf", user().claims(json!({ "cnf": {} })).compact(), Deny(R::TokenBound)),
            case("cnf is a string", user().claims(json!({ "cnf": "x" })).compact(), Deny(R::TokenBound)),
            case(
                "cnf is null",
                user().raw_payload(&user().payload.replacen('{', r#"{"cnf":null,"#, 1)).compact(),
                Deny(R::TokenBound),
            ),
            case("encrypted", jwe, Deny(R::TokenEncrypted)),
            case(
                "encrypted, a valid token with more segments",
                format!("{valid}.AA.AA"),
                Deny(R::TokenEncrypted),
            ),
            case("refresh token", "mfbs2DvRYcSIE5bAwCjyqHTWmrV2gYBZi8hqVXtcKVQ".into(), Deny(R::TokenOpaque)),
            case(
                "JSON serialization",
                json!({ "payload": "e30", "signatures": [] }).to_string().replace(',', ""),
                Deny(R::TokenOpaque),
            ),
            case("a nested JWT", user().raw_payload(&valid).compact(), Deny(R::ClaimsMalformed)),
        ],
    );
}

#[test]
fn token_signed_with_key_of_another_issuer_is_rejected() {
    let filter = filter(&two_providers(json!({})));
    let token = |issuer: &str, kid: &str, key| {
        let token = Token::user().claims(json!({ "iss": issuer })).head(json!({ "kid": kid }));
        token.signed_by(Signer::Rs256(key)).compact()
    };
    let case = |name: &str, token, outcome| (name.to_owned(), token, outcome);
    assert_outcomes(
        &filter,
        [
            case("first issuer, first key", token(ISSUER, KID, &RSA_A), Allow),
            case("second issuer, second key", token(OTHER_ISSUER, OTHER_KID, &RSA_B), Allow),
            case(
                "first issuer, second key, second kid",
                token(ISSUER, OTHER_KID, &RSA_B),
                Wait(R::KeyUnknown),
            ),
            case(
                "first issuer, second key, first kid",
                token(ISSUER, KID, &RSA_B),
                Deny(R::SignatureInvalid),
            ),
            case(
                "second issuer, first key, first kid",
                token(OTHER_ISSUER, KID, &RSA_A),
                Wait(R::KeyUnknown),
            ),
            case(
                "second issuer, first key, second kid",
                token(OTHER_ISSUER, OTHER_KID, &RSA_A),
                Deny(R::SignatureInvalid),
            ),
            case(
                "second issuer, first key, shared kid",
                token(OTHER_ISSUER, "shared", &RSA_A),
                Deny(R::SignatureInvalid),
            ),
        ],
    );
}

#[test]
fn id_jag_is_rejected_in_every_profile() {
    let token = |user: Token, typ: &str| {
        user.claims(json!({ "jti": "IDAAG.x" })).head(json!({ "typ": typ })).compact()
    };
    for (profile, user) in [("okta", Token::user()), ("rfc9068", Token::rfc9068()), ("any", Token::user())] {
        let filter = filter(&config(json!({ "token_profile": profile }), json!({})));
        let case =
            |typ: &str| (format!("{profile}, {typ}"), token(user.clone(), typ), Deny(R::TypeNotAllowed));
        assert_outcomes(
            &filter,
            ["oauth-id-jag+jwt", "OAUTH-ID-JAG+JWT", "application/oauth-id-jag+jwt"].map(case),
        );
    }
}
