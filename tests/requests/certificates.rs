//! Certificate-bound tokens (RFC 8705 section 3).

use okta_authz_filter::filter::Verdict;
use okta_authz_filter::rejection::Rejection as R;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Public, Shadow};
use test_support::common::{NOW, Request, Token, cold, config, decide, get, rules};

use super::{Auth, Row, row};

/// The thumbprint of RFC 8705 appendix A, as the token has it and as Envoy reports it.
const X5T: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
const HEX: &str = "0380ed2f626650c840b2f263e6d2b29fae12ab39ae5db32b25ad27efad72e6fd";
const OTHER: &str = "1380ed2f626650c840b2f263e6d2b29fae12ab39ae5db32b25ad27efad72e6fd";
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

fn mtls(source: Value) -> Value {
    config(json!({}), json!({ "mtls": source }))
}

fn connection() -> Value {
    mtls(json!({ "from": "connection" }))
}

fn xfcc(hop: u32) -> Value {
    mtls(json!({ "header": { "name": "X-Forwarded-Client-Cert", "format": "xfcc", "hop": hop } }))
}

fn header(format: &str) -> Value {
    mtls(json!({ "header": { "name": "x-cert", "format": format } }))
}

pub(crate) fn rows() -> Vec<Row> {
    let bound = || Token::user().claims(json!({ "cnf": { "x5t#S256": X5T } }));
    let confirmed = |cnf: Value| Token::user().claims(json!({ "cnf": cnf }));
    let items = || get("/items");
    let with_certificate = |digest: &str| items().client_certificate(digest);
    let sent =
        |name: &str, value: &str| items().header(name, value.replace("HEX", HEX).replace("OTHER", OTHER));
    let chain = |value: &str| sent("x-forwarded-client-cert", value);
    let mut rows = Vec::new();
    let mut add = |name, config: Value, request: Request, token: Token, expected| {
        rows.push(row(name, config, request, Auth::Bearer(token), 0, expected));
    };

    let upper = HEX.to_uppercase();
    add("RFC 8705 appendix A", connection(), with_certificate(HEX), bound(), Allow);
    add("digest in capitals", connection(), with_certificate(&upper), bound(), Allow);
    add("other certificate", connection(), with_certificate(OTHER), bound(), Deny(R::CertificateMismatch));
    add("no certificate", connection(), items(), bound(), Deny(R::CertificateMissing));
    for (name, digest) in [("31 bytes", &HEX[2..]), ("not hexadecimal", X5T), ("63 digits", &HEX[1..])] {
        add(name, connection(), with_certificate(digest), bound(), Deny(R::CertificateUnreadable));
    }
    add("unbound token, no certificate", connection(), items(), Token::user(), Allow);
    add("unbound token, certificate", connection(), with_certificate(OTHER), Token::user(), Allow);
    add(
        "mtls not configured",
        config(json!({}), json!({})),
        with_certificate(HEX),
        bound(),
        Deny(R::TokenBound),
    );
    for (name, thumbprint) in [
        ("hexadecimal thumbprint", HEX.to_owned()),
        ("padded thumbprint", format!("{X5T}=")),
        ("thumbprint of 31 bytes", X5T[..42].to_owned()),
    ] {
        let token = confirmed(json!({ "x5t#S256": thumbprint }));
        add(name, connection(), with_certificate(HEX), token, Deny(R::TokenBound));
    }
    let both = confirmed(json!({ "x5t#S256": X5T, "jkt": JKT }));
    let dpop_alone = config(json!({}), json!({ "dpop": {} }));
    add("certificate and key, mtls not configured", dpop_alone, items(), both.clone(), Deny(R::TokenBound));
    add("certificate and key", connection(), with_certificate(HEX), both, Deny(R::TokenBound));
    let public = || {
        let mut config = connection();
        config["rules"] = rules(json!([{ "match": {}, "public": true }]))["rules"].clone();
        config
    };
    add("public path", public(), items(), bound(), Public);
    let mut shadow = connection();
    shadow["mode"] = json!("shadow");
    add(
        "shadow mode, without identity headers",
        shadow,
        items(),
        bound(),
        Shadow(R::CertificateMissing, false),
    );
    let expired = bound().claims(json!({ "exp": NOW - 1000 }));
    add(
        "expired token, other certificate",
        connection(),
        with_certificate(OTHER),
        expired,
        Deny(R::TokenExpired),
    );
    let mut revoked = connection();
    revoked["denylist"] = json!({ "entries": [{ "sub": "joe.user@example.com" }] });
    add("revoked token, no certificate", revoked.clone(), items(), bound(), Deny(R::CertificateMissing));
    add("revoked token, right certificate", revoked, with_certificate(HEX), bound(), Deny(R::TokenRevoked));

    let spoofed = chain("Hash=HEX").client_certificate(OTHER);
    add("xfcc of the client, from: connection", connection(), spoofed, bound(), Deny(R::CertificateMismatch));
    add(
        "certificate of the proxy, from: header",
        xfcc(0),
        with_certificate(HEX),
        bound(),
        Deny(R::CertificateMissing),
    );
    add("xfcc", xfcc(0), chain("By=spiffe://a;Hash=HEX;Subject=\"CN=a,O=b\""), bound(), Allow);
    add("xfcc, other certificate", xfcc(0), chain("Hash=OTHER"), bound(), Deny(R::CertificateMismatch));
    add(
        "xfcc, element of the client before",
        xfcc(0),
        chain("Hash=HEX,Hash=OTHER"),
        bound(),
        Deny(R::CertificateMismatch),
    );
    add("xfcc, hop 1", xfcc(1), chain("Hash=HEX,Hash=OTHER"), bound(), Allow);
    for (name, hop, value) in [
        ("xfcc, hop out of range", 1, "Hash=HEX"),
        ("xfcc without Hash", 0, "By=spiffe://a;Subject=\"CN=a\""),
        ("xfcc with two Hash", 0, "Hash=HEX;Hash=HEX"),
        ("xfcc with Hash in the subject", 0, "By=a;Subject=\"CN=a;Hash=HEX\""),
        ("xfcc malformed", 0, "HEX"),
    ] {
        add(name, xfcc(hop), chain(value), bound(), Deny(R::CertificateUnreadable));
    }
    add("xfcc empty", xfcc(0), chain(""), bound(), Deny(R::CertificateMissing));
    let twice = chain("Hash=HEX").header("x-forwarded-client-cert", "By=a");
    add("xfcc twice", xfcc(0), twice, bound(), Deny(R::CertificateUnreadable));
    add("hex", header("hex"), sent("x-cert", " HEX "), bound(), Allow);
    add("hex, other", header("hex"), sent("x-cert", "OTHER"), bound(), Deny(R::CertificateMismatch));
    add("hex, base64url", header("hex"), sent("x-cert", X5T), bound(), Deny(R::CertificateUnreadable));
    add("hex, another header", header("hex"), sent("x_cert", "HEX"), bound(), Deny(R::CertificateMissing));
    let standard = X5T.replace('-', "+").replace('_', "/");
    add("base64", header("base64"), sent("x-cert", &format!("{standard}=")), bound(), Allow);
    add("base64 of Client-Cert", header("base64"), sent("x-cert", &format!(":{standard}=:")), bound(), Allow);
    add("base64url", header("base64url"), sent("x-cert", X5T), bound(), Allow);
    add(
        "PEM without a certificate",
        header("pem_urlencoded"),
        sent("x-cert", "HEX"),
        bound(),
        Deny(R::CertificateUnreadable),
    );
    rows
}

#[test]
fn metadata_with_mtls_announces_certificate_bound_tokens() {
    for (source, expected) in [(json!({ "from": "connection" }), json!(true)), (Value::Null, Value::Null)] {
        let mut config =
            config(json!({}), json!({ "protected_resources": [{ "resource": "https://api.example.com" }] }));
        if !source.is_null() {
            config["mtls"] = source;
        }
        let request = get("/.well-known/oauth-protected-resource");
        let Verdict::LocalResponse(reply) = decide(&cold(&config), &request, &[], NOW) else {
            panic!("no metadata")
        };
        let metadata: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], expected);
    }
}

#[test]
fn denial_of_another_certificate_is_invalid_token() {
    let token = Token::user().claims(json!({ "cnf": { "x5t#S256": X5T } })).compact();
    let filter = test_support::common::filter(&connection());
    let request = get("/items").client_certificate(OTHER);
    let authorization = format!("Bearer {token}");
    let Verdict::Deny(denial) = decide(&filter, &request, &[authorization.as_bytes()], NOW) else {
        panic!("another certificate is allowed")
    };
    let reply = filter.reply(&denial, &RequestHead::default(), UnixTime::from_seconds(NOW));
    let challenge =
        reply.headers.iter().find(|(name, _)| *name == "www-authenticate").map(|(_, value)| value.as_str());
    assert_eq!(reply.status, 401);
    assert_eq!(
        challenge,
        Some(
            r#"Bearer realm="api",error="invalid_token",error_description="the access token is bound to another client certificate""#
        )
    );
}
