//! Token sources: query parameters (`from_params`).

use okta_authz_filter::rejection::Rejection as R;
use serde_json::json;
use test_support::common::Outcome::{Allow, Deny, Public};
use test_support::common::{Token, config, get, rules, with};

use super::sources::all_sources;
use super::{Auth, Row, row};

pub(crate) fn rows() -> Vec<Row> {
    let token = Token::user().compact();
    let mut rows = Vec::new();
    let encoded: String = token.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for (name, path, expected) in [
        ("parameter", "/items?access_token=TOKEN", Allow),
        ("parameter among others", "/items?x=1&access_token=TOKEN&b", Allow),
        ("parameter, every byte encoded", "/items?a%63cess%5ftoken=ENCODED", Allow),
        ("parameter in another case", "/items?Access_Token=TOKEN", Deny(R::TokenMissing)),
        ("parameter in the path", "/items/access_token=TOKEN", Deny(R::TokenMissing)),
        ("parameter after a semicolon", "/items?x=1;access_token=TOKEN", Deny(R::TokenMissing)),
        ("parameter before a semicolon", "/items?access_token=TOKEN;x=1", Deny(R::TokenMalformed)),
        ("parameter after another question mark", "/items??access_token=TOKEN", Deny(R::TokenMissing)),
        ("parameter, empty", "/items?access_token=&access_token", Deny(R::TokenMissing)),
        ("parameter, broken encoding", "/items?access_token=TOKEN%", Deny(R::TokenMalformed)),
        ("parameter, not hexadecimal", "/items?access_token=%zz", Deny(R::TokenMalformed)),
        ("parameter, not UTF-8", "/items?access_token=%ff.%ff.%ff", Deny(R::TokenMalformed)),
        ("parameter, plus", "/items?access_token=TOKEN+", Deny(R::TokenMalformed)),
        ("parameter, twice", "/items?access_token=TOKEN&access_token=TOKEN", Deny(R::MultipleCredentials)),
        (
            "parameter, twice, one of them encoded",
            "/items?access_token=x&access%5Ftoken=TOKEN",
            Deny(R::MultipleCredentials),
        ),
        ("two parameters", "/items?access_token=TOKEN&a=TOKEN", Deny(R::MultipleCredentials)),
    ] {
        let path = path.replace("TOKEN", &token).replace("ENCODED", &encoded);
        rows.push(row(name, all_sources(), get(&path), Auth::Missing, 0, expected));
    }
    for (name, query, expected) in [
        ("beside: parameter in another case", "Access_Token=x", Deny(R::MultipleCredentials)),
        ("beside: parameter after a semicolon", "b=1;access_token=x", Deny(R::MultipleCredentials)),
        ("beside: parameter with a dot", "access.token=x", Deny(R::MultipleCredentials)),
        ("beside: parameter with a space", "access+token=x", Deny(R::MultipleCredentials)),
        ("beside: parameter as a list", "access_token[]=x", Deny(R::MultipleCredentials)),
        ("beside: parameter as a list, encoded", "access_token%5B0%5D=x", Deny(R::MultipleCredentials)),
        ("beside: parameter in brackets", "[access_token]=x", Deny(R::MultipleCredentials)),
        ("beside: parameter after a space", "+access_token=x", Deny(R::MultipleCredentials)),
        ("beside: parameter and a zero byte", "access_token%00=x", Deny(R::MultipleCredentials)),
        ("beside: parameter, not UTF-8", "access_token%ff=x", Deny(R::MultipleCredentials)),
        ("beside: parameter, encoded twice", "access%255Ftoken=x", Deny(R::MultipleCredentials)),
        ("beside: parameter, broken encoding", "access_token%=x", Deny(R::MultipleCredentials)),
        ("beside: parameter, as IIS encodes", "%u0061ccess_token=x", Deny(R::MultipleCredentials)),
        ("beside: parameter after another question mark", "?access_token=x", Deny(R::MultipleCredentials)),
        ("beside: parameter, twice", "access_token=x&access_token=y", Deny(R::MultipleCredentials)),
        ("beside: parameter without a value", "access_token&Access_Token=", Allow),
        ("beside: another parameter", "access_token2=x&my_access_token=y&aa=z&b=%zz;c", Allow),
        ("beside: parameter in the value of another", "b=access_token%3Dx&c=/?access_token=x", Allow),
    ] {
        let path = format!("/items?{query}");
        rows.push(row(name, all_sources(), get(&path), Auth::Bearer(Token::user()), 0, expected));
    }
    let none = || config(json!({}), json!({}));
    let in_query = format!("/items?access_token={token}");
    let bearer = || Auth::Bearer(Token::user());
    let open =
        with(rules(json!([{ "match": {}, "public": true }])), json!({ "from_params": ["access_token"] }));
    rows.extend([
        row("off: parameter", none(), get(&in_query), Auth::Missing, 0, Deny(R::TokenMissing)),
        row("off: parameter besides Authorization", none(), get(&in_query), bearer(), 0, Allow),
        row(
            "Authorization and parameter",
            all_sources(),
            get(&in_query),
            bearer(),
            0,
            Deny(R::MultipleCredentials),
        ),
        row("public, two tokens", open, get(&in_query), bearer(), 0, Public),
    ]);
    rows
}
