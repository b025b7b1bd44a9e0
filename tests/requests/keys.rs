//! The selection of keys, and tokens whose key is missing.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Wait};
use test_support::common::{
    KID, OTHER_ISSUER, RSA_A, RSA_B, Signer, Token, config, get, jwks, rules, two_providers,
};

use super::{Auth, Row, row};

pub(crate) fn rows() -> Vec<Row> {
    let okta = || config(json!({}), json!({}));
    let two = || two_providers(json!({}));
    let algorithms = |names: Value| config(json!({ "algorithms": names }), json!({}));
    let any = || config(json!({ "token_profile": "any" }), json!({}));
    let pinned = || config(json!({ "remote_jwks": null, "local_jwks": jwks("okta") }), json!({}));
    let one_key = || {
        let keys = json!({ "keys": [jwks("okta")["keys"][0]] });
        config(json!({ "token_profile": "any", "remote_jwks": null, "local_jwks": keys }), json!({}))
    };
    let short_max_stale = || {
        config(
            json!({ "remote_jwks": { "cluster": "okta", "max_stale": "1h", "cache_duration": "10m" } }),
            json!({}),
        )
    };
    let head = |changes: Value| Token::user().head(changes);
    let es256 = || head(json!({ "kid": "ec", "alg": "ES256" })).signed_by(Signer::Es256);
    let shared = |issuer: Option<&str>, signer: Signer| {
        let token = head(json!({ "kid": "shared" })).signed_by(signer);
        issuer.map_or(token.clone(), |issuer| token.claims(json!({ "iss": issuer })))
    };
    let mut table = vec![
        ("pinned keys only", pinned(), Token::user(), 0, Allow),
        ("unknown kid", okta(), head(json!({ "kid": "new" })), 0, Wait(R::KeyUnknown)),
        ("no kid", okta(), head(json!({ "kid": null })), 0, Deny(R::KeyIdMissing)),
        ("no kid, profile any, one key", one_key(), head(json!({ "kid": null })), 0, Allow),
        ("no kid, profile any, several keys", any(), head(json!({ "kid": null })), 0, Deny(R::KeyMismatch)),
        ("ES256 not configured", okta(), es256(), 0, Deny(R::AlgorithmNotAllowed)),
        ("ES256", algorithms(json!(["RS256", "ES256"])), es256(), 0, Allow),
        (
            "PS256 with a key without alg",
            algorithms(json!(["PS256"])),
            head(json!({ "kid": "untied", "alg": "PS256" })).signed_by(Signer::Ps256),
            0,
            Allow,
        ),
        (
            "RS384 with a key for RS384",
            algorithms(json!(["RS384"])),
            head(json!({ "kid": "rs384", "alg": "RS384" })).signed_by(Signer::Rs384),
            0,
            Allow,
        ),
        ("RS256 with a key for RS384", okta(), head(json!({ "kid": "rs384" })), 0, Deny(R::KeyMismatch)),
        (
            "a key that no backend supports",
            okta(),
            head(json!({ "kid": "exponent-3" })),
            0,
            Deny(R::CryptoUnavailable),
        ),
        (
            "a signature with another key",
            okta(),
            Token::user().signed_by(Signer::Rs256(&RSA_B)),
            0,
            Deny(R::SignatureInvalid),
        ),
        ("shared kid, first issuer, its key", two(), shared(None, Signer::Rs256(&RSA_A)), 0, Allow),
        (
            "shared kid, first issuer, other's key",
            two(),
            shared(None, Signer::Rs256(&RSA_B)),
            0,
            Deny(R::SignatureInvalid),
        ),
        (
            "shared kid, second issuer, its key",
            two(),
            shared(Some(OTHER_ISSUER), Signer::Rs256(&RSA_B)),
            0,
            Allow,
        ),
        (
            "shared kid, second issuer, other's key",
            two(),
            shared(Some(OTHER_ISSUER), Signer::Rs256(&RSA_A)),
            0,
            Deny(R::SignatureInvalid),
        ),
        (
            "kid of the other issuer",
            two(),
            Token::user().claims(json!({ "iss": OTHER_ISSUER })),
            0,
            Wait(R::KeyUnknown),
        ),
    ];
    let young = |at: u64| Token::user().claims(json!({ "exp": test_support::common::NOW + at + 3600 }));
    table.push(("the age of the keys is max_stale", short_max_stale(), young(3600), 3600, Allow));
    table.push((
        "the keys are older than max_stale",
        short_max_stale(),
        young(3601),
        3601,
        Wait(R::KeysStale),
    ));
    table
        .into_iter()
        .map(|(name, config, token, at, expected)| {
            row(name, config, get("/items"), Auth::Bearer(token), at, expected)
        })
        .collect()
}

/// The filter has no fetched keys.
pub(crate) fn rows_without_keys() -> Vec<Row> {
    let okta = || config(json!({}), json!({}));
    let both = || config(json!({ "local_jwks": jwks("other") }), json!({}));
    let open = || rules(json!([{ "match": { "path": "/items" }, "public": true }]));
    let expired = || Token::user().claims(json!({ "exp": 1 }));
    let table = vec![
        ("a valid token", okta(), Auth::Bearer(Token::user()), Wait(R::KeysUnavailable)),
        ("no token", okta(), Auth::Missing, Deny(R::TokenMissing)),
        ("a public rule", open(), Auth::Missing, test_support::common::Outcome::Public),
        ("an expired token does not wait", okta(), Auth::Bearer(expired()), Deny(R::TokenExpired)),
        ("an unknown issuer does not wait", okta(), Auth::Bearer(Token::other()), Deny(R::IssuerUnknown)),
        (
            "another algorithm does not wait",
            okta(),
            Auth::Bearer(Token::user().head(json!({ "alg": "HS256", "kid": KID }))),
            Deny(R::AlgorithmNotAllowed),
        ),
        // After a 401, the client would discard a token that the missing keys may verify.
        (
            "pinned keys, and remote keys are missing",
            both(),
            Auth::Bearer(Token::user()),
            Wait(R::KeysUnavailable),
        ),
    ];
    table
        .into_iter()
        .map(|(name, config, sent, expected)| row(name, config, get("/items"), sent, 0, expected))
        .collect()
}
