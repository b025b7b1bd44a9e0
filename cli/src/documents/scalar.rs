//! Scalars as Envoy, Kubernetes and YAML 1.2 read them.
//!
//! - Envoy (`source/common/protobuf/yaml_utility.cc`, yaml-cpp) reads plain text as a boolean of
//!   YAML 1.1, or as an integer of at most 32 bits (decimal, octal with a leading zero,
//!   hexadecimal). Everything else is a string. `tests/envoy/yaml.rs` compares this reader with
//!   Envoy.
//! - Kubernetes (`sigs.k8s.io/yaml` 1.6.0 with goyaml v2.4.2) reads YAML 1.1 without sexagesimal
//!   numbers, with integers of 64 bits.
//! - YAML 1.2 is the core schema.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value};

/// The prefix of tags such as `!!str`.
const YAML_TAG_PREFIX: &str = "tag:yaml.org,2002:";
/// The tag that Envoy's parser gives to scalars in quotes.
const NON_SPECIFIC: &str = "!";

/// A scalar before its reader interprets it.
#[derive(Clone, Copy)]
pub(super) struct RawScalar<'a> {
    pub(super) text: &'a str,
    pub(super) is_plain: bool,
    pub(super) tag: Option<&'a str>,
}

/// Reports whether all readers read this plain text as null.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

impl RawScalar<'_> {
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
        let tag_type = match self.tag {
            None if !self.is_plain => return Ok(self.text.into()),
            None => None,
            Some(tag) => match tag.strip_prefix(YAML_TAG_PREFIX) {
                Some("binary") => return binary(self.text),
                Some("timestamp") if !is_timestamp(self.text) => return Err(tag_error(self.text)),
                Some(name @ ("bool" | "int" | "float" | "null")) => Some(name),
                Some(_) | None => return Ok(self.text.into()),
            },
        };
        let value = go_resolved(self.text)?;
        let is_of_tag = match tag_type {
            None => true,
            Some("bool") => value.is_boolean(),
            Some("null") => value.is_null(),
            Some("int") => value.as_i64().is_some() || value.as_u64().is_some(),
            Some(_) => value.is_number(),
        };
        if is_of_tag { Ok(value) } else { Err(tag_error(self.text)) }
    }

    /// Returns the value that a reader of YAML 1.2 reads.
    pub(super) fn to_core(self) -> Value {
        match (self.is_plain, self.tag.map(|tag| tag.strip_prefix(YAML_TAG_PREFIX))) {
            (true, None) | (_, Some(Some("bool" | "int" | "float" | "null"))) => core_resolved(self.text),
            _ => self.text.into(),
        }
    }

    /// Returns the name that Envoy reads if this is the key of a member.
    pub(super) fn envoy_name(self) -> String {
        let is_null = self.is_plain && self.tag.is_none() && is_null(self.text);
        if is_null { "null".to_owned() } else { self.text.to_owned() }
    }

    /// Returns the name that Kubernetes reads if this is the key of a member, or the problem.
    pub(super) fn kubernetes_name(self) -> Result<String, String> {
        match self.to_kubernetes()? {
            Value::String(name) => Ok(name),
            Value::Bool(value) => Ok(value.to_string()),
            Value::Number(number) if number.is_i64() && go_integer(self.text).is_some() => {
                Ok(number.to_string())
            }
            Value::Number(_) => {
                Err("the name must not be a large number or a fraction; put it in quotes".to_owned())
            }
            _ => Err("the name must not be null; put it in quotes".to_owned()),
        }
    }
}

/// Parses a boolean of YAML 1.1: `yes`, `Yes` and `YES`, but not `yEs`. Envoy and goyaml agree.
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

/// Parses an integer as a C++ stream without a base does.
fn cpp_integer(text: &str) -> Option<i64> {
    // A scalar with quotes and a tag may have trailing white space.
    let text = text.trim_end_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let (is_negative, digits) = split_sign(text);
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    integer(is_negative, digits, radix).and_then(|number| i64::try_from(number).ok())
}

/// Splits off the sign. The boolean reports `-`.
fn split_sign(text: &str) -> (bool, &str) {
    match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(digits), _) => (true, digits),
        (None, Some(digits)) => (false, digits),
        (None, None) => (false, text),
    }
}

fn integer(is_negative: bool, digits: &str, radix: u32) -> Option<i128> {
    // `from_str_radix` also accepts a sign.
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let number = i128::from_str_radix(digits, radix).ok()?;
    Some(if is_negative { number.saturating_neg() } else { number })
}

/// Resolves plain text as goyaml v2 does.
fn go_resolved(text: &str) -> Result<Value, String> {
    if is_null(text) {
        return Ok(Value::Null);
    }
    if let Some(value) = yaml_1_1_bool(text) {
        return Ok(value.into());
    }
    if is_infinity_or_nan(text) {
        return Err(format!("Kubernetes does not accept the number {text}"));
    }
    let resolved = match text.bytes().next() {
        Some(b'.') => remove_underscores(text).and_then(|text| decimal_float(&text)),
        Some(b'+' | b'-' | b'0'..=b'9') => go_number(&text.replace('_', "")),
        _ => None,
    };
    Ok(resolved.unwrap_or_else(|| text.into()))
}

/// Reports whether text is `.inf` or `.nan`, which JSON cannot represent.
fn is_infinity_or_nan(text: &str) -> bool {
    let (_, unsigned) = split_sign(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// Removes underscores, if each is between digits.
fn remove_underscores(text: &str) -> Option<String> {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let between = |index: usize| {
        is_digit(bytes.get(index.wrapping_sub(1))) && is_digit(bytes.get(index.saturating_add(1)))
    };
    let all = text.match_indices('_').all(|(index, _)| between(index));
    all.then(|| text.replace('_', ""))
}

/// Parses a number without underscores as goyaml v2 does.
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

/// Parses an integer in one of the forms of Go.
fn go_integer(text: &str) -> Option<i128> {
    let text = text.replace('_', "");
    let (is_negative, digits) = split_sign(&text);
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

/// Parses a float. Kubernetes converts YAML to JSON, where a float without a fraction is an
/// integer.
fn decimal_float(text: &str) -> Option<Value> {
    let number = finite_float(text)?;
    let whole = number.fract() == 0.0 && number.abs() < 1e18 && !(number == 0.0 && number.is_sign_negative());
    if whole {
        return format!("{number:.0}").parse::<i64>().ok().map(Value::from);
    }
    Number::from_f64(number).map(Value::Number)
}

/// Parses a finite float of YAML 1.2: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`. goyaml
/// uses the same expression.
fn finite_float(text: &str) -> Option<f64> {
    let (_, unsigned) = split_sign(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(split_sign(exponent).1)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let is_exponent = exponent.is_none_or(|exponent| !exponent.is_empty() && are_digits(exponent));
    if !(has_digits && are_digits(whole) && are_digits(fraction) && is_exponent) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Resolves plain text with the core schema (YAML 1.2.2 section 10.3.2).
fn core_resolved(text: &str) -> Value {
    if is_null(text) {
        return Value::Null;
    }
    match text {
        "true" | "True" | "TRUE" => return true.into(),
        "false" | "False" | "FALSE" => return false.into(),
        _ => {}
    }
    let (is_negative, digits) = split_sign(text);
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
        .or_else(|| finite_float(text).and_then(Number::from_f64).map(Value::Number))
        .unwrap_or_else(|| text.into())
}

fn tag_error(text: &str) -> String {
    format!("{text:?} does not match its tag")
}

/// Reports whether text looks like a timestamp, which Kubernetes reads as a string.
fn is_timestamp(text: &str) -> bool {
    text.split_once('-')
        .is_some_and(|(year, _)| year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Decodes a `!!binary` scalar.
fn binary(text: &str) -> Result<Value, String> {
    let text: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(text).map_err(|_| "!!binary must be base64".to_owned())?;
    String::from_utf8(bytes).map(Value::from).map_err(|_| "!!binary must be UTF-8".to_owned())
}
