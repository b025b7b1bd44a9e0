//! Streams that begin with a second attempt of Envoy: an internal redirect, or a retry. Envoy does both
//! before it sends response headers to the client, so an open stream has neither.

use std::time::Duration;

use serde_json::json;

use super::Streams;
use super::clients::{http2_client, http2_on};

const PATHS: [&str; 2] = ["/redirected", "/retried"];

#[test]
fn stream_after_a_redirect_or_a_retry_ends_with_its_token() {
    let streams = Streams::start("streams-attempts", |mut config| {
        // An internal redirect runs the filter again, which needs the token again.
        config.plugin()["forward"] = json!(true);
        let host = &mut config.manager()["route_config"]["virtual_hosts"][0];
        host["include_request_attempt_count"] = json!(true);
        let route = host["routes"].as_array_mut().unwrap().last_mut().unwrap();
        route["route"]["internal_redirect_policy"] = json!({});
        route["route"]["retry_policy"] = json!({ "retry_on": "5xx", "num_retries": 2 });
        config
    });
    let port = streams.port();
    let open = |token: String| {
        let open = |path: &'static str| {
            let token = token.clone();
            streams.runtime.spawn(async move {
                let mut received = 0;
                let stream = http2_on(http2_client(port).await, path, &token, &mut received);
                let how = tokio::time::timeout(Duration::from_secs(8), stream).await;
                (path, how.unwrap_or_else(|_| "open".to_owned()), received)
            })
        };
        PATHS.map(open)
    };
    let valid = open(streams.token("AT.valid", 3600));
    let short = open(streams.token("AT.short", 5));
    std::thread::sleep(Duration::from_secs(2));
    // The first attempts are not streams any more.
    streams.wait_for_tracked(4);
    for stream in short {
        let (path, how, received) = streams.runtime.block_on(stream).unwrap();
        assert!(how.starts_with("200 reset: Some(") && received >= 10, "{path}: {how}, {received} events");
    }
    assert_eq!(streams.closed("token_expired"), 2);
    streams.wait_for_tracked(2);
    for stream in valid {
        let (path, how, received) = streams.runtime.block_on(stream).unwrap();
        assert!(how == "open" && received >= 10, "{path}: {how}, {received} events");
    }
    let retries = streams.harness.envoy.stat("cluster.app.upstream_rq_retry_success");
    let redirects = streams.harness.envoy.stat("cluster.app.upstream_internal_redirect_succeeded_total");
    assert_eq!((retries, redirects), (Some(2), Some(2)));
    streams.harness.assert_alive();
}
