//! deploy/envoy/capabilities.yaml: the filter needs what is listed there, and nothing else.

#[test]
fn todo() {}
