//! The configuration that a question is about.

use std::path::Path;

use okta_authz_filter::config::Config;
use okta_authz_filter::json;
use serde_json::Value;

use super::{Problem, documents, elsewhere, places};

/// A configuration of the filter, as it is written and as the filter reads it.
pub(crate) struct Source {
    pub(crate) written: Value,
    pub(crate) config: Config,
}

impl Source {
    /// The one configuration in a file; of several, the one whose place has `select` in it.
    pub(crate) fn load(file: &Path, select: Option<&str>) -> Result<Self, Problem> {
        let name = file.display();
        let documents = documents::parse(file, &documents::read(file)?)
            .map_err(|problem| Problem(format!("{name}: {problem}")))?
            .values;
        let mut found = places::find(&documents);
        found.retain(|found| select.is_none_or(|select| found.place.contains(select)));
        match found.as_slice() {
            [one] => Self::new(&one.bytes).map_err(|Problem(problem)| Problem(format!("{name}: {problem}"))),
            [] => Err(Problem(match elsewhere::find(&documents).first() {
                Some(one) => format!("{name}: no configuration of this filter is in it: {}", one.origin),
                None => format!("{name}: {}", places::nothing_found(&documents)),
            })),
            several => {
                let places: Vec<&str> = several.iter().map(|found| found.place.as_str()).collect();
                let places = places.join("\n  ");
                Err(Problem(format!(
                    "{name}: several configurations; say which by a part of its place:\n  {places}"
                )))
            }
        }
    }

    /// The configuration in these bytes.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, Problem> {
        let config = Config::from_bytes(bytes).map_err(|error| Problem(error.to_string()))?;
        let written = json::parse(bytes).map_err(|error| Problem(error.to_string()))?;
        Ok(Self { written, config })
    }
}
