//! Conditions on headers, query parameters and the client's address, and requirements on claims.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Public};
use test_support::common::{Outcome, Request, Token, get, rules, two_providers, with};

use super::{Auth, Row, row};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = matching();
    rows.extend(requiring());
    rows.extend(denying());
    rows
}

/// One public rule: a request that it does not match needs a token.
fn matching() -> Vec<Row> {
    let header = |more: Value| json!({ "headers": [with(json!({ "name": "X-Tenant" }), more)] });
    let exact = || header(json!({ "string_match": { "exact": "acme" } }));
    let not_exact = || header(json!({ "string_match": { "exact": "acme" }, "invert_match": true }));
    let query = |more: Value| json!({ "query_parameters": [with(json!({ "name": "v" }), more)] });
    let two = || query(json!({ "string_match": { "exact": "2" } }));
    let not_two = || query(json!({ "string_match": { "exact": "2" }, "invert_match": true }));
    let mapped = || json!({ "remote_ip": ["::ffff:10.0.0.0/104"] });
    let ambiguous = || Deny(R::HeaderAmbiguous);
    let inside = || json!({ "remote_ip": ["10.0.0.0/8", "fd00::/8"] });
    let tenant = |value: &[u8]| get("/").header("x-tenant", value);
    let deny = || Deny(R::TokenMissing);
    let table: Vec<(&'static str, Value, Request, Outcome)> = vec![
        ("header, equal", exact(), tenant(b"acme"), Public),
        ("header, another value", exact(), tenant(b"Acme"), deny()),
        ("header, absent", exact(), get("/"), deny()),
        ("header, twice", exact(), tenant(b"acme").header("x-tenant", "evil"), ambiguous()),
        ("header, twice, equal values", exact(), tenant(b"acme").header("x-tenant", "acme"), ambiguous()),
        ("header, twice, once empty", exact(), tenant(b"acme").header("x-tenant", ""), ambiguous()),
        ("header, joined with an empty value", exact(), tenant(b"acme,"), ambiguous()),
        ("header, joined", exact(), tenant(b"evil, acme"), ambiguous()),
        ("header, not UTF-8", exact(), tenant(b"acme\xff"), ambiguous()),
        ("header, underscore", exact(), get("/").header("x_tenant", "acme"), ambiguous()),
        ("header, and a similar name", exact(), tenant(b"acme").header("x.tenant", "evil"), ambiguous()),
        ("header, inverted, underscore", not_exact(), get("/").header("x_tenant", "acme"), ambiguous()),
        ("header, inverted, twice", not_exact(), tenant(b"evil").header("x-tenant", "acme"), ambiguous()),
        (
            "header, regex, not UTF-8",
            header(json!({ "string_match": { "safe_regex": ".*acme.*" } })),
            tenant(b"acme\xff"),
            ambiguous(),
        ),
        (
            "header, present_match, not UTF-8",
            header(json!({ "present_match": true })),
            tenant(b"\xff"),
            ambiguous(),
        ),
        (
            "header, other headers are ambiguous",
            exact(),
            tenant(b"acme")
                .header("x-b", "a,b")
                .header("x-b", b"\xff")
                .header("x_b", "")
                .header("x-tenants", "a,"),
            Public,
        ),
        (
            "header, a comma in User-Agent",
            json!({ "headers": [{ "name": "User-Agent", "string_match": { "contains": "Gecko" } }] }),
            get("/").header("user-agent", "Mozilla/5.0 (KHTML, like Gecko)"),
            Public,
        ),
        ("header, inverted", not_exact(), tenant(b"evil"), Public),
        ("header, inverted, equal", not_exact(), tenant(b"acme"), deny()),
        ("header, inverted, absent", not_exact(), get("/"), Public),
        ("header, present_match", header(json!({ "present_match": true })), tenant(b""), Public),
        (
            "header, present_match, absent",
            header(json!({ "present_match": true })),
            get("/").header("x-tenant-id", "acme"),
            deny(),
        ),
        (
            "header, regex",
            header(json!({ "string_match": { "safe_regex": "a.*e" } })),
            tenant(b"acme"),
            Public,
        ),
        (
            "header, regex is anchored",
            header(json!({ "string_match": { "safe_regex": "acme" } })),
            tenant(b"acme2"),
            deny(),
        ),
        ("header, prefix", header(json!({ "string_match": { "prefix": "ac" } })), tenant(b"acme"), Public),
        ("header, suffix", header(json!({ "string_match": { "suffix": "me" } })), tenant(b"acme"), Public),
        (
            "header, contains",
            header(json!({ "string_match": { "contains": "cm" } })),
            tenant(b"acme"),
            Public,
        ),
        ("query, equal", two(), get("/?u=1&v=2"), Public),
        ("query, encoded", two(), get("/?%76=%32"), Public),
        ("query, another value", two(), get("/?v=3"), deny()),
        ("query, absent", two(), get("/"), deny()),
        ("query, twice", two(), get("/?v=2&v=3"), Deny(R::QueryAmbiguous)),
        ("query, in another case", two(), get("/?V=2"), Deny(R::QueryAmbiguous)),
        ("query, broken encoding", two(), get("/?v=%2"), Deny(R::QueryAmbiguous)),
        ("query, broken encoding of another parameter", two(), get("/?v=2&x=%2"), Public),
        ("query, not UTF-8", two(), get("/?v=2%ff"), Deny(R::QueryAmbiguous)),
        ("query, zero byte", two(), get("/?v=2%00"), Deny(R::QueryAmbiguous)),
        ("query, line break", two(), get("/?v=2%0A"), Deny(R::QueryAmbiguous)),
        ("query, a list", two(), get("/?v[]=2"), Deny(R::QueryAmbiguous)),
        ("query, a list with an index", two(), get("/?v%5B0%5D=2"), Deny(R::QueryAmbiguous)),
        ("query, space before the name", two(), get("/?+v=2"), Deny(R::QueryAmbiguous)),
        ("query, zero byte after the name", two(), get("/?v%00=2"), Deny(R::QueryAmbiguous)),
        ("query, semicolon", two(), get("/?u=1;v=2"), Deny(R::QueryAmbiguous)),
        ("query, inverted, a list", not_two(), get("/?v[]=2"), Deny(R::QueryAmbiguous)),
        ("query, inverted, absent", not_two(), get("/?vv=2&v2=2&x[v]=2"), Public),
        ("query, in the path", two(), get("/v=2"), deny()),
        ("address, inside", inside(), get("/").at_address("10.1.2.3"), Public),
        ("address, inside, IPv6", inside(), get("/").at_address("fd00::1"), Public),
        ("address, IPv4-mapped", inside(), get("/").at_address("::ffff:10.1.2.3"), Public),
        ("address, outside", inside(), get("/").at_address("11.0.0.1"), deny()),
        ("address, unknown", inside(), get("/"), Deny(R::RemoteIpUnknown)),
        ("address, mapped range", mapped(), get("/").at_address("10.1.2.3"), Public),
        ("address, mapped range and address", mapped(), get("/").at_address("::ffff:10.1.2.3"), Public),
        ("address, outside a mapped range", mapped(), get("/").at_address("11.1.2.3"), deny()),
    ];
    let row_of = |(name, matches, request, expected)| {
        let config = rules(json!([{ "match": matches, "public": true }]));
        row(name, config, request, Auth::Missing, 0, expected)
    };
    table.into_iter().map(row_of).collect()
}

fn requiring() -> Vec<Row> {
    let unmet = || Deny(R::RequirementNotMet);
    let claim = |changes: Value| Token::user().claims(changes);
    let uid = || json!({ "claims": [{ "name": "uid", "path_variable": "uid" }] });
    let tenants = || json!({ "claims": [{ "name": "tenants", "path_variable": "uid" }] });
    let email = || json!({ "claims": [{ "name": "email", "matches": "[^@]+@acme[.]com" }] });
    let table: Vec<(&'static str, Value, &str, Token, Outcome)> = vec![
        ("path variable, equal", uid(), "/users/00ujmkLgagxeRrAg20g3/x", Token::user(), Allow),
        ("path variable, another value", uid(), "/users/00u/x", Token::user(), unmet()),
        ("path variable, another case", uid(), "/users/00UJMKLGAGXERRAG20G3/x", Token::user(), unmet()),
        ("path variable, encoded", uid(), "/users/%30%30ujmkLgagxeRrAg20g3/x", Token::user(), Allow),
        ("path variable, no claim", uid(), "/users/00u/x", Token::machine(), unmet()),
        ("path variable, in a list", tenants(), "/users/b/x", claim(json!({ "tenants": ["a", "b"] })), Allow),
        (
            "path variable, not in the list",
            tenants(),
            "/users/c/x",
            claim(json!({ "tenants": ["a"] })),
            unmet(),
        ),
        ("path variable, a number", tenants(), "/users/17/x", claim(json!({ "tenants": 17 })), Allow),
        (
            "path variable, a number with a leading zero",
            tenants(),
            "/users/017/x",
            claim(json!({ "tenants": 17 })),
            unmet(),
        ),
        ("path variable, true", tenants(), "/users/true/x", claim(json!({ "tenants": true })), unmet()),
        ("matches", email(), "/users/1/x", claim(json!({ "email": "joe@acme.com" })), Allow),
        (
            "matches is anchored",
            email(),
            "/users/1/x",
            claim(json!({ "email": "joe@acme.com.evil" })),
            unmet(),
        ),
        (
            "matches, in a list",
            email(),
            "/users/1/x",
            claim(json!({ "email": ["x", "joe@acme.com"] })),
            Allow,
        ),
        ("matches, a number", email(), "/users/1/x", claim(json!({ "email": 1 })), unmet()),
        ("subjects", json!({ "subjects": ["joe.user@example.com"] }), "/users/1/x", Token::user(), Allow),
        ("subjects, another", json!({ "subjects": ["joe"] }), "/users/1/x", Token::user(), unmet()),
        ("user, a user", json!({ "user": true }), "/users/1/x", Token::user(), Allow),
        ("user, a machine", json!({ "user": true }), "/users/1/x", Token::machine(), unmet()),
        ("user: false, a machine", json!({ "user": false }), "/users/1/x", Token::machine(), Allow),
        ("user: false, a user", json!({ "user": false }), "/users/1/x", Token::user(), unmet()),
        (
            "groups_claim",
            json!({ "groups": ["a"], "groups_claim": "realm.roles" }),
            "/users/1/x",
            claim(json!({ "realm": { "roles": ["a"] } })),
            Allow,
        ),
        (
            "groups_claim, the group is in groups",
            json!({ "groups": ["Everyone"], "groups_claim": ["roles"] }),
            "/users/1/x",
            Token::user(),
            unmet(),
        ),
    ];
    let row_of = |(name, requires, path, token, expected): (_, Value, &str, _, _)| {
        let matches = json!({ "path_template": "/users/{uid}/*" });
        let config = rules(json!([{ "match": matches, "requires": requires }]));
        row(name, config, get(path), Auth::Bearer(token), 0, expected)
    };
    let mut rows: Vec<Row> = table.into_iter().map(row_of).collect();
    let other =
        || two_providers(json!({ "rules": [{ "match": {}, "requires": { "providers": ["other"] } }] }));
    rows.push(row("providers, equal", other(), get("/"), Auth::Bearer(Token::other()), 0, Allow));
    rows.push(row("providers, another", other(), get("/"), Auth::Bearer(Token::user()), 0, unmet()));
    rows
}

fn denying() -> Vec<Row> {
    let config = || {
        rules(json!([
            { "match": { "path": "/admin", "remote_ip": ["10.0.0.0/8"] }, "requires": {} },
            { "match": { "path": "/admin" }, "deny": true },
            { "match": {}, "requires": {} },
        ]))
    };
    let earlier = || {
        rules(json!([
            { "match": { "path": "/admin" }, "requires": {} },
            { "match": { "remote_ip": ["10.0.0.0/8"] }, "deny": true },
        ]))
    };
    let admin = || get("/admin");
    let outside = || admin().at_address("192.0.2.1");
    let bearer = || Auth::Bearer(Token::user());
    vec![
        row("denied by a rule", config(), outside(), bearer(), 0, Deny(R::DeniedByRule)),
        row("denied by a rule, no token", config(), outside(), Auth::Missing, 0, Deny(R::TokenMissing)),
        row("address unknown", config(), admin(), bearer(), 0, Deny(R::RemoteIpUnknown)),
        row("address unknown, no token", config(), admin(), Auth::Missing, 0, Deny(R::RemoteIpUnknown)),
        row("address unknown, an earlier rule decides", earlier(), admin(), bearer(), 0, Allow),
        row("address inside", config(), admin().at_address("10.0.0.1"), bearer(), 0, Allow),
        row("another path", config(), get("/"), bearer(), 0, Allow),
    ]
}
