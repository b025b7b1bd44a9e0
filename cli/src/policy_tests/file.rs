//! The format of a test file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use okta_authz_filter::json::Object;
use serde::{Deserialize, Deserializer};

use super::expect::Expect;
use super::proof::ProofSpec;
use crate::request::Request;
use crate::{CliError, documents};

/// A file of policy tests. Its paths are relative to the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestFile {
    pub(super) config: PathBuf,
    /// A part of the location of one configuration, if `config` has several.
    pub(super) select: Option<String>,
    /// The time of the requests, in seconds since 1970.
    pub(super) at: Option<u64>,
    pub(super) jwks: Option<Jwks>,
    pub(super) denylist: Option<PathBuf>,
    /// One test or more.
    pub(super) tests: Vec<PolicyTest>,
}

/// The key sets for tests with a `jwt`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a file, or a map of files by provider")]
pub(super) enum Jwks {
    File(PathBuf),
    ByProvider(BTreeMap<String, PathBuf>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyTest {
    pub(super) name: String,
    pub(super) request: Request,
    #[serde(default)]
    pub(super) token: TokenSpec,
    /// The DPoP proof of the request.
    #[serde(default, deserialize_with = "present")]
    pub(super) proof: Option<ProofSpec>,
    /// The time of this request, in seconds since 1970.
    pub(super) at: Option<u64>,
    pub(super) expect: Expect,
}

/// The token of a test.
#[derive(Default, Deserialize)]
#[serde(untagged, expecting = "expected `none`, `{jwt: ...}`, or `{provider: ..., claims: {...}}`")]
pub(super) enum TokenSpec {
    #[default]
    Absent,
    None(NoneWord),
    Jwt(JwtToken),
    Claims(ClaimsToken),
}

/// The string `none`.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum NoneWord {
    None,
}

/// A real token, whose signature the filter verifies.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JwtToken {
    pub(super) jwt: String,
}

/// Changes of a valid token of the test issuer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimsToken {
    /// The name of the provider. Optional if the configuration has one provider.
    pub(super) provider: Option<String>,
    #[serde(default)]
    pub(super) claims: Object,
    /// Members of the JOSE header.
    #[serde(default)]
    pub(super) header: Object,
}

/// Deserializes an optional member that must not be null if it is present.
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl TestFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, an unknown or invalid field, or no tests.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let in_file = |problem: String| CliError(format!("{}: {problem}", path.display()));
        let document = documents::parse_one(path, &documents::read(path)?).map_err(in_file)?;
        let file: Self =
            serde_path_to_error::deserialize(document).map_err(|error| in_file(error.to_string()))?;
        if file.tests.is_empty() {
            return Err(in_file("tests: must not be empty".to_owned()));
        }
        Ok(file)
    }
}
