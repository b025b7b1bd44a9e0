//! The host calls of a request whose token is cached. Each call crosses the VM boundary, so a
//! further one raises the cost of every request. The chapter on performance lists the calls.

use std::collections::BTreeMap;

use okta_authz_second_host::{Headers, Process, Vm};
use serde_json::{Value, json};

use crate::harness::{OKTA, bearer, config, fetch, get, process, send, user, with};

/// The calls that each request needs.
const READ: [(&str, u64); 2] = [("proxy_get_current_time_nanoseconds", 1), ("proxy_get_header_map_pairs", 1)];

/// Starts a worker that has the keys, with these fields of the configuration.
fn worker(process: &Process, fields: &Value) -> Vm {
    let mut config = config();
    for (name, value) in fields.as_object().unwrap() {
        config[name] = value.clone();
    }
    let mut vm = process.worker(&[]).unwrap();
    assert!(vm.configure(config.to_string()).unwrap(), "{}", vm.logs());
    fetch(&mut vm, &OKTA).unwrap();
    vm
}

/// Returns the calls that a request makes after an equal one.
fn calls(vm: &mut Vm, headers: &Headers) -> BTreeMap<String, u64> {
    send(vm, headers.clone());
    let before = vm.all_calls().clone();
    send(vm, headers.clone());
    let after = vm.all_calls().iter();
    let made = after.map(|(name, count)| (name.clone(), count - before.get(name).copied().unwrap_or(0)));
    made.filter(|(_, count)| *count > 0).collect()
}

fn assert_calls(fields: &Value, headers: &Headers, further: &[(&str, u64)]) {
    let process = process();
    let mut vm = worker(&process, fields);
    let expected = READ.iter().chain(further).map(|(name, count)| ((*name).to_owned(), *count));
    assert_eq!(calls(&mut vm, headers), expected.collect(), "{fields}");
}

#[test]
fn cached_token_without_settings_makes_three_host_calls() {
    let settings = json!({ "claim_to_headers": [], "forward": true, "filter_state": [] });
    assert_calls(&settings, &bearer(get("/me"), &user()), &[("proxy_set_property", 1)]);
}

#[test]
fn cached_token_makes_one_host_call_for_each_setting() {
    let headers = bearer(get("/me"), &user());
    let none = json!({ "claim_to_headers": [], "forward": true, "filter_state": [] });
    let with_field = |name: &str, value: Value| {
        let mut fields = none.clone();
        fields[name] = value;
        fields
    };
    let names = json!(["decision", "code", "sub", "uid", "cid", "provider", "scopes"]);
    assert_calls(&with_field("filter_state", names), &headers, &[("proxy_set_property", 8)]);
    let headers_to_set = config()["claim_to_headers"].clone();
    assert_calls(
        &with_field("claim_to_headers", headers_to_set.clone()),
        &headers,
        &[("proxy_replace_header_map_value", 2), ("proxy_set_property", 1)],
    );
    let removed = [("proxy_remove_header_map_value", 1), ("proxy_set_property", 1)];
    assert_calls(&with_field("forward", json!(false)), &headers, &removed);
    // Only a header that the client sends needs a removal.
    assert_calls(
        &with_field("claim_to_headers", headers_to_set),
        &with(headers, "x-okta-sub", "root"),
        &[
            ("proxy_remove_header_map_value", 1),
            ("proxy_replace_header_map_value", 2),
            ("proxy_set_property", 1),
        ],
    );
}

#[test]
fn public_path_makes_three_host_calls() {
    assert_calls(&json!({ "filter_state": [] }), &get("/healthz"), &[("proxy_set_property", 1)]);
}

// A denial keeps its filter state, and the host counts it at once.
#[test]
fn denial_makes_six_host_calls_whatever_the_configuration_selects() {
    for names in [json!([]), json!(["decision", "code", "sub"])] {
        assert_calls(
            &json!({ "filter_state": names }),
            &get("/me"),
            &[("proxy_set_property", 2), ("proxy_increment_metric", 1), ("proxy_send_local_response", 1)],
        );
    }
}
