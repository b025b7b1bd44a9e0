//! The requests of the demo and their expected responses.

use std::process::ExitCode;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use stand_in_okta::{
    DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Fault, Kind, Options, Rotation, Server, StandIn, TokenSpec,
};
use test_support::client::{Client, Request, Response, get, request};
use test_support::config::EnvoyConfig;
use test_support::envoy::{Envoy, WORKERS};
use test_support::fastapi::FastApi;

struct Demo {
    okta: StandIn,
    envoy: Envoy,
    _app: FastApi,
    failures: usize,
    sent: usize,
}

/// Starts all programs on free ports and sends the requests. Returns success if every response is
/// as expected.
pub fn run() -> ExitCode {
    let okta = StandIn::start(Options::default());
    let ca = test_support::scratch("demo").join("ca.pem");
    std::fs::write(&ca, okta.ca_pem()).expect("a file for the certificate authority");
    let app = FastApi::start();
    let config = EnvoyConfig::reference()
        .okta(okta.https_port(), &ca)
        .app(app.port())
        .module(&test_support::wasm("okta_authz_filter"));
    let envoy = Envoy::start("demo", &config);
    println!("Envoy with the filter: {WORKERS} workers, configured by envoy.yaml (on free ports)");
    println!("Stand-in Okta: {}, keys fetched over TLS", okta.issuer(Server::Default));
    println!("FastAPI behind Envoy: examples/fastapi, without token code\n");
    let mut demo = Demo { okta, envoy, _app: app, failures: 0, sent: 0 };
    demo.show_policy();
    demo.show_attacks();
    demo.show_key_rotation();
    // The filter passes the counts of allowed requests to Envoy every 100 ms.
    std::thread::sleep(Duration::from_secs(1));
    println!(
        "\n{} requests, {} not as expected. The filter counted {} allowed, {} public.",
        demo.sent,
        demo.failures,
        demo.envoy.count("decision.allowed"),
        demo.envoy.count("decision.public"),
    );
    if demo.failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Demo {
    fn show_policy(&mut self) {
        let user = self.mint(&TokenSpec::user());
        let admin = self.mint(&TokenSpec::user().groups(&["Everyone", "Admins"]));
        let machine = self.client_credentials("items:read");
        let item =
            request("POST", "/items").header("content-type", "application/json").body(r#"{"name":"lamp"}"#);
        println!("Policy");
        self.show("GET /", "no token: the rule is public", &get("/"), 200, "Hello, World");
        self.show("GET /me", "no token", &get("/me"), 401, "token_missing");
        self.show(
            "GET /me",
            "a user's token: FastAPI gets the user",
            &get("/me").bearer(&user),
            200,
            "joe.user@example.com",
        );
        self.show(
            "GET /items",
            "a client's token with items:read",
            &get("/items").bearer(&machine),
            200,
            "[",
        );
        self.show(
            "POST /items",
            "this token has no items:write",
            &item.bearer(&machine),
            403,
            "insufficient_scope",
        );
        self.show(
            "GET /admin",
            "the user is not in Admins",
            &get("/admin").bearer(&user),
            403,
            "requirement_not_met",
        );
        self.show("GET /admin", "another user is in Admins", &get("/admin").bearer(&admin), 200, "");
        self.show("GET /nothing", "no rule matches", &get("/nothing").bearer(&admin), 403, "no_rule_matches");
    }

    fn show_attacks(&mut self) {
        let good = self.mint(&TokenSpec::user());
        let expired = self.mint(&TokenSpec::user().lifetime(-120));
        let id_token = self.mint(&TokenSpec::new(Kind::IdToken).claim("aud", "api://default"));
        let bound = self.mint(&TokenSpec::new(Kind::DpopBound));
        let other = self.okta.mint(Server::Custom, &TokenSpec::user());
        let (head, signature) = good.rsplit_once('.').unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        bytes[100] ^= 1;
        let forged = format!("{head}.{}", URL_SAFE_NO_PAD.encode(bytes));
        let payload = good.split('.').nth(1).unwrap();
        let none = format!("{}.{payload}.AA", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"x"}"#));
        let spoofed =
            get("/me").bearer(&good).header("x-okta-sub", "root").header("x_okta_groups", r#"["Admins"]"#);
        println!("\nAttacks");
        self.show("GET /me", "an expired token", &get("/me").bearer(&expired), 401, "token_expired");
        self.show(
            "GET /me",
            "one bit of the signature flipped",
            &get("/me").bearer(&forged),
            401,
            "signature_invalid",
        );
        self.show("GET /me", "alg: none", &get("/me").bearer(&none), 401, "algorithm_not_allowed");
        self.show(
            "GET /me",
            "an ID token with the API's audience",
            &get("/me").bearer(&id_token),
            401,
            "not_an_access_token",
        );
        self.show(
            "GET /me",
            "another authorization server's token",
            &get("/me").bearer(&other),
            401,
            "issuer_unknown",
        );
        self.show(
            "GET /me",
            "a DPoP token without its proof",
            &get("/me").bearer(&bound),
            401,
            "token_bound",
        );
        self.show(
            "GET /me",
            "two Authorization headers",
            &get("/me").bearer(&good).bearer(&expired),
            400,
            "multiple_credentials",
        );
        self.show(
            "GET /me",
            "bytes that are not UTF-8",
            &get("/me").bearer(b"\xff\xfe"),
            401,
            "token_opaque",
        );
        self.show("GET /me", "client sets x-okta-sub: removed", &spoofed, 200, "joe.user@example.com");
        self.show("GET /admin;x", "an ambiguous path", &get("/admin;x").bearer(&good), 400, "path_ambiguous");
    }

    fn show_key_rotation(&mut self) {
        let old = self.mint(&TokenSpec::user());
        println!("\nKey rotation");
        self.okta.rotate(Server::Default, Rotation::Manual);
        let new = self.mint(&TokenSpec::user());
        self.show("GET /me", "a token with Okta's new key", &get("/me").bearer(&new), 200, "joe.user");
        self.show("GET /me", "a token with the former key", &get("/me").bearer(&old), 200, "joe.user");
        self.okta.set_fault(Server::Default, Fault::Status(500));
        self.show("GET /me", "the former key while Okta fails", &get("/me").bearer(&old), 200, "joe.user");
    }

    fn mint(&self, spec: &TokenSpec) -> String {
        self.okta.mint(Server::Default, spec)
    }

    /// Requests a token as a client does: `POST /v1/token`, `grant_type=client_credentials`.
    fn client_credentials(&self, scope: &str) -> String {
        let credentials = STANDARD.encode(format!("{DEMO_CLIENT_ID}:{DEMO_CLIENT_SECRET}"));
        let response = Client::new(self.okta.http_port()).send(
            &request("POST", "/oauth2/default/v1/token")
                .header("authorization", format!("Basic {credentials}"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(format!("grant_type=client_credentials&scope={scope}")),
        );
        response.json()["access_token"].as_str().expect("an access token").to_owned()
    }

    /// Sends a request and prints the response. Compares the status, and the text that the body
    /// must contain.
    fn show(&mut self, name: &str, description: &str, request: &Request, status: u16, text: &str) {
        let response = self.envoy.client().send(request);
        let expected = response.status == status && response.body.contains(text);
        self.sent += 1;
        self.failures += usize::from(!expected);
        let mark = if expected { "ok " } else { "BAD" };
        println!("  {mark} {:<19} {:<37} {} {}", name, description, response.status, summary(&response));
        if !expected {
            println!("      expected {status} with `{text}`, got {}", response.body);
        }
    }
}

/// Summarizes a response in a line: the filter's denial code and the missing scopes, or the start
/// of FastAPI's body.
fn summary(response: &Response) -> String {
    let challenge = response.header("www-authenticate").unwrap_or_default();
    let scope =
        challenge.split_once(",scope=").map_or(String::new(), |(_, scope)| format!(", scope={scope}"));
    match response.code() {
        code if code.is_empty() => response.body.chars().take(44).collect(),
        code => format!("{code}{scope}"),
    }
}
