//! Rules with `hosts`. Envoy's virtual hosts compare ports and final dots, so a rule must not
//! ignore them.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::json;
use test_support::common::Outcome::{Allow, Deny, Public};
use test_support::common::{Outcome, Token, config, request};

use super::{Auth, Row, row};

/// The outcomes with three configurations: no rule has `hosts`; a rule has `hosts`; a rule has
/// `hosts` and `ignore_port_in_host_matching` is true.
type Outcomes = [Outcome; 3];

const ANY: Outcomes = [Public, Deny(R::TokenMissing), Deny(R::TokenMissing)];
const OPEN: Outcomes = [Public, Public, Public];
const PORT: Outcomes = [Public, Deny(R::HostAmbiguous), Public];
const ANY_PORT: Outcomes = [Public, Deny(R::HostAmbiguous), Deny(R::TokenMissing)];
const FORM: Outcomes = [Public, Deny(R::HostAmbiguous), Deny(R::HostAmbiguous)];
const NEVER: Outcomes = [Deny(R::HostAmbiguous), Deny(R::HostAmbiguous), Deny(R::HostAmbiguous)];

fn table() -> Vec<(&'static str, Outcomes)> {
    vec![
        ("www.example.com", OPEN),
        ("WWW.example.COM", OPEN),
        ("a.open.example", OPEN),
        ("a.b.open.example", OPEN),
        ("[::1]", OPEN),
        ("[2001:DB8::A]", OPEN),
        ("open.example", ANY),
        (".open.example", ANY),
        ("evilopen.example", ANY),
        ("www.example.com.evil", ANY),
        ("w_w.example.com", ANY),
        ("xn--bcher-kva.example", ANY),
        ("127.0.0.1", ANY),
        ("", ANY),
        ("www.example.com:80", PORT),
        ("www.example.com:443", PORT),
        ("WWW.example.com:0", PORT),
        ("www.example.com:65535", PORT),
        ("www.example.com:000080", PORT),
        ("a.open.example:1", PORT),
        ("[::1]:80", PORT),
        ("other.example:80", ANY_PORT),
        ("127.0.0.1:80", ANY_PORT),
        ("[0:0:0:0:0:0:0:1]", FORM),
        ("[::0001]", FORM),
        ("[0::1]:80", FORM),
        ("www.example.com.", NEVER),
        ("www.example.com..", NEVER),
        ("www.example.com.:80", NEVER),
        ("www.example.com:", NEVER),
        ("www.example.com.:", NEVER),
        ("a.open.example.", NEVER),
        ("a.open.example:", NEVER),
        ("other.example.", NEVER),
        ("[::1]:", NEVER),
        ("[::1].", NEVER),
        (".", NEVER),
        (":", NEVER),
        (":80", NEVER),
        ("www.example.com:65536", NEVER),
        ("www.example.com:99999", NEVER),
        ("www.example.com:4294967376", NEVER),
        ("www.example.com:+80", NEVER),
        ("www.example.com:80:80", NEVER),
        ("www.example.com::80", NEVER),
        ("www.example.com:http", NEVER),
        ("user@www.example.com", NEVER),
        ("www.example.com:80@other.example", NEVER),
        ("www.example.com/", NEVER),
        ("www.example.com,other.example", NEVER),
        ("www%2eexample.com", NEVER),
        ("www.example.com ", NEVER),
        ("b\u{fc}cher.example", NEVER),
        ("[::1", NEVER),
        ("[]", NEVER),
        ("[::1.]", NEVER),
    ]
}

pub(crate) fn rows() -> Vec<Row> {
    let hosts = json!(["www.example.com", "*.open.example", "0:0:0:0:0:0:0:1", "[2001:db8:0::000a]"]);
    let named = json!([{ "match": { "hosts": hosts }, "public": true }, { "match": {}, "requires": {} }]);
    let open = json!([{ "match": {}, "public": true }]);
    let configs = [
        config(json!({}), json!({ "rules": open })),
        config(json!({}), json!({ "rules": named })),
        config(json!({}), json!({ "rules": named, "ignore_port_in_host_matching": true })),
    ];
    let mut rows = Vec::new();
    for (authority, expected) in table() {
        for (index, (config, outcome)) in configs.iter().zip(expected).enumerate() {
            let name = format!("{authority:?} with configuration {index}").leak();
            rows.push(row(name, config.clone(), request("GET", authority, "/"), Auth::Missing, 0, outcome));
        }
    }
    let [_, named, ignoring] = configs;
    let bearer = || Auth::Bearer(Token::user());
    let connect = |authority| request("CONNECT", authority, "");
    rows.extend([
        row(
            "a token, and another host",
            named.clone(),
            request("GET", "other.example", "/"),
            bearer(),
            0,
            Allow,
        ),
        row(
            "a token, and a port",
            named.clone(),
            request("GET", "other.example:1", "/"),
            bearer(),
            0,
            Deny(R::HostAmbiguous),
        ),
        row(
            "a token, and an ignored port",
            ignoring.clone(),
            request("GET", "other.example:1", "/"),
            bearer(),
            0,
            Allow,
        ),
        row("CONNECT", named, connect("www.example.com:443"), Auth::Missing, 0, Deny(R::HostAmbiguous)),
        row("CONNECT, ports are ignored", ignoring, connect("www.example.com:443"), Auth::Missing, 0, Public),
    ]);
    rows
}
