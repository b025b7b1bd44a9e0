//! Numbers as a document writes them, read to the last digit.
//!
//! serde_json hands a number with a point or an exponent on as a double, and not always as the nearest one. A claim such as
//! `9007199254740991.0` must equal 9007199254740991 and no other number, so the text of such a number is read here.

use std::cmp::Ordering;

use super::{Number, big::Big};

/// A number as JSON writes it (RFC 8259 section 6): `digits` times ten to the power of `exponent`.
struct Decimal {
    is_negative: bool,
    /// Values from 0 to 9; neither the first nor the last is 0. None at all is the number 0.
    digits: Vec<u8>,
    exponent: i64,
}

/// The midpoint between two doubles has fewer significant digits than this, so the digits behind only tell whether a number
/// is above it.
const MAX_DIGITS: usize = 800;
/// Every positive double is larger than ten to this power.
const MIN_EXPONENT: i64 = -330;
/// How often the result of serde_json moves to the next double. It is off by a few.
const MAX_STEPS: usize = 64;

impl Decimal {
    fn read(text: &str) -> Self {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (text, exponent) = match text.split_once(['e', 'E']) {
            // Larger exponents than an `i64` has belong to 0, or to numbers that serde_json rejects or reads as 0.
            Some((text, exponent)) => (text, exponent.parse().unwrap_or(exponent_beyond(exponent))),
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

    /// Returns the number, if it is a whole one in the range of `u64` and `i64`.
    fn whole(&self) -> Option<Number> {
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

    /// Compares the magnitude with `mantissa` times two to the power of `exponent`.
    fn cmp_magnitude(&self, mantissa: u64, exponent: i64) -> Ordering {
        let power = |exponent: i64| usize::try_from(exponent).unwrap_or(0);
        let (mut ours, mut theirs) = (Big::default(), Big::from(mantissa));
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
            |big: &mut Big, factor, times| (0..power(times)).for_each(|_| big.multiply_add(factor, 0));
        scale(&mut ours, 10, tens);
        scale(&mut theirs, 10, tens.saturating_neg());
        scale(&mut theirs, 2, exponent);
        scale(&mut ours, 2, exponent.saturating_neg());
        ours.cmp(&theirs)
    }

    /// Compares the magnitude with the middle between a double and the next larger one; at the middle, the double with the
    /// even mantissa is the nearest.
    fn is_nearer_to_next(&self, bits: u64) -> bool {
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

    /// Returns the nearest double, from one that is close.
    fn nearest(&self, close: f64) -> f64 {
        let magnitude = self.exponent.saturating_add(i64::try_from(self.digits.len()).unwrap_or(i64::MAX));
        if self.digits.is_empty() || magnitude < MIN_EXPONENT || !close.is_finite() {
            return close;
        }
        let mut bits = close.abs().to_bits();
        for _ in 0..MAX_STEPS {
            if self.is_nearer_to_next(bits) {
                bits = bits.saturating_add(1);
            } else if let Some(before) = bits.checked_sub(1).filter(|before| !self.is_nearer_to_next(*before))
            {
                bits = before;
            } else {
                break;
            }
        }
        f64::from_bits(bits).copysign(close)
    }
}

fn exponent_beyond(exponent: &str) -> i64 {
    if exponent.starts_with('-') { i64::MIN } else { i64::MAX }
}

/// Returns the number that a text is, if it is a whole one in the range of `u64` and `i64`: `1e3`, `7.0`, `-0`.
pub(super) fn whole(text: &str) -> Option<Number> {
    Decimal::read(text).whole()
}

/// Returns the double that is nearest to a number; `None` for a text that is none, or one that is too large.
pub(super) fn nearest(text: &str) -> Option<f64> {
    let close: Number = text.parse().ok()?;
    Some(Decimal::read(text).nearest(close.as_f64()?))
}

/// Yields the numbers of a valid JSON document, in their order, each with the place where it begins.
pub(super) fn numbers(document: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = document.as_bytes();
    let mut at = 0_usize;
    std::iter::from_fn(move || {
        loop {
            let start = at;
            at = at.saturating_add(1);
            match bytes.get(start)? {
                b'"' => loop {
                    let byte = bytes.get(at)?;
                    // An escape has two octets at least, and the second can be the quote.
                    at = at.saturating_add(if *byte == b'\\' { 2 } else { 1 });
                    if *byte == b'"' {
                        break;
                    }
                },
                b'-' | b'0'..=b'9' => {
                    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                    while bytes.get(at).is_some_and(is_part) {
                        at = at.saturating_add(1);
                    }
                    return Some((start, document.get(start..at)?));
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
    fn whole_reads_each_spelling_of_a_whole_number() {
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
            assert_eq!(whole(text).map(|number| number.to_string()).as_deref(), Some(expected), "{text}");
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
            assert!(whole(text).is_none(), "{text}");
        }
    }

    #[test]
    fn nearest_agrees_with_the_standard_library() {
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
            assert_eq!(nearest(&text).map(f64::to_bits), Some(expected.to_bits()), "{text}");
        }
        assert_eq!((nearest("1e309"), nearest("x")), (None, None));
    }

    #[test]
    fn numbers_are_found_outside_strings_only() {
        let document = r#"{"1":-2,"a\"3":[4.5e+6,"7\\",8],"\\\\":"9\\\"10","é":0}"#;
        let found: Vec<_> = numbers(document).map(|(_, text)| text).collect();
        assert_eq!(found, ["-2", "4.5e+6", "8", "0"]);
        assert!(numbers(document).all(|(at, text)| document[at..].starts_with(text)));
    }
}
