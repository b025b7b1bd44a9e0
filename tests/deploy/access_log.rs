//! `deploy/envoy/access-log-*.yaml`: subject, decision and code of each request. The log never has
//! a token, and requests cannot inject lines or columns.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Server, TokenSpec};
use test_support::client::{Client, get};

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness, get_with_token, yaml};

// Columns of the text format.
const STATUS: usize = 1;
const DECISION: usize = 2;
const CODE: usize = 3;
const DETAILS: usize = 4;
const PROVIDER: usize = 5;
const CID: usize = 6;
const UID: usize = 7;
const SUB: usize = 8;
const SCOPES: usize = 9;
const METHOD: usize = 10;
const PATH: usize = 11;

/// An Envoy that writes an access log.
struct LoggingEnvoy {
    harness: Harness,
    path: PathBuf,
}

impl LoggingEnvoy {
    fn new(name: &str, format: &str) -> Self {
        let path = test_support::scratch(name).join("access.log");
        let _ = std::fs::remove_file(&path);
        let file = format!("deploy/envoy/access-log-{format}.yaml");
        let access_log = yaml(&file)["access_log"].clone();
        // The comment of the file names the values that the access log reads.
        let comment = std::fs::read_to_string(test_support::root().join(&file)).unwrap();
        let names = comment.lines().find_map(|line| line.strip_prefix("# filter_state: ")).unwrap();
        let names: Value = serde_saphyr::from_str(names).unwrap();
        let harness = Harness::new(name, "deploy/envoy/two-listeners.yaml", |mut config| {
            config.manager()["access_log"] = access_log;
            config.plugin()["filter_state"] = names;
            config.plugin()["from_params"] = json!(["access_token"]);
            // With the admin layer, `/runtime_modify` sets runtime values.
            config.document()["layered_runtime"] =
                json!({ "layers": [{ "name": "admin", "admin_layer": {} }] });
            config.access_log(&path)
        });
        Self { harness, path }
    }

    /// Sets the percentage of denials that Envoy logs.
    fn log_denials(&self, percent: u32) {
        let set = format!("/runtime_modify?okta_authz.log_denials={percent}");
        let admin = Client::new(self.harness.envoy.admin_port);
        assert_eq!(admin.send(&test_support::client::request("POST", set)).status, 200);
    }

    /// Waits up to 10 s for this number of lines, and returns all lines. Envoy writes the log once
    /// per second.
    fn lines(&self, at_least: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for _ in 0..100 {
            let text = std::fs::read_to_string(&self.path).unwrap_or_default();
            lines = text.lines().map(str::to_owned).collect();
            if lines.len() >= at_least && text.ends_with('\n') {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(lines.len() >= at_least, "{} of {at_least} lines: {lines:#?}", lines.len());
        lines
    }

    /// Returns all lines after both workers have written the log. `calls` counts the calls in a
    /// test.
    ///
    /// Each worker writes its lines in order. So the lines of the last requests, to `/healthz` on
    /// both workers, show that all lines are there.
    fn all_lines(&self, calls: usize) -> Vec<String> {
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
            assert_eq!(self.harness.envoy.client().get("/healthz").status, 200);
        }
        for _ in 0..300 {
            let lines = self.lines(1);
            if lines.iter().filter(|line| line.contains("/healthz")).count()
                == calls * CONNECTIONS_FOR_BOTH_WORKERS
            {
                return lines;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("Envoy has not written all lines within 30 s");
    }

    /// Sends [`REQUESTS`] requests with various outcomes, and returns their tokens.
    fn send_requests(&self) -> Vec<String> {
        let client = self.harness.envoy.client();
        let valid = self.harness.user_token(&["orders:read", "orders:write"]);
        let expired = self.harness.okta.mint(Server::Default, &TokenSpec::user().lifetime(-120));
        get_with_token(client, "/orders?x=1", Some(&valid));
        client.get(&format!("/orders?access_token={valid}&x=1"));
        get_with_token(client, "/orders", Some(&expired));
        client.get(&format!("/orders?access_token={expired}"));
        client.get("/orders");
        client.get("/healthz");
        let hostile = self.hostile_token();
        let agent = b"\"}\t{\"okta\":{\"sub\":\"root\"}}\\".as_slice();
        client.send(&get("/orders").bearer(&hostile).header("user-agent", agent));
        client.send(
            &get("/orders/%0d%0aforged%09allow%09allowed\"}{\"").header("x-request-id", "1\tallow\troot"),
        );
        vec![valid, expired, hostile]
    }

    /// Issues a token that tries to inject a line with every logged claim.
    fn hostile_token(&self) -> String {
        let line = "x\ty\r\n2030\t200\tallow\tallowed\tforged\"}\n{\"okta\":{\"sub\":\"root\"}}";
        let spec = TokenSpec::user().claim("sub", line).claim("uid", line).claim("cid", line);
        self.harness.okta.mint(Server::Default, &spec.claim("scp", json!(["orders:read", line])))
    }

    fn assert_no_tokens(&self, tokens: &[String]) {
        let log = std::fs::read_to_string(&self.path).unwrap() + &self.harness.envoy.log();
        for token in tokens {
            for segment in token.split('.') {
                assert!(!log.contains(segment), "a log has a segment of a token");
            }
        }
        assert!(!log.contains("access_token"), "a log has a query");
    }
}

const REQUESTS: usize = 8;

#[test]
fn text_access_log_escapes_hostile_values() {
    let logging = LoggingEnvoy::new("access-log-text", "text");
    logging.log_denials(100);
    let tokens = logging.send_requests();
    let lines = logging.lines(REQUESTS);
    assert_eq!(lines.len(), REQUESTS, "{lines:#?}");
    logging.assert_no_tokens(&tokens);
    let rows: Vec<Vec<&str>> = lines.iter().map(|line| line.split('\t').collect()).collect();
    let joe = ["okta", "0oa", "00u", "joe.user@example.com", "orders:read,orders:write", "GET", "/orders"];
    for row in &rows[..2] {
        assert_eq!((row[STATUS], row[DECISION], row[CODE]), ("200", "allow", "allowed"), "{row:?}");
        assert_eq!(row[DETAILS], "via_upstream");
        for (column, expected) in (PROVIDER..).zip(joe) {
            assert!(row[column].starts_with(expected), "{expected}: {row:?}");
        }
    }
    for row in &rows[2..4] {
        assert_eq!((row[STATUS], row[DECISION], row[CODE]), ("401", "deny", "token_expired"), "{row:?}");
        assert_eq!((row[DETAILS], row[SUB]), ("okta_authz{token_expired}", "-"));
    }
    assert_eq!((rows[4][STATUS], rows[4][CODE]), ("401", "token_missing"));
    assert_eq!((rows[5][DECISION], rows[5][CODE], rows[5][CID]), ("allow", "public", "-"));
    let hostile = &rows[6];
    assert_eq!(hostile[UID], hostile[SUB], "{hostile:?}");
    assert!(hostile[SUB].starts_with("x%09y%0D%0A2030%09200%09allow"), "{hostile:?}");
    assert!(hostile[SCOPES].starts_with("orders:read,x%09y%0D%0A"), "{hostile:?}");
    let path = &rows[7];
    assert_eq!((path[DECISION], path[CODE], path[METHOD]), ("deny", "path_ambiguous", "GET"), "{path:?}");
    assert_eq!(path[PATH], "/orders/%0d%0aforged%09allow%09allowed%22%7D%7B%22");
}

#[test]
fn json_access_log_escapes_hostile_values() {
    let logging = LoggingEnvoy::new("access-log-json", "json");
    logging.log_denials(100);
    let tokens = logging.send_requests();
    let lines = logging.lines(REQUESTS);
    assert_eq!(lines.len(), REQUESTS, "{lines:#?}");
    logging.assert_no_tokens(&tokens);
    let rows: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let okta = &rows[0]["okta"];
    assert_eq!(okta["decision"], "allow");
    assert_eq!(okta["code"], "allowed");
    assert_eq!(okta["provider"], "okta");
    assert_eq!(okta["sub"], "joe.user@example.com");
    assert_eq!(okta["scopes"], "orders:read,orders:write");
    assert!(
        okta["cid"].as_str().unwrap().starts_with("0oa") && okta["uid"].as_str().unwrap().starts_with("00u")
    );
    assert_eq!((&rows[0]["status"], &rows[0]["path"]), (&json!(200), &json!("/orders")));
    assert_eq!(rows[3]["details"], "okta_authz{token_expired}");
    assert_eq!(rows[3]["okta"]["code"], "token_expired");
    assert_eq!(rows[3]["okta"]["sub"], Value::Null);
    assert_eq!(rows[5]["okta"]["code"], "public");
    let hostile = &rows[6];
    assert!(hostile["okta"]["sub"].as_str().unwrap().starts_with("x%09y%0D%0A2030"), "{hostile}");
    assert_eq!(hostile["user_agent"], "\"}\t{\"okta\":{\"sub\":\"root\"}}\\");
    assert_eq!(hostile["okta"].as_object().unwrap().len(), okta.as_object().unwrap().len());
    assert_eq!(rows[7]["okta"]["code"], "path_ambiguous");
}

#[test]
fn access_log_under_attack_samples_only_denials() {
    const ATTACK: usize = 600;
    for format in ["text", "json"] {
        let logging = LoggingEnvoy::new(&format!("sampled-{format}"), format);
        let client = logging.harness.envoy.client();
        let valid = logging.harness.user_token(&["orders:read"]);
        let count = |lines: &[String], text: &str| lines.iter().filter(|line| line.contains(text)).count();
        for at in 0..ATTACK {
            assert_eq!(client.get("/orders").status, 401);
            if at % 20 == 0 {
                assert_eq!(get_with_token(client, "/orders", Some(&valid)).status, 200);
            }
        }
        let allowed = ATTACK / 20;
        let lines = logging.all_lines(1);
        assert_eq!(count(&lines, "joe.user@example.com"), allowed, "{format}");
        let sampled = count(&lines, "token_missing");
        // A tenth, within six standard deviations.
        assert!((15..=105).contains(&sampled), "{format}: {sampled} of {ATTACK}");
        assert_eq!(
            logging.harness.envoy.count("decision.token_missing"),
            ATTACK as u64,
            "the counter has every denial"
        );

        // At 0 %, Envoy logs only allowed requests.
        logging.log_denials(0);
        (0..100).for_each(|_| drop(client.get("/orders")));
        assert_eq!(get_with_token(client, "/orders", Some(&valid)).status, 200);
        let lines = logging.all_lines(2);
        assert_eq!(count(&lines, "joe.user@example.com"), allowed + 1, "{format}");
        assert_eq!(count(&lines, "token_missing"), sampled, "{format}");
    }
}
