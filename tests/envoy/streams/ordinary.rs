//! Requests that `close_streams` must not affect, and many streams at once.

use std::time::Duration;

use test_support::client::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Streams;
use super::clients::{Kind, connect, http2_client, http2_on};
use crate::harness::CONNECTIONS_FOR_BOTH_WORKERS;

/// Streams that end at one time. On each worker they need some callbacks.
const STREAMS: usize = 2_000;
/// The limit of the reference configuration.
const STREAMS_PER_CONNECTION: usize = 100;

#[test]
fn slow_request_gets_its_response_after_its_token_has_expired() {
    let streams = Streams::start("streams-slow", |config| config);
    let (port, token) = (streams.port(), streams.token("AT.short", 2));
    let mut received = 0;
    let how = streams
        .runtime
        .block_on(async { http2_on(http2_client(port).await, "/slow/5000", &token, &mut received).await });
    assert_eq!(how, "200 end", "{}", streams.harness.envoy.log());
    // Without a response for 15 s, the request is no ordinary one.
    let token = streams.token("AT.short", 2);
    let how = streams
        .runtime
        .block_on(async { http2_on(http2_client(port).await, "/slow/60000", &token, &mut received).await });
    assert_eq!(how, "401 end", "{}", streams.harness.envoy.log());
    assert_eq!(streams.closed("token_expired"), 1);
}

#[test]
fn connection_serves_requests_after_streams_were_closed() {
    let streams = Streams::start("streams-connection", |config| config);
    let (port, short, valid) =
        (streams.port(), streams.token("AT.short", 3), streams.token("AT.valid", 3600));
    streams.runtime.block_on(async {
        // A keep-alive connection, on which the token of one request expires between requests.
        let mut connection = connect(port).await;
        for round in 0..12 {
            let token = if round == 0 { &short } else { &valid };
            let request = format!("GET /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut response = [0; 4096];
            let read = connection.read(&mut response).await.unwrap();
            assert!(response[..read].starts_with(b"HTTP/1.1 200 OK"), "round {round}");
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        // An HTTP/2 connection, on which one stream ends and another continues.
        let client = http2_client(port).await;
        let short = streams.token("AT.short", 3);
        let (mut first, mut second, mut third) = (0, 0, 0);
        let open = http2_on(client.clone(), "/events", &valid, &mut first);
        let open = tokio::time::timeout(Duration::from_secs(6), open);
        let (open, closed) = tokio::join!(open, http2_on(client.clone(), "/events", &short, &mut second));
        assert!(open.is_err(), "{open:?}");
        assert!(closed.starts_with("200 reset"), "{closed}");
        assert_eq!(http2_on(client, "/me", &valid, &mut third).await, "200 end");
        assert!(first > second, "{first} {second}");
    });
    assert_eq!(streams.closed("token_expired"), 1);
}

#[test]
fn thousands_of_streams_with_one_expiry_end() {
    let streams = Streams::start("streams-many", |config| config);
    let (port, token) = (streams.port(), streams.token("AT.short", 12));
    let opened: Vec<_> = (0..STREAMS / STREAMS_PER_CONNECTION)
        .map(|_| {
            let token = token.clone();
            streams.runtime.spawn(async move {
                let client = http2_client(port).await;
                let open = (0..STREAMS_PER_CONNECTION).map(|_| {
                    let (client, token) = (client.clone(), token.clone());
                    tokio::spawn(async move { http2_on(client, "/quiet", &token, &mut 0).await })
                });
                let mut ends = Vec::new();
                for stream in open.collect::<Vec<_>>() {
                    ends.push(stream.await.unwrap());
                }
                ends
            })
        })
        .collect();
    let mut most = 0;
    while opened.iter().any(|stream| !stream.is_finished()) {
        most = most.max(streams.tracked());
        std::thread::sleep(Duration::from_millis(200));
    }
    let ends = opened.into_iter().flat_map(|stream| streams.runtime.block_on(stream).unwrap());
    let others: Vec<String> = ends.filter(|end| !end.starts_with("200 reset: Some(")).collect();
    assert!(
        others.is_empty(),
        "{} others: {:?}\n{}",
        others.len(),
        others.first(),
        streams.harness.envoy.log()
    );
    assert_eq!(streams.closed("token_expired"), STREAMS as u64);
    assert_eq!(most, STREAMS as u64, "tracked at the same time");
    streams.harness.assert_alive();
    streams.wait_for_tracked(0);
}

#[test]
fn tracked_streams_are_those_with_a_token_that_are_open() {
    let streams = Streams::start("streams-tracked", |config| config);
    let port = streams.port();
    let public = streams.runtime.spawn(async move {
        http2_on(http2_client(port).await, "/public/events", "not-a-token", &mut 0).await
    });
    let open = streams.open(Kind::Events, &streams.token("AT.valid", 3600), Duration::from_secs(60));
    streams.wait_for_tracked(1);
    std::thread::sleep(Duration::from_secs(2));
    streams.wait_for_tracked(1);
    // The client ends its stream.
    open.abort();
    streams.wait_for_tracked(0);
    assert!(!public.is_finished());
}

/// Envoy ends a stream of a VM that trapped when it would call the VM again, or when data of the
/// upstream arrives. The streams of the other worker end with their token.
#[test]
fn stream_of_a_trapped_vm_ends_with_its_next_data() {
    let module = test_support::wasm("traps_on_demand");
    let streams = Streams::start("streams-trap", |config| config.module(&module));
    let token = streams.token("AT.short", 6);
    let open = |_| streams.open(Kind::EventsHttp2, &token, Duration::from_secs(12));
    let open: Vec<_> = (0..CONNECTIONS_FOR_BOTH_WORKERS).map(open).collect();
    std::thread::sleep(Duration::from_secs(2));
    let _ = streams.harness.client().try_send(&get("/me").header("x-trap", "1"));
    let ends = streams.join(open);
    let after = ends.iter().map(|(_, end)| end.after.expect("every stream ends"));
    let (trapped, others): (Vec<_>, Vec<_>) = after.partition(|after| *after < Duration::from_secs(4));
    assert!(!trapped.is_empty() && !others.is_empty(), "{trapped:?} {others:?}");
    assert_eq!(streams.closed("token_expired"), others.len() as u64);
}
