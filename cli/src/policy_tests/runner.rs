//! Runs the tests of a file.

use std::collections::HashSet;

use okta_authz_filter::config::Provider;
use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::dpop::DpopSettings;
use okta_authz_filter::introspection::IntrospectedTokens;
use okta_authz_filter::request::AuthScheme;
use okta_authz_filter::time::UnixTime;

use super::TestResult;
use super::file::{ClaimsToken, JwtToken, NoneWord, PolicyTest, TokenSpec};
use super::proof::{ProofContext, ProofSpec};
use super::test_issuer::{self, TestIssuer};
use crate::document_provider::DocumentProvider;
use crate::explain::{ExplainRequest, Explanation};
use crate::loaded_config::LoadedConfig;
use crate::request::{Request, check_certificate_sha256};
use crate::session::InMemorySharedData;

/// The configuration of a test file, with the documents that its tests need.
pub(super) struct TestRunner {
    pub(super) config: LoadedConfig,
    /// The documents for tests with a `jwt`.
    pub(super) documents: DocumentProvider,
    /// The issuer of all other tokens.
    pub(super) issuer: TestIssuer,
    /// The time of tests without a time.
    pub(super) at: UnixTime,
}

/// A test that later tests can refer to.
struct EarlierTest<'a> {
    name: &'a str,
    credentials: Option<Credentials>,
    /// The nonce in the response.
    nonce: Option<String>,
    /// The memory of the filter after the request, if a later test needs it.
    memory: Option<InMemorySharedData>,
}

/// A bound token, with its proof if the test sends one.
#[derive(Clone)]
struct Credentials {
    token: String,
    proof: Option<String>,
}

impl EarlierTest<'_> {
    fn received_nonce(&self) -> Result<&str, String> {
        let problem =
            || format!("proof.nonce_from: the response to test `{}` has no `DPoP-Nonce`", self.name);
        self.nonce.as_deref().ok_or_else(problem)
    }

    fn credentials_to_repeat(&self) -> Result<Credentials, String> {
        let credentials = self.credentials.clone().filter(|credentials| credentials.proof.is_some());
        credentials.ok_or_else(|| format!("proof.repeat: test `{}` sends no proof", self.name))
    }
}

impl TestRunner {
    /// Runs the tests in their order.
    ///
    /// # Errors
    ///
    /// The first test that cannot run, with the problem.
    pub(super) fn run(&self, tests: &[PolicyTest]) -> Result<Vec<TestResult>, String> {
        let needed: HashSet<&str> =
            tests.iter().filter_map(|test| test.proof.as_ref()?.earlier_test()).collect();
        let (mut results, mut earlier) = (Vec::new(), Vec::new());
        for (index, test) in tests.iter().enumerate() {
            let (mut explanation, credentials) = self
                .run_test(test, index, &earlier)
                .map_err(|problem| format!("{}: {problem}", test.name))?;
            let nonce = explanation.decision.reply_header("dpop-nonce").map(str::to_owned);
            // Most memories, of thousands of slots each, can be dropped.
            let memory = std::mem::take(&mut explanation.memory);
            let memory = needed.contains(test.name.as_str()).then_some(memory);
            earlier.push(EarlierTest { name: &test.name, credentials, nonce, memory });
            let show_claims = !matches!(test.token, TokenSpec::Jwt(_));
            let differences = test.expect.differences(&explanation.decision, show_claims);
            results.push(TestResult { name: test.name.clone(), explanation, differences });
        }
        Ok(results)
    }

    fn run_test<'a>(
        &self,
        test: &PolicyTest,
        index: usize,
        earlier: &'a [EarlierTest<'a>],
    ) -> Result<(Explanation, Option<Credentials>), String> {
        if let Some(digest) = &test.request.client_certificate_sha256 {
            check_certificate_sha256(digest)
                .map_err(|problem| format!("request.client_certificate_sha256: {problem}"))?;
        }
        let at = test.at.map_or(self.at, UnixTime::from_seconds);
        let Some(spec) = &test.proof else {
            return Ok((self.explain_without_proof(test, at)?, None));
        };
        let settings = self.proof_settings(test)?;
        let mut request = test.request.clone();
        let (credentials, memory) = match spec {
            ProofSpec::Missing => {
                let token = self.token(bound_token(test)?, Some(&spec.jkt(settings)), at)?;
                (Credentials { token, proof: None }, None)
            }
            ProofSpec::New(proof) => {
                let token = self.token(bound_token(test)?, Some(&spec.jkt(settings)), at)?;
                let earlier = proof.nonce_from.as_deref().map(|name| find(earlier, name, "nonce_from"));
                let earlier = earlier.transpose()?;
                let nonce = earlier.map(EarlierTest::received_nonce).transpose()?;
                let (config, jti) = (&self.config.config, format!("okta-authz-test-{index}"));
                let context = ProofContext { config, request: &request, token: &token, at, jti, nonce };
                let proof = Some(proof.compact(settings, &context)?);
                (Credentials { token, proof }, earlier.and_then(|earlier| earlier.memory.as_ref()))
            }
            ProofSpec::Repeated(name) => {
                if !matches!(test.token, TokenSpec::Absent) {
                    let problem = "token: must be absent with `proof.repeat`, which repeats the token too";
                    return Err(problem.to_owned());
                }
                let earlier = find(earlier, name, "repeat")?;
                (earlier.credentials_to_repeat()?, earlier.memory.as_ref())
            }
        };
        request.authorize(&credentials.token, AuthScheme::Dpop);
        if let Some(proof) = &credentials.proof {
            request.headers.push("dpop", proof.clone());
        }
        Ok((self.explain_with_test_issuer(&request, at, memory), Some(credentials)))
    }

    fn explain_without_proof(&self, test: &PolicyTest, at: UnixTime) -> Result<Explanation, String> {
        let mut request = test.request.clone();
        match &test.token {
            TokenSpec::Jwt(JwtToken { jwt }) => {
                self.check_introspection(jwt)?;
                request.authorize(jwt, AuthScheme::Bearer);
                return Ok(self.explain(&request, at));
            }
            TokenSpec::Claims(token) => {
                request.authorize(&self.token(token, None, at)?, AuthScheme::Bearer);
            }
            TokenSpec::Absent | TokenSpec::None(NoneWord::None) => {}
        }
        Ok(self.explain_with_test_issuer(&request, at, None))
    }

    /// Rejects an opaque token if the filter would introspect it: a test has no endpoint.
    fn check_introspection(&self, token: &str) -> Result<(), String> {
        let is_jwt = token.bytes().filter(|byte| *byte == b'.').count() == 2;
        let introspects = |provider: &Provider| {
            let settings = provider.introspection.as_ref();
            settings.is_some_and(|settings| settings.tokens == IntrospectedTokens::Opaque)
        };
        if is_jwt || !self.config.config.providers.iter().any(introspects) {
            return Ok(());
        }
        Err("token.jwt: must be a JWT, because a test has no introspection endpoint; \
             `okta-authz explain --introspection FILE` decides about an opaque token"
            .to_owned())
    }

    /// Returns the settings for the proof of a test.
    fn proof_settings(&self, test: &PolicyTest) -> Result<&DpopSettings, String> {
        if test.request.headers.has("dpop") {
            return Err(
                "request.headers: must not have `dpop` with `proof`, which sets the header".to_owned()
            );
        }
        let settings = self.config.config.dpop.as_ref();
        settings.ok_or_else(|| "proof: must be absent, because the configuration has no `dpop`".to_owned())
    }

    fn token(&self, token: &ClaimsToken, jkt: Option<&str>, at: UnixTime) -> Result<String, String> {
        let provider = select_provider(&self.config.config.providers, token.provider.as_deref())?;
        Ok(test_issuer::token(provider, &token.header, &token.claims, jkt, at))
    }

    /// Explains a request with a real token, whose claims stay hidden.
    fn explain(&self, request: &Request, at: UnixTime) -> Explanation {
        let explain = ExplainRequest {
            config: &self.config,
            request,
            documents: &self.documents,
            verifier: &Software,
            at,
            fetched_at: at,
            show_claims: false,
            memory: None,
        };
        explain.explain()
    }

    fn explain_with_test_issuer(
        &self,
        request: &Request,
        at: UnixTime,
        memory: Option<&InMemorySharedData>,
    ) -> Explanation {
        let explain = ExplainRequest {
            config: &self.issuer.config,
            request,
            documents: &self.issuer.documents,
            verifier: self.issuer.verifier(),
            at,
            fetched_at: at,
            show_claims: true,
            memory,
        };
        explain.explain()
    }
}

/// Returns the token that a test describes, for a proof.
fn bound_token(test: &PolicyTest) -> Result<&ClaimsToken, String> {
    match &test.token {
        TokenSpec::Claims(token) => Ok(token),
        TokenSpec::Jwt(_) => {
            Err("proof: must be absent with `token.jwt`, because only its client has the key; \
                                  `request.headers` can have the proof of the client"
                .to_owned())
        }
        TokenSpec::Absent | TokenSpec::None(_) => {
            Err("proof: needs a token, for example `token: {}`".to_owned())
        }
    }
}

/// Returns the earlier test with a name. `member` is the member of the proof that has the name.
fn find<'a, 'e>(
    earlier: &'e [EarlierTest<'a>],
    name: &str,
    member: &str,
) -> Result<&'e EarlierTest<'a>, String> {
    let mut named = earlier.iter().filter(|test| test.name == name);
    match (named.next(), named.next()) {
        (Some(test), None) => Ok(test),
        (None, _) => Err(format!("proof.{member}: there is no test `{name}` before this test")),
        (Some(_), Some(_)) => Err(format!("proof.{member}: several tests have the name `{name}`")),
    }
}

fn select_provider<'a>(providers: &'a [Provider], name: Option<&str>) -> Result<&'a Provider, String> {
    match (name, providers) {
        (None, [provider]) => Ok(provider),
        (None, _) => {
            Err("token.provider: is missing; required because there are several providers".to_owned())
        }
        (Some(name), _) => {
            let named = providers.iter().find(|provider| provider.name == name);
            named.ok_or_else(|| format!("token.provider: there is no provider `{name}`"))
        }
    }
}
