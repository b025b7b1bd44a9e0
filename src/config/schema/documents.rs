//! The schema of documents that have no `raw` type: denylist entries and key sets.

use schemars::JsonSchema;

/// # Denylist entry
///
/// A description of the tokens that the filter rejects. A token matches if all members of the entry
/// match. Entries of the configuration and of the fetched denylist have the same members. At least
/// one member other than `until` is set.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "the filter reads entries in `denylist`; only the schema is used")]
pub(in crate::config) struct DenylistEntry {
    /// The `jti` of the token, which identifies one token.
    ///
    /// - Range: not empty
    /// - Default: any
    /// - Example: `AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE`
    jti: Option<String>,
    /// The `sub` of the token. In Okta, it is the login of the user, or the client ID if the token
    /// has no user.
    ///
    /// - Range: not empty
    /// - Default: any
    /// - Example: `joe@example.com`
    sub: Option<String>,
    /// The `uid` of the token, Okta's ID of the user.
    ///
    /// - Range: not empty
    /// - Default: any
    /// - Example: `00uid4BxXw6I6TV4m0g3`
    uid: Option<String>,
    /// The client ID of the token (Okta: `cid`; RFC 9068: `client_id`).
    ///
    /// - Range: not empty
    /// - Default: any
    /// - Example: `0oa1m2mSvcClnt9A5d07`
    cid: Option<String>,
    /// The issuer (`iss`) of the token.
    ///
    /// - Range: not empty
    /// - Default: any
    /// - Example: `https://acme.okta.com/oauth2/default`
    issuer: Option<String>,
    /// The e-mail address of the user. It is compared with `sub` and with the claim `email`, and the
    /// case of ASCII letters does not matter.
    ///
    /// - Range: not empty
    /// - Default: any
    /// - Example: `joe@example.com`
    email: Option<String>,
    /// The time before which the token was issued (`iat`), in seconds since 1970. A token without
    /// `iat` matches.
    ///
    /// - Range: `0` to `253402300799`, whole numbers
    /// - Default: any time
    /// - Example: `1700000000`
    issued_before: Option<u64>,
    /// The time before which the user authenticated (`auth_time`), in seconds since 1970. For a
    /// token without `auth_time`, the filter compares `iat`. A refreshed token has a new `iat` and
    /// the `auth_time` of the login.
    ///
    /// - Range: `0` to `253402300799`, whole numbers
    /// - Default: any time
    /// - Example: `1700000000`
    authenticated_before: Option<u64>,
    /// The time at which the entry ends, in seconds since 1970.
    ///
    /// - Range: `0` to `253402300799`, whole numbers
    /// - Default: never
    /// - Example: `1700086400`
    until: Option<u64>,
}

/// # JWK Set
///
/// A JWK Set (RFC 7517 section 5). The filter ignores unknown members, and skips keys that it
/// cannot use.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "the filter reads key sets in `jwks`; only the schema is used")]
pub(in crate::config) struct JwkSet {
    /// The keys. At least one of them must be usable.
    ///
    /// - Range: 1 to 100 keys
    /// - Example: `[{ kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo }]`
    keys: Vec<Jwk>,
}

/// # JWK
///
/// A public key (RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2).
#[derive(JsonSchema)]
#[allow(dead_code, reason = "the filter reads keys in `jwks`; only the schema is used")]
struct Jwk {
    /// The type of the key.
    ///
    /// - Range: `RSA`, `EC` or `OKP`
    /// - Example: `RSA`
    kty: String,
    /// The key ID. A token selects the key with its `kid`.
    ///
    /// - Range: 1 to 256 bytes
    /// - Default: none
    /// - Example: `pinned`
    kid: Option<String>,
    /// The use of the key. The filter skips a key with another use.
    ///
    /// - Range: `sig`
    /// - Default: any
    /// - Example: `sig`
    r#use: Option<String>,
    /// The operations of the key. The filter skips a key without `verify`.
    ///
    /// - Range: contains `verify`
    /// - Default: any
    /// - Example: `[verify]`
    key_ops: Option<Vec<String>>,
    /// The only algorithm that the filter accepts with this key.
    ///
    /// - Range: a value of `algorithms`
    /// - Default: all algorithms of the key type
    /// - Example: `RS256`
    alg: Option<String>,
    /// The modulus of an RSA key, base64url-encoded.
    ///
    /// - Range: 2048 to 8192 bits
    /// - Default: none; required with `RSA`
    /// - Example: `sXch8VQ…`
    n: Option<String>,
    /// The exponent of an RSA key, base64url-encoded.
    ///
    /// - Range: an odd number above 1
    /// - Default: none; required with `RSA`
    /// - Example: `AQAB`
    e: Option<String>,
    /// The curve of an EC or OKP key.
    ///
    /// - Range: with `EC`, `P-256`, `P-384` or `P-521`; with `OKP`, `Ed25519`
    /// - Default: none; required with `EC` and `OKP`
    /// - Example: `P-256`
    crv: Option<String>,
    /// The x coordinate of an EC key, or the public key of an OKP key, base64url-encoded.
    ///
    /// - Range: the length of the curve
    /// - Default: none; required with `EC` and `OKP`
    /// - Example: `11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo`
    x: Option<String>,
    /// The y coordinate of an EC key, base64url-encoded.
    ///
    /// - Range: the length of the curve
    /// - Default: none; required with `EC`
    /// - Example: `x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0`
    y: Option<String>,
}
