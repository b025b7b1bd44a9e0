//! The documentation of each field: the filter enforces its range, uses its default, and accepts
//! its example.

use okta_authz_filter::config::Config;
use serde_json::{Value, json};

use super::schema;
use super::sections::{configuration, merged, section};

/// The parts of a description: a text, and a list of `Range`, `Default` and `Example`.
pub(super) struct Documented {
    pub(super) meaning: String,
    pub(super) range: Option<String>,
    pub(super) default: Option<String>,
    /// YAML, without backticks.
    pub(super) example: Option<String>,
}

impl Documented {
    /// Splits the description of a schema.
    pub(super) fn of(value: &Value) -> Self {
        let text = value["description"].as_str().unwrap_or_default();
        let (meaning, items) = text.split_once("\n- ").unwrap_or((text, ""));
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let item = |label: &str| {
            let mut items = items.split("\n- ").map(one_line);
            items.find_map(|item| item.strip_prefix(label)?.strip_prefix(": ").map(str::to_owned))
        };
        let example = item("Example").map(|example| {
            let yaml = example.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
            yaml.unwrap_or_else(|| panic!("no backticks around {example}")).to_owned()
        });
        Self { meaning: one_line(meaning), range: item("Range"), default: item("Default"), example }
    }
}

/// Parts of a key that are useless without the others: tests/config has whole keys.
const PARTS_OF_KEYS: [&str; 7] = ["alg", "crv", "e", "kty", "n", "x", "y"];

/// Returns every field as the name of its section (empty for the top level), its name and its
/// schema.
fn fields(schema: &Value) -> Vec<(&str, &str, &Value)> {
    let definitions = schema["$defs"].as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value));
    let objects = definitions.chain([("", schema)]);
    objects
        .flat_map(|(section, object)| {
            let members = object["properties"].as_object().into_iter().flatten();
            members.map(move |(name, value)| (section, name.as_str(), value))
        })
        .filter(|(section, name, _)| *section != "Jwk" || !PARTS_OF_KEYS.contains(name))
        .collect()
}

/// Returns the error of a configuration in which a field has this value.
fn error(at: &str, field: &str, value: &Value) -> Option<okta_authz_filter::config::ConfigError> {
    let object = merged(section(at, field), json!({ field: value }));
    Config::from_bytes(configuration(at, object).to_string().as_bytes()).err()
}

#[test]
fn documented_example_is_accepted() {
    let schema = schema();
    let mut checked = 0;
    for (section, field, value) in fields(&schema) {
        let example =
            Documented::of(value).example.unwrap_or_else(|| panic!("{section}.{field} has no example"));
        let example: Value = serde_saphyr::from_str(&example)
            .unwrap_or_else(|error| panic!("{section}.{field}: {example} is not YAML: {error}"));
        let error = error(section, field, &example);
        assert_eq!(error, None, "{section}.{field}: {example}");
        checked += 1;
    }
    assert!(checked > 100, "{checked}");
}

/// Returns the value of a default that does not depend on other fields: `` `25165824` (24 MiB) ``.
fn default_value(default: &str) -> Option<Value> {
    let (value, rest) = default.strip_prefix('`')?.split_once('`')?;
    let issuer = "https://acme.okta.com/oauth2/default";
    let is_whole = rest.is_empty() || rest.starts_with(" (");
    is_whole.then(|| serde_saphyr::from_str(&value.replace("{issuer}", issuer)).unwrap())
}

#[test]
fn documented_default_is_the_default() {
    let schema = schema();
    let mut checked = Vec::new();
    for (at, field, value) in fields(&schema) {
        let Some(default) = Documented::of(value).default.as_deref().and_then(default_value) else {
            continue;
        };
        // `public: false` and `deny: false` need another field beside them.
        let without = section(at, if ["public", "deny"].contains(&field) { "" } else { field });
        let with = merged(without.clone(), json!({ field: default }));
        let [without, with] = [without, with].map(|object| {
            let config = Config::from_bytes(configuration(at, object).to_string().as_bytes());
            config.unwrap_or_else(|error| panic!("{at}.{field}: {error}"))
        });
        assert_eq!(format!("{without:?}"), format!("{with:?}"), "{at}.{field}: the default is not {default}");
        checked.push(field);
    }
    for field in ["max_token_bytes", "algorithms", "clock_skew", "uri", "realm", "groups_claim"] {
        assert!(checked.contains(&field), "{field} of {checked:?}");
    }
    assert!(checked.len() > 25, "{checked:?}");
}

/// Returns the bounds that a range begins with: `` `1s` to `1d` ``, `1 to 128 bytes`.
fn bounds(range: &str) -> Option<(String, String)> {
    let mut words = range.split_whitespace();
    let (low, to, high) = (words.next()?, words.next()?, words.next()?);
    let bare = |word: &str| word.trim_matches(['`', ',']).replace(',', "");
    let is_bound = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
    let (low, high) = (bare(low), bare(high));
    (to == "to" && is_bound(&low) && is_bound(&high)).then_some((low, high))
}

fn milliseconds(duration: &str) -> u64 {
    let unit_at = duration.find(|c: char| c.is_ascii_alphabetic()).unwrap();
    let (number, unit) = duration.split_at(unit_at);
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => panic!("{duration}"),
    };
    number.parse::<u64>().unwrap() * unit
}

/// Returns a value of this size: a duration in milliseconds, a number, or a text or list of this
/// length.
fn sized(field: &str, value: &Value, size: u64) -> Value {
    let length = usize::try_from(size).unwrap();
    let filled = |begin: &str| {
        let begin = &begin[..begin.len().min(length)];
        json!(format!("{begin}{}", "x".repeat(length - begin.len())))
    };
    match (value["type"].as_str(), field) {
        (None, _) => json!(format!("{size}ms")),
        (Some("integer"), _) => json!(size),
        (Some("string"), "content_type") => filled("a/"),
        (Some("string"), "template") => filled("{a}"),
        (Some("string"), _) => filled(""),
        (Some("array"), "entries") => (0..length).map(|n| json!({ "jti": n.to_string() })).collect(),
        (Some("array"), "keys") => {
            let key = |n: usize| merged(section("Jwk", ""), json!({ "kid": n.to_string() }));
            (0..length).map(key).collect()
        }
        (kind, _) => panic!("{field}: {kind:?}"),
    }
}

#[test]
fn documented_range_is_enforced() {
    let schema = schema();
    let mut checked = Vec::new();
    for (section, field, value) in fields(&schema) {
        let Some((low, high)) = Documented::of(value).range.as_deref().and_then(bounds) else { continue };
        let is_duration = value["$ref"] == "#/$defs/Duration";
        let size = |bound: &str| if is_duration { milliseconds(bound) } else { bound.parse().unwrap() };
        let (low, high) = (size(&low), size(&high));
        for inside in [low, high] {
            let error = error(section, field, &sized(field, value, inside));
            assert_eq!(error, None, "{section}.{field}: {inside}");
        }
        let above = high + if is_duration { 1_000 } else { 1 };
        for outside in low.checked_sub(1).into_iter().chain([above]) {
            let error = error(section, field, &sized(field, value, outside));
            let path = error.unwrap_or_else(|| panic!("{section}.{field}: {outside} is accepted")).path;
            // The filter reports a key that it cannot use as a problem of the whole set.
            let expected = if ["kid", "keys"].contains(&field) { "local_jwks" } else { field };
            assert!(path.ends_with(expected), "{section}.{field}: {outside}: the error is at {path}");
        }
        checked.push(field);
    }
    for field in ["timeout", "clock_skew", "max_token_bytes", "realm", "body", "entries", "keys", "template"]
    {
        assert!(checked.contains(&field), "{field} of {checked:?}");
    }
    assert!(checked.len() >= 22, "{checked:?}");
}
