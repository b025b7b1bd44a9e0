//! Exact values of JSON numbers with a fraction or an exponent.
//!
//! serde_json converts such a number to a double, and not always to the nearest one. A claim with
//! the value `9007199254740991.0` must equal 9007199254740991 and no other number, so this module
//! reads the text of the number.

use std::cmp::Ordering;

use super::{Number, big_uint::BigUint};

/// A decimal number: `digits` times ten to the power of `exponent` (RFC 8259 section 6).
struct Decimal {
    is_negative: bool,
    /// Values from 0 to 9, without leading and trailing zeros. The number 0 has no digits.
    digits: Vec<u8>,
    exponent: i64,
}

/// The midpoint between two doubles has fewer significant digits than this. Further digits only
/// determine whether a number is above the midpoint.
const MAX_DIGITS: usize = 800;
/// Every positive double is greater than ten to this power.
const MIN_EXPONENT: i64 = -330;
/// The maximum number of doubles by which serde_json's result is corrected. Its error is a few
/// doubles.
const MAX_STEPS: usize = 64;

impl Decimal {
    /// Parses a number of a valid JSON document.
    fn parse(text: &str) -> Self {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (text, exponent) = match text.split_once(['e', 'E']) {
            // A number whose exponent overflows is 0, or serde_json rejects it or rounds it to 0.
            Some((text, exponent)) => (text, exponent.parse().unwrap_or(saturated_exponent(exponent))),
            None => (text, 0_i64),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = whole.bytes().chain(fraction.bytes()).map(|digit| digit.wrapping_sub(b'0'));
        let mut digits: Vec<u8> = digits.skip_while(|digit| *digit == 0).collect();
        let mut exponent = exponent.saturating_sub(i64::try_from(fraction.len()).unwrap_or(i64::MAX));
        while digits.last() == Some(&0) {
            digits.pop();
            exponent = exponent.saturating_add(1);
        }
        Self { is_negative, digits, exponent }
    }

    /// Returns the number if it is an integer in the range of `i64` or `u64`.
    fn as_integer(&self) -> Option<Number> {
        if self.digits.is_empty() {
            return Some(0.into());
        }
        let zeros = usize::try_from(self.exponent).ok().filter(|zeros| *zeros < 20)?;
        let digits = self.digits.iter().copied().chain(std::iter::repeat_n(0, zeros));
        let magnitude = digits
            .into_iter()
            .try_fold(0_u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit)))?;
        if self.is_negative {
            Some(0_i64.checked_sub_unsigned(magnitude)?.into())
        } else {
            Some(magnitude.into())
        }
    }

    /// Compares the magnitude with `mantissa` times two to the power of `exponent`, exactly.
    fn cmp_magnitude(&self, mantissa: u64, exponent: i64) -> Ordering {
        let power = |exponent: i64| usize::try_from(exponent).unwrap_or(0);
        let (mut ours, mut theirs) = (BigUint::default(), BigUint::from(mantissa));
        let mut tens = self.exponent;
        for (index, digit) in self.digits.iter().enumerate() {
            if index < MAX_DIGITS {
                ours.multiply_add(10, u32::from(*digit));
            } else {
                tens = tens.saturating_add(1);
            }
        }
        if self.digits.len() > MAX_DIGITS {
            ours.multiply_add(10, 1);
            tens = tens.saturating_sub(1);
        }
        let scale =
            |big: &mut BigUint, factor, times| (0..power(times)).for_each(|_| big.multiply_add(factor, 0));
        scale(&mut ours, 10, tens);
        scale(&mut theirs, 10, tens.saturating_neg());
        scale(&mut theirs, 2, exponent);
        scale(&mut ours, 2, exponent.saturating_neg());
        ours.cmp(&theirs)
    }

    /// Returns whether the magnitude rounds to a double above the one with these bits. At the
    /// midpoint between two doubles, the one with the even mantissa is the nearest.
    fn rounds_above(&self, bits: u64) -> bool {
        const MANTISSA_BITS: u32 = 52;
        let (field, fraction) = (bits >> MANTISSA_BITS, bits & ((1 << MANTISSA_BITS) - 1));
        let (mantissa, field) =
            if field == 0 { (fraction, 1) } else { (fraction | (1 << MANTISSA_BITS), field) };
        let exponent = i64::try_from(field).unwrap_or(0).saturating_sub(1076);
        match self.cmp_magnitude(mantissa.wrapping_mul(2).wrapping_add(1), exponent) {
            Ordering::Less => false,
            Ordering::Equal => mantissa % 2 == 1,
            Ordering::Greater => true,
        }
    }

    /// Returns the nearest double. `estimate` is a double near it.
    fn nearest_double(&self, estimate: f64) -> f64 {
        let magnitude = self.exponent.saturating_add(i64::try_from(self.digits.len()).unwrap_or(i64::MAX));
        if self.digits.is_empty() || magnitude < MIN_EXPONENT || !estimate.is_finite() {
            return estimate;
        }
        let mut bits = estimate.abs().to_bits();
        for _ in 0..MAX_STEPS {
            if self.rounds_above(bits) {
                bits = bits.saturating_add(1);
            } else if let Some(before) = bits.checked_sub(1).filter(|before| !self.rounds_above(*before)) {
                bits = before;
            } else {
                break;
            }
        }
        f64::from_bits(bits).copysign(estimate)
    }
}

fn saturated_exponent(exponent: &str) -> i64 {
    if exponent.starts_with('-') { i64::MIN } else { i64::MAX }
}

/// Returns the value of a JSON number that is an integer in the range of `i64` or `u64`: `1e3`,
/// `7.0`, `-0`.
pub(super) fn as_integer(text: &str) -> Option<Number> {
    Decimal::parse(text).as_integer()
}

/// Returns the double nearest to a JSON number; `None` if the text is not a number or the number is
/// too large.
pub(super) fn nearest_double(text: &str) -> Option<f64> {
    let estimate: Number = text.parse().ok()?;
    Some(Decimal::parse(text).nearest_double(estimate.as_f64()?))
}

/// Returns the numbers of a valid JSON document in document order, each with its byte offset.
pub(super) fn numbers(document: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = document.as_bytes();
    let mut position = 0_usize;
    std::iter::from_fn(move || {
        loop {
            let start = position;
            position = position.saturating_add(1);
            match bytes.get(start)? {
                b'"' => loop {
                    let byte = bytes.get(position)?;
                    // An escape has at least two octets, and the second can be a quotation mark.
                    position = position.saturating_add(if *byte == b'\\' { 2 } else { 1 });
                    if *byte == b'"' {
                        break;
                    }
                },
                b'-' | b'0'..=b'9' => {
                    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                    while bytes.get(position).is_some_and(is_part) {
                        position = position.saturating_add(1);
                    }
                    return Some((start, document.get(start..position)?));
                }
                _ => {}
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_integer_reads_each_notation_of_an_integer() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("0e999999999999999999999", "0"),
            ("0.000e-99999999999999999999", "0"),
            ("1.0", "1"),
            ("1e3", "1000"),
            ("1E+3", "1000"),
            ("1.5e1", "15"),
            ("1500e-2", "15"),
            ("-7.00", "-7"),
            ("9007199254740991.0", "9007199254740991"),
            ("9007199254740993.0", "9007199254740993"),
            ("900719925474099.3e1", "9007199254740993"),
            ("18446744073709551615.0", "18446744073709551615"),
            ("1844674407370955161500e-2", "18446744073709551615"),
            ("-9223372036854775808.0", "-9223372036854775808"),
        ] {
            assert_eq!(
                as_integer(text).map(|number| number.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for text in [
            "0.5",
            "1e-1",
            "1.00000000000000000000000001",
            "0.99999999999999999999999999",
            "4503599627370497.3",
            "1e-400",
            "1e-99999999999999999999",
            "18446744073709551616.0",
            "-9223372036854775809.0",
            "1e20",
            "1e308",
            "1e99999999999999999999",
        ] {
            assert!(as_integer(text).is_none(), "{text}");
        }
    }

    #[test]
    fn nearest_double_agrees_with_the_standard_library() {
        let mut texts: Vec<String> = [
            "0.1",
            "0.30000000000000004",
            "0.12345678901234567",
            "9007199254740992.5",
            "9007199254740993.5",
            "1.00000000000000011102230246251565404236316680908203125",
            "1.00000000000000011102230246251565404236316680908203124",
            "1.00000000000000011102230246251565404236316680908203126",
            "2.2250738585072011e-308",
            "2.2250738585072014e-308",
            "4.9e-324",
            "2.4703282292062327e-324",
            "2.4703282292062328e-324",
            "1e-324",
            "1e-400",
            "1.7976931348623157e308",
            "123456789012345678901234567890.5e-10",
            "-6.02214076e23",
            "8.988465674311580e307",
        ]
        .map(str::to_owned)
        .to_vec();
        texts.push(format!("1.{}1", "0".repeat(1000)));
        texts.push(format!("1.00000000000000011102230246251565404236316680908203125{}1", "0".repeat(900)));
        let mut seed = 1_u64;
        for _ in 0..2000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = f64::from_bits(seed & !(1 << 62));
            if value.is_finite() {
                texts.extend([format!("{value:e}"), format!("{value:.17e}"), format!("{value:.25e}")]);
            }
        }
        for text in texts {
            let expected: f64 = text.parse().unwrap();
            assert_eq!(nearest_double(&text).map(f64::to_bits), Some(expected.to_bits()), "{text}");
        }
        assert_eq!((nearest_double("1e309"), nearest_double("x")), (None, None));
    }

    #[test]
    fn numbers_ignores_strings() {
        let document = r#"{"1":-2,"a\"3":[4.5e+6,"7\\",8],"\\\\":"9\\\"10","é":0}"#;
        let found: Vec<_> = numbers(document).map(|(_, text)| text).collect();
        assert_eq!(found, ["-2", "4.5e+6", "8", "0"]);
        assert!(numbers(document).all(|(offset, text)| document[offset..].starts_with(text)));
    }
}
