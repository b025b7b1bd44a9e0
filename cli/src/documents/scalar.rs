//! Scalars as Envoy, Kubernetes and YAML 1.2 read them.
//!
//! Envoy (`source/common/protobuf/yaml_utility.cc`, yaml-cpp): text without quotes that is a boolean of YAML 1.1, or an
//! integer (decimal, octal with a leading zero, hexadecimal) of at most 32 bits, is that; everything else is a string.
//! Kubernetes (`sigs.k8s.io/yaml` 1.6.0, which has goyaml v2.4.2): YAML 1.1 without numbers to the base of 60, and with
//! 64 bits. YAML 1.2: the core schema. `tests/envoy/yaml.rs` compares the first with a real Envoy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value};

/// The prefix of tags like `!!str`.
const YAML: &str = "tag:yaml.org,2002:";
/// The tag that Envoy's parser gives to everything in quotes.
const NON_SPECIFIC: &str = "!";

/// A scalar as it is written.
#[derive(Clone, Copy)]
pub(super) struct Written<'a> {
    pub(super) text: &'a str,
    pub(super) is_plain: bool,
    pub(super) tag: Option<&'a str>,
}

pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

impl Written<'_> {
    /// Returns the value that Envoy reads.
    pub(super) fn to_envoy(self) -> Value {
        match (self.is_plain, self.tag) {
            (true, None) if is_null(self.text) => return Value::Null,
            (false, None) | (_, Some(NON_SPECIFIC)) => return self.text.into(),
            _ => {}
        }
        if let Some(value) = yaml_1_1_bool(self.text) {
            return value.into();
        }
        match cpp_integer(self.text) {
            Some(number) if i32::try_from(number).is_ok() => number.into(),
            Some(number) => number.to_string().into(),
            None => self.text.into(),
        }
    }

    /// Returns the value that Kubernetes reads, or the problem with the tag.
    pub(super) fn to_kubernetes(self) -> Result<Value, String> {
        let of_tag = match self.tag {
            None if !self.is_plain => return Ok(self.text.into()),
            None => None,
            Some(tag) => match tag.strip_prefix(YAML) {
                Some("binary") => return binary(self.text),
                Some("timestamp") if !is_timestamp(self.text) => return Err(wrong_tag(self.text)),
                Some(name @ ("bool" | "int" | "float" | "null")) => Some(name),
                Some(_) | None => return Ok(self.text.into()),
            },
        };
        let value = go_resolved(self.text)?;
        let is_of_tag = match of_tag {
            None => true,
            Some("bool") => value.is_boolean(),
            Some("null") => value.is_null(),
            Some("int") => value.as_i64().is_some() || value.as_u64().is_some(),
            Some(_) => value.is_number(),
        };
        if is_of_tag { Ok(value) } else { Err(wrong_tag(self.text)) }
    }

    /// Returns the value that a reader of YAML 1.2 reads.
    pub(super) fn to_core(self) -> Value {
        match (self.is_plain, self.tag.map(|tag| tag.strip_prefix(YAML))) {
            (true, None) | (_, Some(Some("bool" | "int" | "float" | "null"))) => core_resolved(self.text),
            _ => self.text.into(),
        }
    }

    /// Returns the name that Envoy reads where this is the key of a member: the text as it is written.
    pub(super) fn envoy_name(self) -> String {
        let is_null = self.is_plain && self.tag.is_none() && is_null(self.text);
        if is_null { "null".to_owned() } else { self.text.to_owned() }
    }

    /// Returns the name that Kubernetes reads where this is the key of a member, or why there is none.
    pub(super) fn kubernetes_name(self) -> Result<String, String> {
        match self.to_kubernetes()? {
            Value::String(name) => Ok(name),
            Value::Bool(value) => Ok(value.to_string()),
            Value::Number(number) if number.is_i64() && go_integer(self.text).is_some() => {
                Ok(number.to_string())
            }
            Value::Number(_) => Err("the name must not be such a number: put it in quotes".to_owned()),
            _ => Err("the name must not be null: put it in quotes".to_owned()),
        }
    }
}

/// Reads `yes`, `Yes` and `YES`, but not `yEs`. goyaml knows no other spellings than these either.
fn yaml_1_1_bool(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let rest = text.get(1..)?;
    let is_upper = text.bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_upper && rest.bytes().any(|byte| !byte.is_ascii_lowercase()) {
        return None;
    }
    match lower.as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

/// Reads an integer as a stream of C++ extracts it, without a base.
fn cpp_integer(text: &str) -> Option<i64> {
    // White space may follow, in a scalar with quotes and a tag.
    let text = text.trim_end_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let (is_negative, digits) = sign(text);
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    integer(is_negative, digits, radix).and_then(|number| i64::try_from(number).ok())
}

/// Splits off a sign, and says whether it is `-`.
fn sign(text: &str) -> (bool, &str) {
    match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(digits), _) => (true, digits),
        (None, Some(digits)) => (false, digits),
        (None, None) => (false, text),
    }
}

fn integer(is_negative: bool, digits: &str, radix: u32) -> Option<i128> {
    // `from_str_radix` takes a sign, too.
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let number = i128::from_str_radix(digits, radix).ok()?;
    Some(if is_negative { number.saturating_neg() } else { number })
}

/// Returns the value that goyaml v2 reads in plain text.
fn go_resolved(text: &str) -> Result<Value, String> {
    if is_null(text) {
        return Ok(Value::Null);
    }
    if let Some(value) = yaml_1_1_bool(text) {
        return Ok(value.into());
    }
    if is_no_number(text) {
        return Err(format!("Kubernetes does not accept the number {text}"));
    }
    let resolved = match text.bytes().next() {
        Some(b'.') => go_underscores(text).and_then(|text| decimal_float(&text)),
        Some(b'+' | b'-' | b'0'..=b'9') => go_number(&text.replace('_', "")),
        _ => None,
    };
    Ok(resolved.unwrap_or_else(|| text.into()))
}

/// Returns whether text is `.inf` or `.nan`, for which JSON has no number.
fn is_no_number(text: &str) -> bool {
    let (_, unsigned) = sign(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// Returns the text without underscores, if each of them is between digits.
fn go_underscores(text: &str) -> Option<String> {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let between = |index: usize| {
        is_digit(bytes.get(index.wrapping_sub(1))) && is_digit(bytes.get(index.saturating_add(1)))
    };
    let all = text.match_indices('_').all(|(index, _)| between(index));
    all.then(|| text.replace('_', ""))
}

/// Returns the number that goyaml v2 reads in text without underscores.
fn go_number(text: &str) -> Option<Value> {
    let is_unsigned = !text.starts_with(['+', '-']);
    match go_integer(text) {
        Some(number) if i64::try_from(number).is_ok() => i64::try_from(number).ok().map(Value::from),
        Some(number) if is_unsigned && u64::try_from(number).is_ok() => {
            u64::try_from(number).ok().map(Value::from)
        }
        _ => decimal_float(text),
    }
}

/// Reads an integer in one of Go's spellings.
fn go_integer(text: &str) -> Option<i128> {
    let text = text.replace('_', "");
    let (is_negative, digits) = sign(&text);
    let prefixed = |prefix: &str, radix| {
        let digits =
            digits.get(..2).filter(|start| start.eq_ignore_ascii_case(prefix)).and(digits.get(2..))?;
        integer(is_negative, digits, radix)
    };
    let octal = || if digits.starts_with('0') { integer(is_negative, digits, 8) } else { None };
    let decimal = || if digits.starts_with('0') { None } else { integer(is_negative, digits, 10) };
    prefixed("0x", 16)
        .or_else(|| prefixed("0o", 8))
        .or_else(|| prefixed("0b", 2))
        .or_else(octal)
        .or_else(decimal)
}

/// Returns a float as it arrives after Kubernetes has written it as JSON: without a fraction, it is an integer.
fn decimal_float(text: &str) -> Option<Value> {
    let number = finite(text)?;
    let whole = number.fract() == 0.0 && number.abs() < 1e18 && !(number == 0.0 && number.is_sign_negative());
    if whole {
        return format!("{number:.0}").parse::<i64>().ok().map(Value::from);
    }
    Number::from_f64(number).map(Value::Number)
}

/// Reads `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, the float of YAML 1.2, which goyaml uses, too.
fn finite(text: &str) -> Option<f64> {
    let (_, unsigned) = sign(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(sign(exponent).1)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let exponent_fits = exponent.is_none_or(|exponent| !exponent.is_empty() && are_digits(exponent));
    if !(has_digits && are_digits(whole) && are_digits(fraction) && exponent_fits) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Returns the value of plain text by the core schema (YAML 1.2.2 section 10.3.2).
fn core_resolved(text: &str) -> Value {
    if is_null(text) {
        return Value::Null;
    }
    match text {
        "true" | "True" | "TRUE" => return true.into(),
        "false" | "False" | "FALSE" => return false.into(),
        _ => {}
    }
    let (is_negative, digits) = sign(text);
    let number = match (text.strip_prefix("0o"), text.strip_prefix("0x")) {
        (Some(digits), _) => integer(false, digits, 8),
        (_, Some(digits)) => integer(false, digits, 16),
        _ => integer(is_negative, digits, 10),
    };
    let exact = number.and_then(|number| {
        let signed = i64::try_from(number).ok().map(Value::from);
        signed.or_else(|| u64::try_from(number).ok().map(Value::from))
    });
    exact
        .or_else(|| finite(text).and_then(Number::from_f64).map(Value::Number))
        .unwrap_or_else(|| text.into())
}

fn wrong_tag(text: &str) -> String {
    format!("{text:?} does not have the type of its tag")
}

/// Reports whether text looks like a time, which Kubernetes leaves as text.
fn is_timestamp(text: &str) -> bool {
    text.split_once('-')
        .is_some_and(|(year, _)| year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()))
}

fn binary(text: &str) -> Result<Value, String> {
    let text: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(text).map_err(|_| "!!binary must be base64".to_owned())?;
    String::from_utf8(bytes).map(Value::from).map_err(|_| "!!binary must be UTF-8".to_owned())
}
