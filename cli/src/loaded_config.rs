//! The configuration that `explain` and `test` use.

use std::path::Path;

use okta_authz_filter::config::Config;
use okta_authz_filter::json;
use serde_json::Value;

use super::{CliError, documents, ecds, locate};

/// A configuration of the filter: its JSON, and the parsed form.
pub(crate) struct LoadedConfig {
    pub(crate) json: Value,
    pub(crate) config: Config,
}

impl LoadedConfig {
    /// Loads the only configuration in a file. If the file has several, `select` is a part of the
    /// location of one.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, an invalid configuration, none, or more than one.
    pub(crate) fn load(file: &Path, select: Option<&str>) -> Result<Self, CliError> {
        let name = file.display();
        let documents = documents::parse(file, &documents::read(file)?)
            .map_err(|problem| CliError(format!("{name}: {problem}")))?
            .values;
        let mut located = locate::find(&documents);
        located.retain(|config| select.is_none_or(|select| config.location.contains(select)));
        match located.as_slice() {
            [config] => {
                Self::parse(&config.bytes).map_err(|CliError(problem)| CliError(format!("{name}: {problem}")))
            }
            [] => Err(CliError(match ecds::find(&documents).first() {
                Some(filter) => {
                    format!("{name}: contains no configuration of this filter: {}", filter.source)
                }
                None => format!("{name}: {}", locate::missing_config(&documents)),
            })),
            several => {
                let locations: Vec<&str> = several.iter().map(|config| config.location.as_str()).collect();
                let locations = locations.join("\n  ");
                Err(CliError(format!(
                    "{name}: contains several configurations; select one with a part of its location:\n  {locations}"
                )))
            }
        }
    }

    /// Parses a configuration.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, CliError> {
        let config = Config::from_bytes(bytes).map_err(|error| CliError(error.to_string()))?;
        let json = json::parse(bytes).map_err(|error| CliError(error.to_string()))?;
        Ok(Self { json, config })
    }
}
