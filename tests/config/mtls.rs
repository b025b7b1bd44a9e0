//! The source of client certificates: `mtls`.

use serde_json::{Value, json};
use test_support::common::config;

use super::assert_errors;

#[test]
fn invalid_certificate_source_is_rejected() {
    let mtls = |mtls: Value| config(json!({}), json!({ "mtls": mtls }));
    let header = |header: Value| mtls(json!({ "header": header }));
    let named = |name: &str| header(json!({ "name": name, "format": "hex" }));
    let both = |rest: Value| {
        let source = json!({ "header": { "name": "X-A-B", "format": "hex" } });
        config(json!({}), test_support::common::with(json!({ "mtls": source }), rest))
    };
    let xfcc = json!({ "name": "x-forwarded-client-cert", "format": "xfcc" });
    let hop = |format: &str, hop: Value| header(json!({ "name": "x-a", "format": format, "hop": hop }));
    let either = "mtls: must have either `from` or `header`";
    let only_xfcc = "mtls.header.hop: is only allowed with `format: xfcc`";
    let identity = "mtls.header.name: is an identity header, which the filter removes from requests";
    let credentials = "mtls.header.name: must not be a header with credentials";
    let reserved =
        "mtls.header.name: is reserved: HTTP or Envoy uses it to frame, route or authenticate requests";
    assert_errors([
        (mtls(json!({})), either),
        (mtls(json!({ "from": "connection", "header": xfcc })), either),
        (
            mtls(json!({ "from": "header" })),
            "mtls.from: must be one of `connection`, not the string \"header\"",
        ),
        (
            mtls(json!({ "source": "connection" })),
            "mtls.source: unknown field `source`, expected `from` or `header`",
        ),
        (mtls(json!("connection")), "mtls: must be an object, not the string \"connection\""),
        (header(json!({ "format": "xfcc" })), "mtls.header: missing field `name`"),
        (header(json!({ "name": "x-a" })), "mtls.header: missing field `format`"),
        (
            header(json!({ "name": "x-a", "format": "pem" })),
            "mtls.header.format: must be one of `xfcc`, `hex`, `base64`, `base64url`, `pem_urlencoded`, not the string \"pem\"",
        ),
        (named("x a"), "mtls.header.name: must be a header name"),
        (named("x_a"), "mtls.header.name: must not have an underscore: some backends read it as a hyphen"),
        (named("authorization"), reserved),
        (named("x_forwarded_client_cert"), reserved),
        (hop("xfcc", json!(17)), "mtls.header.hop: must be from 0 to 16"),
        (hop("hex", json!(0)), only_xfcc),
        (hop("base64", json!(0)), only_xfcc),
        (both(json!({ "claim_to_headers": [{ "header_name": "x-a-b", "claim_name": "sub" }] })), identity),
        (both(json!({ "forward_payload_header": "x-a.b" })), identity),
        (both(json!({ "from_headers": [{ "name": "x-a-b" }] })), credentials),
    ]);
}
