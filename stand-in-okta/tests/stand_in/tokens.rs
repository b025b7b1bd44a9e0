//! Minted tokens, the token endpoint, introspection and revocation.

use serde_json::json;
use stand_in_okta::{DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Kind, Server, TokenSpec};

use crate::KEYS;
use crate::client::{basic, get_https, json_of, parts, post, shared, verifies};

#[test]
fn access_token_has_oktas_exact_format() {
    let okta = shared();
    let token = okta
        .mint(Server::Default, &TokenSpec::user().acr("phr").claim("tenant", "a").issued_at(1_467_145_094));
    assert!(token.starts_with("eyJraWQiOi"));
    let [header, payload] = parts(&token);
    assert_eq!(header, format!(r#"{{"kid":"{}","alg":"RS256"}}"#, okta.kid(Server::Default)));
    let jti = json_of(&payload)["jti"].as_str().unwrap().to_owned();
    assert_eq!((jti.len(), jti.starts_with("AT.")), (46, true));
    let expected = concat!(
        r#"{"ver":1,"jti":"JTI","iss":"https://acme.okta.example/oauth2/default","aud":"api://default","#,
        r#""iat":1467145094,"exp":1467148694,"acr":"phr","cid":"0oa48e74ox4t7mQJX0g7","#,
        r#""uid":"00ujmkLgagxeRrAg20g3","scp":["openid","profile","items:read"],"auth_time":1467145073,"#,
        r#""sub":"joe.user@example.com","groups":["Everyone","IT"],"tenant":"a"}"#,
    );
    assert_eq!(payload.replace(&jti, "JTI"), expected);

    let [_, payload] = parts(&okta.mint(Server::Default, &TokenSpec::machine().lifetime(300).issued_at(1)));
    let jti = json_of(&payload)["jti"].as_str().unwrap().to_owned();
    let expected = concat!(
        r#"{"ver":1,"jti":"JTI","iss":"https://acme.okta.example/oauth2/default","aud":"api://default","#,
        r#""iat":1,"exp":301,"cid":"0oademo00000000000001","scp":["items:read"],"sub":"0oademo00000000000001"}"#,
    );
    assert_eq!(payload.replace(&jti, "JTI"), expected);
}

#[test]
fn token_of_each_kind_has_its_claims() {
    let okta = shared();
    let mint = |kind| {
        let [header, payload] = parts(&okta.mint(Server::Default, &TokenSpec::new(kind)));
        (json_of(&header), json_of(&payload))
    };
    let (_, refreshed) = mint(Kind::Refreshed);
    assert!(refreshed["jti"].as_str().unwrap().contains(".oar"));
    let (_, exchanged) = mint(Kind::OnBehalfOf);
    assert_eq!((exchanged.get("act"), &exchanged["auth_time"]), (None, &exchanged["iat"]));
    let (_, agent) = mint(Kind::Agent);
    assert_eq!((agent.get("scp"), &agent["act"]["act"]["sub_profile"]), (None, &json!("service")));
    let (_, bound) = mint(Kind::DpopBound);
    assert_eq!(bound["cnf"]["jkt"].as_str().unwrap().len(), 43);
    let (header, org) = mint(Kind::OrgAccess);
    assert_eq!((&header["typ"], org.get("groups")), (&json!("application/okta-internal-at+jwt"), None));
    let (header, id) = mint(Kind::IdToken);
    assert_eq!((header.get("typ"), id.get("cid"), id.get("scp")), (None, None, None));
    assert!(id["jti"].as_str().unwrap().starts_with("ID."));
    let (_, assertion) = mint(Kind::IdJag);
    assert_eq!(assertion["exp"].as_i64().unwrap() - assertion["iat"].as_i64().unwrap(), 300);
    assert!(assertion["jti"].as_str().unwrap().starts_with("IDAAG."));
    let encrypted = okta.mint(Server::Default, &TokenSpec::new(Kind::Encrypted));
    assert_eq!(encrypted.split('.').count(), 5);

    let changed = TokenSpec::user()
        .without("uid")
        .claim("aud", json!(["a", "b"]))
        .header("typ", "JWT")
        .header("alg", "none");
    let [header, payload] = parts(&okta.mint(Server::Default, &changed));
    assert!(header.ends_with(r#""alg":"none","typ":"JWT"}"#), "{header}");
    assert_eq!((json_of(&payload).get("uid"), &json_of(&payload)["aud"]), (None, &json!(["a", "b"])));

    let hostile = okta.sign(Server::Default, r#"{"alg":"RS256","alg":"none"}"#, "not JSON");
    assert_eq!(parts(&hostile), [r#"{"alg":"RS256","alg":"none"}"#, "not JSON"]);
}

#[test]
fn token_endpoint_issues_or_rejects_each_request() {
    let okta = shared();
    let path = "/oauth2/default/v1/token";
    let basic = basic(DEMO_CLIENT_ID, DEMO_CLIENT_SECRET);
    let good = "grant_type=client_credentials&scope=items:read%20items:write";
    for (authorization, body) in [
        (basic.as_str(), good.to_owned()),
        ("", format!("{good}&client_id={DEMO_CLIENT_ID}&client_secret={DEMO_CLIENT_SECRET}")),
    ] {
        let reply = post(okta, path, authorization, &body);
        let issued = reply.json();
        assert_eq!((reply.status, &issued["scope"]), (200, &json!("items:read items:write")), "{body}");
        assert_eq!((&issued["token_type"], &issued["expires_in"]), (&json!("Bearer"), &json!(3600)));
        let token = issued["access_token"].as_str().unwrap();
        assert!(verifies(okta, KEYS, token));
        assert_eq!(json_of(&parts(token)[1])["scp"], json!(["items:read", "items:write"]));
    }
    let resource = format!("{good}&resource=https%3A%2F%2Fmcp.example.com%2Fmcp");
    let issued = post(okta, path, &basic, &resource).json();
    let token = issued["access_token"].as_str().unwrap();
    assert_eq!(json_of(&parts(token)[1])["aud"], "https://mcp.example.com/mcp", "RFC 8707");
    let wrong = self::basic(DEMO_CLIENT_ID, "guess");
    let unknown = self::basic("0oaunknown", "guess");
    let both = format!("{good}&client_secret=x");
    let cases = [
        ("no client", "", good, 401, "invalid_client"),
        ("wrong secret", &wrong, good, 401, "invalid_client"),
        ("unknown client", &unknown, good, 401, "invalid_client"),
        ("two credentials", &basic, &both, 400, "invalid_request"),
        ("no scope", &basic, "grant_type=client_credentials", 400, "invalid_scope"),
        ("unknown scope", &basic, "grant_type=client_credentials&scope=items:read+x", 400, "invalid_scope"),
        ("openid", &basic, "grant_type=client_credentials&scope=openid", 400, "invalid_scope"),
        ("code", &basic, "grant_type=authorization_code&code=x", 400, "invalid_grant"),
        ("password", &basic, "grant_type=password", 400, "unsupported_grant_type"),
    ];
    for (name, authorization, body, status, error) in cases {
        let reply = post(okta, path, authorization, body);
        assert_eq!((reply.status, &reply.json()["error"]), (status, &json!(error)), "{name}");
    }
}

#[test]
fn introspection_of_a_revoked_token_is_inactive() {
    let okta = shared();
    let basic = basic(DEMO_CLIENT_ID, DEMO_CLIENT_SECRET);
    let introspect =
        |token: &str| post(okta, "/oauth2/default/v1/introspect", &basic, &format!("token={token}"));
    let token = okta.mint(Server::Default, &TokenSpec::user());
    let claims = introspect(&token).json();
    assert_eq!((&claims["active"], &claims["scope"]), (&json!(true), &json!("openid profile items:read")));
    assert_eq!((&claims["client_id"], &claims["username"]), (&json!("0oa48e74ox4t7mQJX0g7"), &claims["sub"]));

    let expired = okta.mint(Server::Default, &TokenSpec::user().issued_at(1));
    let foreign = okta.mint(Server::Custom, &TokenSpec::user());
    for junk in ["junk", "a.b.c", &expired, &foreign] {
        let reply = introspect(junk);
        assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"active":false}"#), "{junk}");
    }
    assert_eq!(post(okta, "/oauth2/default/v1/introspect", &basic, "").status, 400);
    assert_eq!(post(okta, "/oauth2/default/v1/introspect", "", &format!("token={token}")).status, 401);

    for revoked in [token.as_str(), "junk"] {
        let reply = post(okta, "/oauth2/default/v1/revoke", &basic, &format!("token={revoked}"));
        assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    }
    assert_eq!(introspect(&token).body, r#"{"active":false}"#);
    let entry = json!({ "jti": json_of(&parts(&token)[1])["jti"] });
    let list = get_https(okta, "acme.okta.example", "/stand-in/denylist").unwrap().json();
    assert!(list["entries"].as_array().unwrap().contains(&entry), "{list}");
}
