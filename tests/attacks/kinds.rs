//! Tokens that the issuer did sign, for something else or for somebody else.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::json;
use test_support::common::Outcome::{Allow, Deny, Wait};
use test_support::common::{ISSUER, KID, OTHER_ISSUER, OTHER_KID, RSA_A, RSA_B, Signer, Token};
use test_support::common::{b64, config, filter, two_providers};

use super::all_get;

#[test]
fn tokens_of_another_kind() {
    let expect = |name: &str, token: String, outcome| (name.to_owned(), token, outcome);
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
    let good = user().compact();
    all_get(
        &filter(&config(json!({}), json!({}))),
        [
            expect("ID token", Token::id_token().compact(), Deny(R::AudienceNotAllowed)),
            expect(
                "ID token with the API's audience",
                Token::id_token().claims(json!({ "aud": "api://default" })).compact(),
                Deny(R::NotAnAccessToken),
            ),
            expect(
                "ID token with cid and scp",
                user().claims(json!({ "jti": "ID.x" })).compact(),
                Deny(R::NotAnAccessToken),
            ),
            expect("ID-JAG", jag.clone().compact(), Deny(R::NotAnAccessToken)),
            expect(
                "ID-JAG with its type",
                jag.head(json!({ "typ": "oauth-id-jag+jwt" })).compact(),
                Deny(R::TypeNotAllowed),
            ),
            expect("org server", org.clone().compact(), Deny(R::OrgServerToken)),
            expect(
                "org server, its own issuer",
                org.claims(json!({ "iss": "https://acme.okta.com" })).compact(),
                Deny(R::IssuerUnknown),
            ),
            expect(
                "bound by DPoP",
                user().claims(json!({ "cnf": { "jkt": "x" } })).compact(),
                Deny(R::TokenBound),
            ),
            expect(
                "bound by certificate",
                user().claims(json!({ "cnf": { "x5t#S256": "x" } })).compact(),
                Deny(R::TokenBound),
            ),
            expect(
                "bound by an empty cnf",
                user().claims(json!({ "cnf": {} })).compact(),
                Deny(R::TokenBound),
            ),
            expect("bound by a string", user().claims(json!({ "cnf": "x" })).compact(), Deny(R::TokenBound)),
            expect(
                "bound by null",
                user().raw_payload(&user().payload.replacen('{', r#"{"cnf":null,"#, 1)).compact(),
                Deny(R::TokenBound),
            ),
            expect("encrypted", jwe, Deny(R::TokenEncrypted)),
            expect("encrypted, around a good token", format!("{good}.AA.AA"), Deny(R::TokenEncrypted)),
            expect(
                "refresh token",
                "mfbs2DvRYcSIE5bAwCjyqHTWmrV2gYBZi8hqVXtcKVQ".into(),
                Deny(R::TokenOpaque),
            ),
            expect(
                "JSON serialization",
                json!({ "payload": "e30", "signatures": [] }).to_string().replace(',', ""),
                Deny(R::TokenOpaque),
            ),
            expect("a nested JWT", user().raw_payload(&good).compact(), Deny(R::ClaimsMalformed)),
        ],
    );
}

#[test]
fn one_issuers_key_for_the_other() {
    let filter = filter(&two_providers(json!({})));
    let token = |issuer: &str, kid: &str, key| {
        let token = Token::user().claims(json!({ "iss": issuer })).head(json!({ "kid": kid }));
        token.signed_by(Signer::Rs256(key)).compact()
    };
    let case = |name: &str, token, outcome| (name.to_owned(), token, outcome);
    all_get(
        &filter,
        [
            case("first, by the first", token(ISSUER, KID, &RSA_A), Allow),
            case("second, by the second", token(OTHER_ISSUER, OTHER_KID, &RSA_B), Allow),
            case("first, by the second, its own kid", token(ISSUER, OTHER_KID, &RSA_B), Wait(R::KeyUnknown)),
            case(
                "first, by the second, the first's kid",
                token(ISSUER, KID, &RSA_B),
                Deny(R::SignatureInvalid),
            ),
            case("second, by the first, its own kid", token(OTHER_ISSUER, KID, &RSA_A), Wait(R::KeyUnknown)),
            case(
                "second, by the first, the second's kid",
                token(OTHER_ISSUER, OTHER_KID, &RSA_A),
                Deny(R::SignatureInvalid),
            ),
            case(
                "second, by the first, the shared kid",
                token(OTHER_ISSUER, "shared", &RSA_A),
                Deny(R::SignatureInvalid),
            ),
        ],
    );
}
