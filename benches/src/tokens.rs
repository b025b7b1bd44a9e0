//! Pools of tokens, with a user's claims in Okta's format.
//!
//! ring signs them, because its RSA is several times as fast as that of the crate `rsa`. The key is
//! the tests' key in the repository, so the next run can use a pool on disk.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

pub const ISSUER: &str = "https://acme.okta.example/oauth2/default";
pub const AUDIENCE: &str = "api://default";
/// As long as the issuer, so that its tokens have the same length.
const UNKNOWN_ISSUER: &str = "https://evil.okta.example/oauth2/default";

/// As long as the audience.
const OTHER_AUDIENCE: &str = "api://unknown";
/// As long as the key ID.
const UNKNOWN_KID: &str = "unknown-kid-5Qbq8zVO1PcCpXL8yG6IcovVa3laCox";
/// The groups of a token of 4 KiB.
const MANY_GROUPS: usize = 100;

/// The place of the token in a request without a token. No token has this value.
pub const NO_TOKEN: &str = "-";

/// The lifetime of tokens in seconds: a day, the longest that Okta allows.
const LIFETIME: u64 = 86_400;
/// The age at which a pool is minted again, so that its tokens do not expire in the run.
const POOL_AGE: Duration = Duration::from_secs(LIFETIME / 2);

/// The number of tokens in pools that repeat tokens.
pub const FEW: usize = 1_000;
/// The number of services, which is the number of rules in the largest policy.
pub const SERVICES: usize = 10_000;

/// A set of requests in a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pool {
    /// A thousand valid tokens, for ten services.
    Repeated,
    /// The same tokens, for ten thousand services.
    RepeatedForAllServices,
    /// The same tokens, for the FastAPI example.
    Items,
    /// This number of distinct valid tokens.
    New(usize),
    /// Valid tokens of 4 KiB, with a hundred groups.
    Large,
    /// This number of distinct valid tokens of 4 KiB.
    NewLarge(usize),
    Expired,
    UnknownIssuer,
    UnknownKeyId,
    WrongAudience,
    BadSignature,
    /// Tokens whose payload is not a JSON object.
    Malformed,
    /// Requests without a token.
    NoToken,
}

/// Returns the path of a service. All paths have the same length.
pub fn path(service: usize) -> String {
    format!("/api/v1/service-{service:05}/items")
}

/// The algorithm and the key of the tokens.
pub enum Signer {
    Rs256(RsaKeyPair),
    Es256(EcdsaKeyPair),
}

impl Signer {
    /// Returns the signer with the tests' RSA key of 2048 bits.
    pub fn rs256() -> Self {
        let pem = include_str!("../../tests/data/keys/rsa-a.pem");
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        Self::Rs256(RsaKeyPair::from_pkcs8(&STANDARD.decode(base64).expect("base64")).expect("an RSA key"))
    }

    /// Returns a signer with a new P-256 key. It is fast enough to sign each token when it is sent.
    pub fn es256() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a P-256 key");
        Self::Es256(EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a P-256 key"))
    }

    /// Returns the key set with the public key.
    pub fn jwks(&self) -> Value {
        let mut key = match self {
            Self::Rs256(pair) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "n": b64(&public.n), "e": b64(&public.e) })
            }
            Self::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y) })
            }
        };
        (key["kid"], key["alg"], key["use"]) = (json!(KID), json!(self.algorithm()), json!("sig"));
        json!({ "keys": [key] })
    }

    pub(crate) const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rs256(_) => "RS256",
            Self::Es256(_) => "ES256",
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("a signature");
                signature
            }
            Self::Es256(pair) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
        }
    }

    /// Mints a valid token. Its random `jti` makes it unique.
    pub fn token(&self) -> String {
        self.mint(Pool::Repeated)
    }

    /// Mints a token for this pool.
    pub fn mint(&self, pool: Pool) -> String {
        self.mint_with(pool, "")
    }

    /// Mints a valid token that is bound to the key with this thumbprint (RFC 9449 section 6.1).
    pub fn bound_token(&self, thumbprint: &[u8; 32]) -> String {
        self.mint_with(Pool::Repeated, &format!(r#","cnf":{{"jkt":"{}"}}"#, b64(thumbprint)))
    }

    /// Mints a token for this pool. `members` is JSON text that follows the last claim.
    pub(crate) fn mint_with(&self, pool: Pool, members: &str) -> String {
        let now = now();
        let iat = if pool == Pool::Expired { now - 2 * LIFETIME } else { now };
        let iss = if pool == Pool::UnknownIssuer { UNKNOWN_ISSUER } else { ISSUER };
        let kid = if pool == Pool::UnknownKeyId { UNKNOWN_KID } else { KID };
        let aud = if pool == Pool::WrongAudience { OTHER_AUDIENCE } else { AUDIENCE };
        let groups = if pool.is_large() { many_groups() } else { r#""Everyone","IT""#.to_owned() };
        let header = format!(r#"{{"kid":"{kid}","alg":"{}"}}"#, self.algorithm());
        let mut payload = format!(
            r#"{{"ver":1,"jti":"AT.{}","iss":"{iss}","aud":"{aud}","iat":{iat},"exp":{},"cid":"0oa48e74ox4t7mQJX0g7","uid":"00ujmkLgagxeRrAg20g3","scp":["openid","profile","items:read"],"auth_time":{},"sub":"joe.user@example.com","groups":[{groups}]{members}}}"#,
            random_text(),
            iat + LIFETIME,
            iat - 21,
        );
        if pool == Pool::Malformed {
            payload.replace_range(..1, "[");
        }
        let mut token = format!("{}.{}", b64(header.as_bytes()), b64(payload.as_bytes()));
        let mut signature = self.sign(token.as_bytes());
        if pool == Pool::BadSignature {
            signature[100] ^= 1;
        }
        write!(token, ".{}", b64(&signature)).expect("text");
        token
    }
}

/// Returns the time in Unix seconds.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

/// Returns the SHA-256 digest of a text.
pub fn sha256(text: &[u8]) -> [u8; 32] {
    digest(&SHA256, text).as_ref().try_into().expect("32 bytes")
}

impl Pool {
    /// Returns the file of the pool. Mints the tokens unless the file exists and is fresh.
    pub fn file(self, signer: &Signer) -> PathBuf {
        let name: String = format!("{self:?}").chars().filter(char::is_ascii_alphanumeric).collect();
        let file = requests_file(&name);
        if is_fresh(&file) { file } else { write_requests(&name, &self.lines(&self.tokens(signer))) }
    }

    fn tokens(self, signer: &Signer) -> Vec<String> {
        let count = if let Self::New(count) | Self::NewLarge(count) = self { count } else { FEW };
        let token = |_| if self == Self::NoToken { NO_TOKEN.to_owned() } else { signer.mint(self) };
        in_parallel(count, token)
    }

    const fn is_large(self) -> bool {
        matches!(self, Self::Large | Self::NewLarge(_))
    }

    fn lines(self, tokens: &[String]) -> String {
        let all_services = self == Self::RepeatedForAllServices;
        let services = if all_services { SERVICES } else { 10 };
        let count = tokens.len().max(if all_services { SERVICES } else { 0 });
        // 7919 is prime to both numbers of services, so consecutive requests match distant rules.
        let path = |i| if self == Self::Items { "/items".to_owned() } else { path(i * 7919 % services) };
        let line = |i: usize| format!("{} {}\n", path(i), tokens[i % tokens.len()]);
        (0..count).map(line).collect()
    }
}

/// Writes a file of requests, and returns its path.
pub fn write_requests(name: &str, lines: &str) -> PathBuf {
    let file = requests_file(name);
    // The file is renamed when it is complete, so an interrupted run leaves no partial pool.
    let part = file.with_extension("part");
    fs::File::create(&part).and_then(|mut file| file.write_all(lines.as_bytes())).expect("a pool");
    fs::rename(&part, &file).expect("a pool");
    file
}

fn requests_file(name: &str) -> PathBuf {
    let folder = test_support::root().join("target/bench");
    fs::create_dir_all(&folder).expect("a folder below target/");
    folder.join(format!("{name}.requests"))
}

/// Makes this number of texts on all cores, in order.
pub fn in_parallel(count: usize, make: impl Fn(usize) -> String + Sync) -> Vec<String> {
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let (share, make) = (count.div_ceil(threads), &make);
    std::thread::scope(|scope| {
        let part = |thread: usize| {
            let part = (thread * share)..((thread + 1) * share).min(count);
            scope.spawn(move || part.map(make).collect::<Vec<_>>())
        };
        let parts: Vec<_> = (0..threads).map(part).collect();
        parts.into_iter().flat_map(|part| part.join().expect("texts")).collect()
    })
}

fn is_fresh(file: &Path) -> bool {
    let made = fs::metadata(file).and_then(|metadata| metadata.modified());
    made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age < POOL_AGE))
}

/// Returns a hundred groups as members of a JSON array. They make a token of about 4 KiB.
fn many_groups() -> String {
    let group = |i| format!(r#""engineering-{i:03}-eu""#);
    (0..MANY_GROUPS).map(group).collect::<Vec<_>>().join(",")
}

pub(crate) fn random_text() -> String {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).expect("random bytes");
    b64(&bytes)
}

/// Decodes base64url without padding.
pub fn from_b64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

pub(crate) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The key ID.
pub const KID: &str = "U5R8cHbGw445Qbq8zVO1PcCpXL8yG6IcovVa3laCoxM";
