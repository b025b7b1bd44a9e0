//! Durations as a number and a unit: `500ms`, `5s`, `10m`, `1h`, `1d`.

use std::fmt;
use std::time;

use serde::de::{Deserialize, Deserializer, Error};

use super::error::{ConfigError, Path};

/// A duration as it was written.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Duration(time::Duration);

impl Duration {
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
        // protobuf writes half a second as 0.500s: three digits of a fraction at most mean whole milliseconds.
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 3 {
            return None;
        }
        let thousandths = format!("{whole}{fraction:0<3}").parse::<u64>().ok()?;
        Some(Self(time::Duration::from_millis(thousandths.checked_mul(millis_per_unit)? / 1_000)))
    }

    /// The written duration, or a default, within bounds.
    pub(super) fn within(
        written: Option<Self>,
        default: time::Duration,
        bounds: std::ops::RangeInclusive<time::Duration>,
        path: &Path,
    ) -> Result<time::Duration, ConfigError> {
        let duration = written.map_or(default, |duration| duration.0);
        if bounds.contains(&duration) {
            return Ok(duration);
        }
        Err(path.error(format!(
            "must be from {} to {}",
            DisplayDuration(*bounds.start()),
            DisplayDuration(*bounds.end())
        )))
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| Error::custom("must be a number and a unit, such as 500ms, 5s, 10m, 1h or 1d"))
    }
}

struct DisplayDuration(time::Duration);

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
    fn numbers_and_units() {
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
            let parsed = Duration::parse(text).map(|duration| duration.0.as_millis());
            assert_eq!(parsed, millis, "{text}");
        }
    }

    #[test]
    fn bounds_are_told_as_they_would_be_written() {
        let shown = |millis| DisplayDuration(time::Duration::from_millis(millis)).to_string();
        assert_eq!(
            [shown(0), shown(100), shown(1_000), shown(300_000), shown(90_000)],
            ["0s", "100ms", "1s", "5m", "90s"]
        );
    }
}
