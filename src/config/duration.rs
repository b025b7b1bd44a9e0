//! Durations in the configuration: a number and a unit, such as `500ms`, `5s`, `10m`, `1h`, `1d`.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::reader::{Located, Read};

/// A duration in the configuration, in whole milliseconds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct ConfigDuration(Duration);

impl ConfigDuration {
    /// Parses a duration. Returns `None` for a malformed or too large duration.
    fn parse(text: &str) -> Option<Self> {
        let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = text.split_at(unit_at);
        let millis_per_unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        // protobuf writes half a second as `0.500s`. With three digits at most, the number of
        // milliseconds is whole.
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || fraction.len() > 3 {
            return None;
        }
        let thousandths = format!("{whole}{fraction:0<3}").parse::<u64>().ok()?;
        Some(Self(Duration::from_millis(thousandths.checked_mul(millis_per_unit)? / 1_000)))
    }

    /// Returns the duration, or a default if the field is absent.
    ///
    /// # Errors
    /// If the duration is not within the bounds.
    pub(super) fn within(
        duration: Option<Self>,
        default: Duration,
        bounds: RangeInclusive<Duration>,
        at: &FieldPath<'_>,
    ) -> Result<Duration, ConfigError> {
        let duration = duration.map_or(default, |duration| duration.0);
        if bounds.contains(&duration) {
            return Ok(duration);
        }
        Err(at.error(format!(
            "must be from {} to {}",
            DisplayDuration(*bounds.start()),
            DisplayDuration(*bounds.end())
        )))
    }
}

/// Parses a duration in the syntax of the configuration. Returns `None` for another text, and for a
/// duration that is too large.
pub fn parse_duration(text: &str) -> Option<Duration> {
    ConfigDuration::parse(text).map(|ConfigDuration(duration)| duration)
}

impl Read for ConfigDuration {
    fn empty() -> Self {
        Self(Duration::ZERO)
    }

    fn read(&mut self, value: &Located<'_>) -> Result<(), ConfigError> {
        let duration = Self::parse(value.text()?);
        *self = duration
            .ok_or_else(|| value.error("must be a number and a unit, such as 500ms, 5s, 10m, 1h or 1d"))?;
        Ok(())
    }
}

/// A duration in the syntax of the configuration.
struct DisplayDuration(Duration);

impl fmt::Display for DisplayDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
            if millis > 0 && millis.is_multiple_of(size) {
                return write!(f, "{}{unit}", millis.div_euclid(size));
            }
        }
        if millis == 0 { f.write_str("0s") } else { write!(f, "{millis}ms") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_number_and_unit_is_accepted_and_all_else_rejected() {
        for (text, millis) in [
            ("0s", Some(0)),
            ("5s", Some(5_000)),
            ("0.5s", Some(500)),
            ("0.050s", Some(50)),
            ("250ms", Some(250)),
            ("10m", Some(600_000)),
            ("1h", Some(3_600_000)),
            ("2d", Some(172_800_000)),
            ("", None),
            ("5", None),
            ("s", None),
            ("-5s", None),
            ("5 s", None),
            ("5S", None),
            ("5sec", None),
            ("1h30m", None),
            (".5s", None),
            ("5.s", None),
            ("0.0001s", None),
            ("1e3s", None),
            ("99999999999999999999d", None),
            ("18446744073709551615d", None),
        ] {
            let parsed = ConfigDuration::parse(text).map(|duration| duration.0.as_millis());
            assert_eq!(parsed, millis, "{text}");
        }
    }

    #[test]
    fn display_duration_uses_the_largest_whole_unit() {
        let display = |millis| DisplayDuration(Duration::from_millis(millis)).to_string();
        assert_eq!(
            [display(0), display(100), display(1_000), display(300_000), display(90_000)],
            ["0s", "100ms", "1s", "5m", "90s"]
        );
    }
}
