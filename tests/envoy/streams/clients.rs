//! Clients that open a stream and wait for its end.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _, stream};
use http::uri::PathAndQuery;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic_prost::ProstCodec;

/// A protocol with its client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A WebSocket that sends and receives.
    WebSocket,
    /// A WebSocket over HTTP/2: extended CONNECT (RFC 8441).
    WebSocketHttp2,
    /// An event stream in a tunnel: CONNECT over HTTP/1.1.
    Connect,
    /// An event stream over HTTP/1.1.
    Events,
    /// A download with `Content-Length` over HTTP/1.1.
    Download,
    /// An event stream over HTTP/2.
    EventsHttp2,
    /// A download over HTTP/2.
    DownloadHttp2,
    /// An upload over HTTP/1.1, which the backend answers after its end.
    Upload,
    /// A gRPC call with a stream of responses.
    GrpcServer,
    /// A gRPC call with streams in both directions.
    GrpcBidirectional,
    /// A gRPC call without messages.
    GrpcSilent,
}

impl Kind {
    pub const ALL: [Self; 11] = [
        Self::WebSocket,
        Self::WebSocketHttp2,
        Self::Connect,
        Self::Events,
        Self::Download,
        Self::EventsHttp2,
        Self::DownloadHttp2,
        Self::Upload,
        Self::GrpcServer,
        Self::GrpcBidirectional,
        Self::GrpcSilent,
    ];
}

/// The end of a stream.
#[derive(Debug)]
pub struct End {
    /// The time since the begin of the stream; `None` if the client stopped waiting.
    pub after: Option<Duration>,
    /// The messages, events or chunks that the client received.
    pub received: usize,
    /// How the client saw the end.
    pub how: String,
}

/// Opens a stream and waits for its end, at most `limit`.
#[allow(clippy::disallowed_methods, reason = "measures the duration of a stream")]
pub async fn run(kind: Kind, port: u16, token: &str, limit: Duration) -> End {
    let (begin, mut received) = (Instant::now(), 0);
    let end = tokio::time::timeout(limit, open(kind, port, token, &mut received)).await;
    match end {
        Ok(how) => End { after: Some(begin.elapsed()), received, how },
        Err(_) => End { after: None, received, how: "open".to_owned() },
    }
}

async fn open(kind: Kind, port: u16, token: &str, received: &mut usize) -> String {
    match kind {
        Kind::WebSocket => websocket(port, token, received).await,
        Kind::WebSocketHttp2 => websocket_http2(port, token, received).await,
        Kind::Connect => http1(port, &tunnel(token), received).await,
        Kind::Events => http1(port, &head("GET /events", token), received).await,
        Kind::Download => http1(port, &head("GET /download", token), received).await,
        Kind::EventsHttp2 => http2(port, "/events", token, received).await,
        Kind::DownloadHttp2 => http2(port, "/download", token, received).await,
        Kind::Upload => upload(port, token, received).await,
        Kind::GrpcServer => grpc(port, "/test.Streams/Watch", token, received).await,
        Kind::GrpcBidirectional => grpc(port, "/test.Streams/Chat", token, received).await,
        Kind::GrpcSilent => grpc(port, "/test.Streams/Silent", token, received).await,
    }
}

pub async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

fn head(line: &str, token: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: api.example.com\r\nauthorization: Bearer {token}\r\n\r\n")
}

/// Returns a request for a tunnel, and the request that the client sends through the tunnel.
fn tunnel(token: &str) -> String {
    let connect = format!("CONNECT api.example.com:80 HTTP/1.1\r\nauthorization: Bearer {token}\r\n");
    format!("{connect}host: api.example.com:80\r\n\r\nGET /events HTTP/1.1\r\nhost: app\r\n\r\n")
}

/// Opens a WebSocket with extended CONNECT, and counts the frames of DATA of the server.
async fn websocket_http2(port: u16, token: &str, received: &mut usize) -> String {
    let mut client = http2_client(port).await.ready().await.unwrap();
    while !client.is_extended_connect_protocol_enabled() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut request = http::Request::builder()
        .method(http::Method::CONNECT)
        .uri("http://api.example.com/websocket")
        .header("authorization", format!("Bearer {token}"))
        // Envoy makes an HTTP/1.1 request of it, in which the backend needs the key.
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap();
    request.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
    // The stream stays open while the client has this handle.
    let (response, _writer) = client.send_request(request, false).unwrap();
    read_response(response, received).await
}

async fn websocket(port: u16, token: &str, received: &mut usize) -> String {
    let mut request = format!("ws://127.0.0.1:{port}/websocket").into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let connected = tokio_tungstenite::client_async(request, connect(port).await).await;
    let (mut socket, response) = match connected {
        Ok(connected) => connected,
        Err(error) => return format!("handshake: {error}"),
    };
    assert_eq!(response.status(), 101);
    socket.send(Message::text("first")).await.unwrap();
    loop {
        match socket.next().await {
            Some(Ok(Message::Close(frame))) => return format!("close frame: {frame:?}"),
            Some(Ok(_)) => *received += 1,
            Some(Err(error)) => return format!("error: {error}"),
            None => return "end".to_owned(),
        }
    }
}

/// Sends bytes and reads until the server closes the connection.
async fn http1(port: u16, request: &str, received: &mut usize) -> String {
    let mut stream = connect(port).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut status, mut chunk) = (None, [0; 4096]);
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) => return format!("{} closed", status.unwrap_or_default()),
            Ok(read) => {
                let text = String::from_utf8_lossy(&chunk[..read]).into_owned();
                status.get_or_insert_with(|| text.split(' ').nth(1).unwrap_or_default().to_owned());
                *received += 1;
            }
            Err(error) => return format!("{} error: {}", status.unwrap_or_default(), error.kind()),
        }
    }
}

/// Sends a chunk every 100 ms until the server responds or closes the connection.
async fn upload(port: u16, token: &str, received: &mut usize) -> String {
    let (mut reader, mut writer) = connect(port).await.into_split();
    let head = head("POST /upload", token).replace("\r\n\r\n", "\r\ntransfer-encoding: chunked\r\n\r\n");
    writer.write_all(head.as_bytes()).await.unwrap();
    let mut interval = tokio::time::interval(Duration::from_millis(100));
    let mut response = [0; 4096];
    loop {
        tokio::select! {
            _ = interval.tick() => {
                if writer.write_all(b"1\r\nx\r\n").await.is_err() {
                    return "closed without a response".to_owned();
                }
            }
            read = reader.read(&mut response) => {
                *received += 1;
                let text = String::from_utf8_lossy(&response[..read.unwrap_or(0)]).into_owned();
                let code = text.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next());
                return format!("{} {}", text.split(' ').nth(1).unwrap_or_default(), code.unwrap_or_default());
            }
        }
    }
}

/// Opens an HTTP/2 connection with `h2`.
pub async fn http2_client(port: u16) -> h2::client::SendRequest<bytes::Bytes> {
    let (client, connection) = h2::client::handshake(connect(port).await).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn http2(port: u16, path: &str, token: &str, received: &mut usize) -> String {
    http2_on(http2_client(port).await, path, token, received).await
}

/// Sends a GET request and reads the body until its end.
pub async fn http2_on(
    client: h2::client::SendRequest<bytes::Bytes>,
    path: &str,
    token: &str,
    received: &mut usize,
) -> String {
    let mut client = client.ready().await.unwrap();
    let request = http::Request::get(format!("http://api.example.com{path}"));
    let request = request.header("authorization", format!("Bearer {token}")).body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    read_response(response, received).await
}

/// Reads the body of a response until its end, and counts the frames of DATA.
async fn read_response(response: h2::client::ResponseFuture, received: &mut usize) -> String {
    let response = match response.await {
        Ok(response) => response,
        Err(error) => return format!("no response: {error}"),
    };
    let status = response.status().as_u16();
    let mut body = response.into_body();
    loop {
        match body.data().await {
            Some(Ok(data)) => {
                *received += 1;
                let _ = body.flow_control().release_capacity(data.len());
            }
            Some(Err(error)) => return format!("{status} reset: {:?}", error.reason()),
            None => return format!("{status} end"),
        }
    }
}

async fn grpc(port: u16, path: &'static str, token: &str, received: &mut usize) -> String {
    let channel = Channel::builder(format!("http://127.0.0.1:{port}").parse().unwrap());
    let mut client = Grpc::new(channel.connect().await.unwrap());
    client.ready().await.unwrap();
    // The first message, and then none: the client keeps the stream open.
    let messages = stream::iter(["first".to_owned()]).chain(stream::pending());
    let mut request = tonic::Request::new(messages);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let codec = ProstCodec::<String, String>::default();
    let response = client.streaming(request, PathAndQuery::from_static(path), codec).await;
    let describe = |status: tonic::Status| format!("{:?}: {}", status.code(), status.message());
    let mut messages = match response {
        Ok(response) => response.into_inner(),
        Err(status) => return describe(status),
    };
    loop {
        match messages.message().await {
            Ok(Some(_)) => *received += 1,
            Ok(None) => return "end".to_owned(),
            Err(status) => return describe(status),
        }
    }
}
