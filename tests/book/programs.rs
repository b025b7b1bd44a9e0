//! The sample programs of the guides have the output that the text shows.
//!
//! Python programs always run. The others run if their toolchain is installed; the test prints
//! those that it skips.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{read, root};

/// Names and values of the filter's headers. `identity-headers-tests.yaml` has the first four.
const HEADERS: [(&str, &str); 5] = [
    ("x-okta-sub", "Jos%C3%A9+test@example.com"),
    ("x-okta-scopes", r#"["items:read"]"#),
    ("x-okta-groups", r#"["IT, EMEA","Caf\u00e9"]"#),
    ("x-okta-exp", "1750003600"),
    // {"iss":"https://acme.okta.com/oauth2/default"}, without padding.
    ("x-okta-payload", "eyJpc3MiOiJodHRwczovL2FjbWUub2t0YS5jb20vb2F1dGgyL2RlZmF1bHQifQ"),
];
const EXPECTED: &str = "sub: José+test@example.com
uid: None
scopes: items:read
groups: IT, EMEA | Café
expires at: 1750003600
issuer: https://acme.okta.com/oauth2/default";
/// The response to a request without identity headers, for example on a public path.
const EXPECTED_WITHOUT_HEADERS: &str =
    "sub: None\nuid: None\nscopes: \ngroups: \nexpires at: 0\nissuer: None";
/// Attempts to connect, 20 ms apart. The Java launcher compiles the program first.
const MAX_ATTEMPTS: u32 = 3_000;

struct Server {
    process: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start(mut command: Command) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = command.arg(port.to_string()).stdout(Stdio::null()).spawn().unwrap();
        Self { process, port }
    }

    /// Sends a request with these headers, as Envoy does, and returns the body of the response.
    fn get(&mut self, headers: &[(&str, &str)]) -> String {
        let mut attempts = 0;
        let mut stream = loop {
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(stream) => break stream,
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    assert!(self.process.try_wait().unwrap().is_none(), "the program ended");
                    assert!(attempts < MAX_ATTEMPTS, "the program does not listen");
                    attempts += 1;
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => panic!("{error}"),
            }
        };
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("GET /me HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap();
        let response = String::from_utf8(response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(!head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
        body.trim().to_owned()
    }
}

fn exists(tool: &str) -> bool {
    Command::new(tool).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn program(name: &str) -> std::path::PathBuf {
    root().join("book/examples/identity-headers").join(name)
}

fn command(tool: &str, file: &str) -> Command {
    let mut command = Command::new(tool);
    command.arg(program(file));
    command
}

fn go(directory: &Path) -> Command {
    let binary = directory.join("identity-headers-go");
    let status = Command::new("go").args(["build", "-o"]).arg(&binary).arg(program("main.go")).status();
    assert!(status.unwrap().success(), "go build");
    Command::new(binary)
}

#[test]
fn sample_program_of_each_language_reads_identity_headers() {
    let expected_by_policy_tests = read("book/examples/identity-headers-tests.yaml");
    for (name, value) in &HEADERS[..4] {
        assert!(expected_by_policy_tests.contains(value), "{name}: {value}");
    }
    let directory = tempdir();
    for (tool, start) in [
        ("python3", &(|| command("python3", "app.py")) as &dyn Fn() -> Command),
        ("node", &|| command("node", "server.mjs")),
        ("java", &|| command("java", "Main.java")),
        ("go", &|| go(&directory)),
    ] {
        if tool != "python3" && !exists(tool) {
            println!("skipped: {tool} is not installed");
            continue;
        }
        let mut server = Server::start(start());
        assert_eq!(server.get(&HEADERS), EXPECTED, "{tool}");
        assert_eq!(server.get(&[]), EXPECTED_WITHOUT_HEADERS, "{tool}");
    }
}

#[test]
fn denylist_program_makes_the_denylist_of_the_policy_tests() {
    let example = root().join("book/examples/revocation");
    let events = std::fs::File::open(example.join("events.json")).unwrap();
    let output =
        Command::new("python3").arg(example.join("denylist.py")).arg("1750000000").stdin(events).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected: Value = serde_json::from_str(&read("book/examples/revoked.json")).unwrap();
    assert_eq!(made, expected);
}

fn tempdir() -> std::path::PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("identity-headers");
    std::fs::create_dir_all(&directory).unwrap();
    directory
}
