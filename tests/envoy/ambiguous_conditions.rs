//! Header and parameter conditions: another spelling of a name or value does not bypass a rule.

use serde_json::{Value, json};
use test_support::client::get;
use test_support::http2;

use super::harness::Harness;

#[test]
fn deny_rule_is_not_bypassed_by_another_spelling() {
    let text = |name: &str, test: Value| json!([{ "name": name, "string_match": test }]);
    let harness = Harness::new("rule-spellings", |mut config| {
        let exact = || json!({ "exact": "admin" });
        let pattern = || json!({ "safe_regex": ".*admin.*" });
        let rule = |matches: Value| json!({ "match": matches, "deny": true });
        let absent = json!([{ "name": "admin", "present_match": true }]);
        config.plugin()["rules"] = json!([
            rule(json!({ "headers": text("x-tenant", exact()) })),
            rule(json!({ "headers": text("x-role", pattern()) })),
            rule(json!({ "headers": text("user-agent", json!({ "contains": "evil" })) })),
            rule(json!({ "query_parameters": text("r", pattern()) })),
            rule(json!({ "query_parameters": absent })),
            { "match": {}, "public": true },
        ]);
        config
    });
    let before = harness.backend.requests();
    let tenant = |value: &[u8]| get("/").header("x-tenant", value);
    let headers = [
        tenant(b"admin").header("x-tenant", "admin"),
        tenant(b"user").header("X-Tenant", "admin"),
        tenant(b"admin,"),
        tenant(b",admin"),
        tenant(b"user, admin"),
        tenant(b"admin\xff"),
        get("/").header("x_tenant", "admin"),
        get("/").header("x.tenant", "admin"),
        tenant(b"user").header("x_tenant", "admin"),
        get("/").header("x-role", b"admin\xff"),
        get("/").header("x-role", b"\xc3admin"),
        get("/").header("user_agent", "evil"),
    ];
    for request in &headers {
        let response = harness.send(request);
        assert_eq!((response.status, response.code().as_str()), (400, "header_ambiguous"), "{response:?}");
    }
    for query in [
        "r=admin%ff",
        "r=admin%00",
        "r=admin%0a",
        "r=admin+",
        "r=a&r=admin",
        "R=admin",
        "r[]=admin",
        "r;x=admin",
        "x=1;r=admin",
        "admin[]=1",
        "admin[0]=1",
        "+admin=1",
        "admin%00=1",
        "admin%20=1",
        "Admin",
        "%20admin",
        "[admin]=1",
        "admin.0=1",
        "admin%c2%a0=1",
        "%ffadmin",
        "ad%6Din&admin",
        "%2561dmin=1",
    ] {
        let response = harness.send(&get(format!("/?{query}")));
        assert_eq!(
            (response.status, response.code().as_str()),
            (400, "query_ambiguous"),
            "{query}: {response:?}"
        );
    }
    for denied in [tenant(b"admin"), get("/").header("x-role", "admin"), get("/?r=%61dmin"), get("/?admin=1")]
    {
        assert_eq!(harness.send(&denied).code(), "token_missing");
    }
    let two_values = [&http2::get("/")[..], &[("x-tenant", &b"user"[..]), ("x-tenant", b"admin")]].concat();
    assert_eq!(http2::send(harness.client().port(), &two_values, &[])["code"], "header_ambiguous");
    assert_eq!(harness.backend.requests(), before, "a request reached the backend");

    for allowed in [
        get("/"),
        tenant(b"user"),
        tenant("\u{e9}".as_bytes()),
        get("/").header("x-other", "a,b").header("x-other", b"\xff").header("x-tenant-id", "admin"),
        get("/")
            .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"),
        get("/?rr=admin&x=1;y=2&x=%ff&x=3&admins=1&x[r]=1&administrator=1"),
    ] {
        let response = harness.send(&allowed);
        assert_eq!(response.status, 200, "{response:?}");
    }
}
