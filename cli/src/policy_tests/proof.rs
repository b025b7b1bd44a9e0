//! The DPoP proof of a policy test (RFC 9449 section 4.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use okta_authz_filter::config::Config;
use okta_authz_filter::crypto::Algorithm;
use okta_authz_filter::dpop::DpopSettings;
use okta_authz_filter::json::Object;
use okta_authz_filter::policy::NormalizedRequest;
use okta_authz_filter::time::UnixTime;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::file::{NoneWord, present};
use super::keys::{TestKey, compact};
use super::test_issuer::set_or_remove;
use crate::request::Request;

/// The member `proof` of a test.
#[derive(Deserialize)]
#[serde(try_from = "ProofFields")]
pub(super) enum ProofSpec {
    /// No proof. The token is bound to the key of the client.
    Missing,
    /// A new proof.
    New(NewProof),
    /// The token and the proof of the earlier test with this name.
    Repeated(String),
}

/// Changes of a good proof.
#[derive(Default)]
pub(super) struct NewProof {
    claims: Object,
    /// Members of the JOSE header.
    header: Object,
    /// The seconds from `iat` to the request. Negative: `iat` is after the request.
    age: i64,
    /// Default: the first algorithm that the configuration accepts.
    algorithm: Option<Algorithm>,
    /// Whether the key is not that of the token.
    has_other_key: bool,
    /// The name of the earlier test whose response has the nonce.
    pub(super) nonce_from: Option<String>,
}

/// The request for which a proof is made.
pub(super) struct ProofContext<'a> {
    pub(super) config: &'a Config,
    pub(super) request: &'a Request,
    pub(super) token: &'a str,
    pub(super) at: UnixTime,
    pub(super) jti: String,
    pub(super) nonce: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected `true`, `none`, or an object with `claims`, `header`, `age`, `alg`, `key: other`, \
                 `nonce_from`, or `repeat` alone"
)]
enum ProofFields {
    Flag(bool),
    None(NoneWord),
    Details(Object),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofDetails {
    #[serde(default)]
    claims: Object,
    #[serde(default)]
    header: Object,
    #[serde(default, deserialize_with = "present")]
    age: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    alg: Option<String>,
    #[serde(default, deserialize_with = "present")]
    key: Option<OtherKey>,
    #[serde(default, deserialize_with = "present")]
    nonce_from: Option<String>,
    #[serde(default, deserialize_with = "present")]
    repeat: Option<String>,
}

/// The string `other`.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum OtherKey {
    Other,
}

impl TryFrom<ProofFields> for ProofSpec {
    type Error = String;

    /// Rejects members that contradict each other.
    fn try_from(fields: ProofFields) -> Result<Self, String> {
        let details = match fields {
            ProofFields::Flag(true) => return Ok(Self::New(NewProof::default())),
            ProofFields::Flag(false) => {
                return Err(
                    "must not be false; allowed are `none` for a bound token without a proof, and no \
                            `proof` for a token that is not bound"
                        .to_owned(),
                );
            }
            ProofFields::None(NoneWord::None) => return Ok(Self::Missing),
            ProofFields::Details(details) => details,
        };
        let details = serde_path_to_error::deserialize(Value::Object(details));
        let ProofDetails { claims, header, age, alg, key, nonce_from, repeat } =
            details.map_err(|error| error.to_string())?;
        if let Some(name) = repeat {
            let is_alone = claims.is_empty() && header.is_empty() && age.is_none() && alg.is_none();
            if !is_alone || key.is_some() || nonce_from.is_some() {
                return Err(
                    "`repeat` must be the only member, because the proof is sent without a change".to_owned()
                );
            }
            return Ok(Self::Repeated(name));
        }
        if age.is_some() && claims.contains_key("iat") {
            return Err("must not have both `age` and `claims.iat`".to_owned());
        }
        if nonce_from.is_some() && claims.contains_key("nonce") {
            return Err("must not have both `nonce_from` and `claims.nonce`".to_owned());
        }
        let algorithm = match alg {
            Some(name) => Some(Algorithm::from_name(&name).ok_or_else(|| {
                let names = Algorithm::ALL.map(Algorithm::name).join(", ");
                format!("alg: must be one of {names}; `header: {{ alg: ... }}` sets any value")
            })?),
            None => None,
        };
        let (age, has_other_key) = (age.unwrap_or_default(), key.is_some());
        Ok(Self::New(NewProof { claims, header, age, algorithm, has_other_key, nonce_from }))
    }
}

impl ProofSpec {
    /// Returns the name of the earlier test that the proof depends on.
    pub(super) fn earlier_test(&self) -> Option<&str> {
        match self {
            Self::Missing => None,
            Self::New(proof) => proof.nonce_from.as_deref(),
            Self::Repeated(name) => Some(name),
        }
    }

    /// Returns `cnf.jkt` of the token: the thumbprint of the key of the client (RFC 7638).
    pub(super) fn jkt(&self, settings: &DpopSettings) -> String {
        let algorithm = match self {
            Self::New(proof) => proof.algorithm(settings),
            Self::Missing | Self::Repeated(_) => default_algorithm(settings),
        };
        // `serde_json` sorts the members by their names, as RFC 7638 section 3.3 requires.
        URL_SAFE_NO_PAD.encode(Sha256::digest(TestKey::First.jwk(algorithm).to_string()))
    }
}

impl NewProof {
    fn algorithm(&self, settings: &DpopSettings) -> Algorithm {
        self.algorithm.unwrap_or_else(|| default_algorithm(settings))
    }

    /// Makes the proof.
    ///
    /// # Errors
    ///
    /// A request without a host, which `htu` needs.
    pub(super) fn compact(
        &self,
        settings: &DpopSettings,
        context: &ProofContext<'_>,
    ) -> Result<String, String> {
        let algorithm = self.algorithm(settings);
        let key = if self.has_other_key { TestKey::Other } else { TestKey::First };
        let mut header = json!({ "typ": "dpop+jwt", "alg": algorithm.name(), "jwk": key.jwk(algorithm) });
        let mut claims = json!({
            "jti": context.jti,
            "htm": context.request.method,
            "iat": context.at.seconds().saturating_sub(self.age),
            "ath": URL_SAFE_NO_PAD.encode(Sha256::digest(context.token)),
        });
        if !self.claims.contains_key("htu") {
            set_or_remove(&mut claims, "htu", &Value::from(context.target_uri(settings)?));
        }
        if let Some(nonce) = context.nonce {
            set_or_remove(&mut claims, "nonce", &Value::from(nonce));
        }
        for (members, changes) in [(&mut header, &self.header), (&mut claims, &self.claims)] {
            changes.iter().for_each(|(name, value)| set_or_remove(members, name, value));
        }
        Ok(compact(&header, &claims))
    }
}

fn default_algorithm(settings: &DpopSettings) -> Algorithm {
    settings.requirements.algorithms.first().copied().unwrap_or(Algorithm::ES256)
}

impl ProofContext<'_> {
    /// Returns the URL that the configuration gives to the request. If it gives none, the filter
    /// rejects every proof, and the URL is that of the request with `https`.
    fn target_uri(&self, settings: &DpopSettings) -> Result<String, String> {
        let headers = self.request.to_headers();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let head = self.request.head(&headers);
        if head.authority.is_empty() {
            return Err("proof: request.host: is missing; the URL in a proof (`htu`) has the host".to_owned());
        }
        let normalized = NormalizedRequest::new(&head, self.config.policy.required_inputs());
        let uri = normalized.ok().and_then(|request| settings.requirements.target_uri.of(&head, &request));
        Ok(uri.map_or_else(
            || {
                let path = self.request.path.split('?').next().unwrap_or_default();
                format!("https://{}{path}", String::from_utf8_lossy(head.authority))
            },
            |uri| percent_encoded(&uri.to_string()),
        ))
    }
}

/// Encodes the characters of a URL with a decoded path that a URL cannot have in its path. In a
/// decoded path, `%2F` is a slash that the client has encoded.
fn percent_encoded(url: &str) -> String {
    let mut encoded = String::new();
    for (index, byte) in url.bytes().enumerate() {
        let is_slash = || url.get(index..).is_some_and(|rest| rest.starts_with("%2F"));
        let is_special =
            matches!(byte, b'"' | b'#' | b'<' | b'>' | b'?' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}');
        if !byte.is_ascii_graphic() || is_special || (byte == b'%' && !is_slash()) {
            encoded.push_str(&format!("%{byte:02X}"));
        } else {
            encoded.push(char::from(byte));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoded_has_no_characters_that_end_a_path() {
        for (url, expected) in [
            ("https://a.example:8443/items/1", "https://a.example:8443/items/1"),
            ("https://[::1]/a", "https://[::1]/a"),
            ("https://a.example/a b?#\u{e9}", "https://a.example/a%20b%3F%23%C3%A9"),
            ("https://a.example/a%2Fb%", "https://a.example/a%2Fb%25"),
            ("https://a.example/a;x=1:@!$&'()*+,~", "https://a.example/a;x=1:@!$&'()*+,~"),
        ] {
            assert_eq!(percent_encoded(url), expected);
        }
    }
}
