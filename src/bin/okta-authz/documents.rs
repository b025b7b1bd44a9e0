//! Files of YAML or JSON.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use okta_authz_filter::json::{self, JsonError};
use serde_json::Value;

use super::Problem;

/// More than any configuration has.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The bytes of a file; of standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    let read = || {
        let mut bytes = Vec::new();
        if path.as_os_str() == "-" {
            std::io::stdin().take(MAX_BYTES).read_to_end(&mut bytes)?;
        } else {
            fs::File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    };
    read().map_err(|error: std::io::Error| Problem(format!("{}: {error}", path.display())))
}

/// The documents in a file, without those that are empty; or what is wrong with its YAML.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Value>, String> {
    // JSON first: the filter's reading of it.
    match json::parse(bytes) {
        Ok(value) => return Ok(vec![value]),
        Err(error @ JsonError::DuplicateMember) => return Err(error.to_string()),
        Err(_) => {}
    }
    let text = str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| {
        // Its first line says what and where; the rest shows it.
        let error = error.to_string();
        let what = error.lines().next().unwrap_or_default();
        format!("is not YAML: {}", what.strip_prefix("error: ").unwrap_or(what))
    })?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}
