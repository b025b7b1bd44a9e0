//! `filter_state`: the names that an operator can select.

use serde_json::{Value, json};
use test_support::common::config;

use super::assert_errors;

#[test]
fn invalid_filter_state_is_rejected() {
    let list = |names: Value| config(json!({}), json!({ "filter_state": names }));
    let names = "must be one of `decision`, `code`, `sub`, `uid`, `cid`, `provider`, `scopes`";
    let unknown = |index: usize, value: &str| format!("filter_state[{index}]: {names}, not {value}");
    let cases = [
        (list(json!(["sub", "cid", "sub"])), "filter_state[2]: duplicate entry".to_owned()),
        (list(json!(["sub", "groups"])), unknown(1, "the string \"groups\"")),
        (list(json!(["Sub"])), unknown(0, "the string \"Sub\"")),
        (list(json!(["okta.sub"])), unknown(0, "the string \"okta.sub\"")),
        // The filter always writes these names.
        (list(json!(["permit"])), unknown(0, "the string \"permit\"")),
        (list(json!(["policy"])), unknown(0, "the string \"policy\"")),
        (list(json!(["shadow"])), unknown(0, "the string \"shadow\"")),
        (list(json!([["sub"]])), unknown(0, "a list")),
        (list(json!([null])), unknown(0, "null")),
        (list(json!("sub")), "filter_state: must be a list, not the string \"sub\"".to_owned()),
        (list(json!({ "sub": true })), "filter_state: must be a list, not an object".to_owned()),
    ];
    assert_errors(cases.iter().map(|(config, error)| (config.clone(), error.as_str())));
}
