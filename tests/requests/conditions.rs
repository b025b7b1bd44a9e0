//! Conditions on headers, query parameters and the client's address; and requirements that look at the path.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Public};
use test_support::common::{Outcome, Request, Token, get, rules, two_providers, with};

use super::{Row, Sent, row};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = matching();
    rows.extend(requiring());
    rows.extend(denying());
    rows
}

/// Rules by what they answer: a rule that applies is public, so no token is in the way.
fn matching() -> Vec<Row> {
    let header = |more: Value| json!({ "headers": [with(json!({ "name": "X-Tenant" }), more)] });
    let exact = || header(json!({ "string_match": { "exact": "acme" } }));
    let not = || header(json!({ "string_match": { "exact": "acme" }, "invert_match": true }));
    let query = |more: Value| json!({ "query_parameters": [with(json!({ "name": "v" }), more)] });
    let two = || query(json!({ "string_match": { "exact": "2" } }));
    let no_two = || query(json!({ "string_match": { "exact": "2" }, "invert_match": true }));
    let mapped = || json!({ "remote_ip": ["::ffff:10.0.0.0/104"] });
    let ambiguous = || Deny(R::HeaderAmbiguous);
    let inside = || json!({ "remote_ip": ["10.0.0.0/8", "fd00::/8"] });
    let tenant = |value: &[u8]| get("/").header("x-tenant", value);
    let deny = || Deny(R::TokenMissing);
    let table: Vec<(&'static str, Value, Request, Outcome)> = vec![
        ("header, equal", exact(), tenant(b"acme"), Public),
        ("header, another value", exact(), tenant(b"Acme"), deny()),
        ("header, not there", exact(), get("/"), deny()),
        ("header, twice", exact(), tenant(b"acme").header("x-tenant", "evil"), ambiguous()),
        ("header, twice the same", exact(), tenant(b"acme").header("x-tenant", "acme"), ambiguous()),
        ("header, twice, once empty", exact(), tenant(b"acme").header("x-tenant", ""), ambiguous()),
        ("header, joined with nothing", exact(), tenant(b"acme,"), ambiguous()),
        ("header, joined", exact(), tenant(b"evil, acme"), ambiguous()),
        ("header, not UTF-8", exact(), tenant(b"acme\xff"), ambiguous()),
        ("header, underscore", exact(), get("/").header("x_tenant", "acme"), ambiguous()),
        ("header, and one like it", exact(), tenant(b"acme").header("x.tenant", "evil"), ambiguous()),
        ("header, inverted, underscore", not(), get("/").header("x_tenant", "acme"), ambiguous()),
        ("header, inverted, twice", not(), tenant(b"evil").header("x-tenant", "acme"), ambiguous()),
        (
            "header, regex, not UTF-8",
            header(json!({ "string_match": { "safe_regex": ".*acme.*" } })),
            tenant(b"acme\xff"),
            ambiguous(),
        ),
        ("header, there, not UTF-8", header(json!({ "present_match": true })), tenant(b"\xff"), ambiguous()),
        (
            "header, others are twice, joined and not UTF-8",
            exact(),
            tenant(b"acme")
                .header("x-b", "a,b")
                .header("x-b", b"\xff")
                .header("x_b", "")
                .header("x-tenants", "a,"),
            Public,
        ),
        (
            "header, a field whose values have commas",
            json!({ "headers": [{ "name": "User-Agent", "string_match": { "contains": "Gecko" } }] }),
            get("/").header("user-agent", "Mozilla/5.0 (KHTML, like Gecko)"),
            Public,
        ),
        ("header, inverted", not(), tenant(b"evil"), Public),
        ("header, inverted and equal", not(), tenant(b"acme"), deny()),
        ("header, inverted and not there", not(), get("/"), Public),
        ("header, there", header(json!({ "present_match": true })), tenant(b""), Public),
        (
            "header, not there but wanted",
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
            "header, regex matches the whole",
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
        ("query, not there", two(), get("/"), deny()),
        ("query, twice", two(), get("/?v=2&v=3"), Deny(R::QueryAmbiguous)),
        ("query, in another case", two(), get("/?V=2"), Deny(R::QueryAmbiguous)),
        ("query, broken encoding", two(), get("/?v=%2"), Deny(R::QueryAmbiguous)),
        ("query, another is broken", two(), get("/?v=2&x=%2"), Public),
        ("query, not UTF-8", two(), get("/?v=2%ff"), Deny(R::QueryAmbiguous)),
        ("query, zero byte", two(), get("/?v=2%00"), Deny(R::QueryAmbiguous)),
        ("query, line break", two(), get("/?v=2%0A"), Deny(R::QueryAmbiguous)),
        ("query, a list", two(), get("/?v[]=2"), Deny(R::QueryAmbiguous)),
        ("query, a list with an index", two(), get("/?v%5B0%5D=2"), Deny(R::QueryAmbiguous)),
        ("query, space before the name", two(), get("/?+v=2"), Deny(R::QueryAmbiguous)),
        ("query, zero byte after the name", two(), get("/?v%00=2"), Deny(R::QueryAmbiguous)),
        ("query, semicolon", two(), get("/?u=1;v=2"), Deny(R::QueryAmbiguous)),
        ("query, inverted, a list", no_two(), get("/?v[]=2"), Deny(R::QueryAmbiguous)),
        ("query, inverted, not there", no_two(), get("/?vv=2&v2=2&x[v]=2"), Public),
        ("query, in the path", two(), get("/v=2"), deny()),
        ("address, inside", inside(), get("/").at_address("10.1.2.3"), Public),
        ("address, inside, version 6", inside(), get("/").at_address("fd00::1"), Public),
        ("address, 4 in 6", inside(), get("/").at_address("::ffff:10.1.2.3"), Public),
        ("address, outside", inside(), get("/").at_address("11.0.0.1"), deny()),
        ("address, unknown", inside(), get("/"), Deny(R::RemoteIpUnknown)),
        ("address, mapped range", mapped(), get("/").at_address("10.1.2.3"), Public),
        ("address, mapped range and address", mapped(), get("/").at_address("::ffff:10.1.2.3"), Public),
        ("address, outside a mapped range", mapped(), get("/").at_address("11.1.2.3"), deny()),
    ];
    let row_of = |(name, matches, request, verdict)| {
        let config = rules(json!([{ "match": matches, "public": true }]));
        row(name, config, request, Sent::Nothing, 0, verdict)
    };
    table.into_iter().map(row_of).collect()
}

fn requiring() -> Vec<Row> {
    let unmet = || Deny(R::RequirementNotMet);
    let claim = |changes: Value| Token::user().claims(changes);
    let own = || json!({ "claims": [{ "name": "uid", "path_variable": "uid" }] });
    let tenant = || json!({ "claims": [{ "name": "tenants", "path_variable": "uid" }] });
    let email = || json!({ "claims": [{ "name": "email", "matches": "[^@]+@acme[.]com" }] });
    let table: Vec<(&'static str, Value, &str, Token, Outcome)> = vec![
        ("path variable, one's own", own(), "/users/00ujmkLgagxeRrAg20g3/x", Token::user(), Allow),
        ("path variable, another's", own(), "/users/00u/x", Token::user(), unmet()),
        ("path variable, another case", own(), "/users/00UJMKLGAGXERRAG20G3/x", Token::user(), unmet()),
        ("path variable, encoded", own(), "/users/%30%30ujmkLgagxeRrAg20g3/x", Token::user(), Allow),
        ("path variable, no claim", own(), "/users/00u/x", Token::machine(), unmet()),
        ("path variable, in a list", tenant(), "/users/b/x", claim(json!({ "tenants": ["a", "b"] })), Allow),
        (
            "path variable, not in the list",
            tenant(),
            "/users/c/x",
            claim(json!({ "tenants": ["a"] })),
            unmet(),
        ),
        ("path variable, a number", tenant(), "/users/17/x", claim(json!({ "tenants": 17 })), Allow),
        (
            "path variable, not as JSON has it",
            tenant(),
            "/users/017/x",
            claim(json!({ "tenants": 17 })),
            unmet(),
        ),
        (
            "path variable, true is no segment",
            tenant(),
            "/users/true/x",
            claim(json!({ "tenants": true })),
            unmet(),
        ),
        ("matches", email(), "/users/1/x", claim(json!({ "email": "joe@acme.com" })), Allow),
        ("matches the whole", email(), "/users/1/x", claim(json!({ "email": "joe@acme.com.evil" })), unmet()),
        (
            "matches, in a list",
            email(),
            "/users/1/x",
            claim(json!({ "email": ["x", "joe@acme.com"] })),
            Allow,
        ),
        ("matches, no string", email(), "/users/1/x", claim(json!({ "email": 1 })), unmet()),
        ("subjects", json!({ "subjects": ["joe.user@example.com"] }), "/users/1/x", Token::user(), Allow),
        ("subjects, another", json!({ "subjects": ["joe"] }), "/users/1/x", Token::user(), unmet()),
        ("a user", json!({ "user": true }), "/users/1/x", Token::user(), Allow),
        ("a machine is no user", json!({ "user": true }), "/users/1/x", Token::machine(), unmet()),
        ("a machine", json!({ "user": false }), "/users/1/x", Token::machine(), Allow),
        ("a user is no machine", json!({ "user": false }), "/users/1/x", Token::user(), unmet()),
        (
            "groups in another claim",
            json!({ "groups": ["a"], "groups_claim": "realm.roles" }),
            "/users/1/x",
            claim(json!({ "realm": { "roles": ["a"] } })),
            Allow,
        ),
        (
            "groups in another claim only",
            json!({ "groups": ["Everyone"], "groups_claim": ["roles"] }),
            "/users/1/x",
            Token::user(),
            unmet(),
        ),
    ];
    let row_of = |(name, requires, path, token, verdict): (_, Value, &str, _, _)| {
        let matches = json!({ "path_template": "/users/{uid}/*" });
        let config = rules(json!([{ "match": matches, "requires": requires }]));
        row(name, config, get(path), Sent::Bearer(token), 0, verdict)
    };
    let mut rows: Vec<Row> = table.into_iter().map(row_of).collect();
    let other =
        || two_providers(json!({ "rules": [{ "match": {}, "requires": { "providers": ["other"] } }] }));
    rows.push(row("a rule for one provider", other(), get("/"), Sent::Bearer(Token::other()), 0, Allow));
    rows.push(row("a rule for another provider", other(), get("/"), Sent::Bearer(Token::user()), 0, unmet()));
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
    let bearer = || Sent::Bearer(Token::user());
    vec![
        row("denied by a rule", config(), outside(), bearer(), 0, Deny(R::DeniedByRule)),
        row("denied by a rule, no token", config(), outside(), Sent::Nothing, 0, Deny(R::TokenMissing)),
        row("from nowhere", config(), admin(), bearer(), 0, Deny(R::RemoteIpUnknown)),
        row("from nowhere, no token", config(), admin(), Sent::Nothing, 0, Deny(R::RemoteIpUnknown)),
        row("from nowhere, an earlier rule decides", earlier(), admin(), bearer(), 0, Allow),
        row("from inside", config(), admin().at_address("10.0.0.1"), bearer(), 0, Allow),
        row("elsewhere", config(), get("/"), bearer(), 0, Allow),
    ]
}
