//! The log: one JSON object a line on standard error. It never has a token, a user ID, an e-mail
//! address or a secret.

use std::io::Write as _;

use serde_json::{Map, Value};

use crate::clock;

/// Logs an event that needs no action.
pub(super) fn info(event: &str, fields: &[(&str, Value)]) {
    write("info", event, fields);
}

/// Logs a rejected request.
pub(super) fn warn(event: &str, fields: &[(&str, Value)]) {
    write("warn", event, fields);
}

/// Logs a failure that the operator has to resolve.
pub(super) fn error(event: &str, fields: &[(&str, Value)]) {
    write("error", event, fields);
}

fn write(level: &str, event: &str, fields: &[(&str, Value)]) {
    let mut line = Map::new();
    line.insert("time".to_owned(), clock::now().seconds().into());
    line.insert("level".to_owned(), level.into());
    line.insert("event".to_owned(), event.into());
    line.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    // One write, so that lines of several threads do not mix. A closed pipe is ignored.
    let _ = std::io::stderr().lock().write_all(format!("{}\n", Value::Object(line)).as_bytes());
}
