//! Durations as Envoy and Kubernetes read them.

use std::time::Duration;

use serde_json::Value;

/// Parses a duration of protobuf's JSON mapping (`7s`, `0.5s`).
pub(super) fn parse_proto(value: &Value) -> Option<Duration> {
    let number = value.as_str()?.strip_suffix('s')?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_number.then(|| parse_kubernetes(value)).flatten()
}

/// Parses a duration of Kubernetes (`1m30s`, `500ms`).
pub(super) fn parse_kubernetes(value: &Value) -> Option<Duration> {
    let mut rest = value.as_str().filter(|text| !text.is_empty())?;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let seconds_per_unit = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * seconds_per_unit;
        rest = after;
    }
    Duration::try_from_secs_f64(seconds).ok()
}
