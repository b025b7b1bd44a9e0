//! Names of Envoy's messages, and as much of their types as the checks need. The API is that of Envoy 1.40.

use std::borrow::Cow;

/// Fields whose value is a `Struct` or a map of strings: nothing in it is a name of Envoy's.
const OPAQUE: [&str; 9] = [
    "filter_metadata",
    "static_layer",
    "json_format",
    "key_values",
    "context_extensions",
    "default_subset",
    "extension_protocol_options",
    "labels",
    "annotations",
];

/// Fields whose value is a map with keys of the author, and messages of Envoy's behind them.
const KEYED: [&str; 8] = [
    "typed_per_filter_config",
    "typed_filter_metadata",
    "typed_extension_protocol_options",
    "policies",
    "map",
    "providers",
    "requirement_map",
    "source_codes",
];

/// Fields with lists. Envoy takes a single value for a list of one.
const REPEATED: [&str; 47] = [
    "access_log",
    "additional_addresses",
    "alpn_protocols",
    "clusters",
    "custom_tags",
    "domains",
    "early_header_mutation_extensions",
    "endpoints",
    "filter_chains",
    "filters",
    "headers",
    "http_filters",
    "ids",
    "layers",
    "lb_endpoints",
    "listener_filters",
    "listeners",
    "mappers",
    "match_subject_alt_names",
    "match_typed_subject_alt_names",
    "matchers",
    "original_ip_detection_extensions",
    "permissions",
    "prefix_ranges",
    "principals",
    "query_parameters",
    "request_headers_to_add",
    "request_headers_to_remove",
    "request_mutations",
    "resources",
    "response_headers_to_add",
    "response_headers_to_remove",
    "response_mutations",
    "retry_host_predicate",
    "routes",
    "secrets",
    "server_names",
    "thresholds",
    "tls_certificates",
    "tls_certificate_sds_secret_configs",
    "transport_socket_matches",
    "type_urls",
    "upgrade_configs",
    "verify_certificate_hash",
    "verify_certificate_spki",
    "virtual_clusters",
    "virtual_hosts",
];

/// Fields with a boolean or a `BoolValue`.
const BOOLEANS: [&str; 32] = [
    "allow_expired_certificate",
    "allow_on_headers_stop_iteration",
    "allow_renegotiation",
    "any",
    "append_x_forwarded_host",
    "auto_host_sni",
    "auto_san_validation",
    "auto_sni",
    "auto_sni_san_validation",
    "case_sensitive",
    "clear_route_cache",
    "disabled",
    "fail_open",
    "ignore_case",
    "ignore_health_on_host_removal",
    "ignore_port_in_host_matching",
    "invert_match",
    "is_optional",
    "keep_empty_value",
    "merge_slashes",
    "most_specific_header_mutations_wins",
    "normalize_path",
    "nack_on_code_cache_miss",
    "optional",
    "present_match",
    "proxy_100_continue",
    "require_client_certificate",
    "skip_if_empty",
    "skip_xff_append",
    "strip_any_host_port",
    "strip_trailing_host_dot",
    "use_remote_address",
];

/// Fields with an integer or a wrapper of one.
const INTEGERS: [&str; 5] =
    ["max_internal_redirects", "max_request_headers_kb", "port_value", "status", "xff_num_trusted_hops"];

/// Fields with a `Duration`.
const DURATIONS: [&str; 11] = [
    "connect_timeout",
    "delayed_close_timeout",
    "drain_timeout",
    "idle_timeout",
    "max_connection_duration",
    "max_stream_duration",
    "request_headers_timeout",
    "request_timeout",
    "route_idle_timeout",
    "stream_idle_timeout",
    "timeout",
];

/// A field with an enum, the names of its numbers, and the messages that the field is in, if others have the same name.
struct Enum {
    field: &'static str,
    within: &'static [&'static str],
    names: &'static [(i64, &'static str)],
}

const ENUMS: [Enum; 20] = [
    of("failure_policy", &[(0, "UNSPECIFIED"), (1, "FAIL_RELOAD"), (2, "FAIL_CLOSED"), (3, "FAIL_OPEN")]),
    // RBAC's. The field `action` of a route is a message, that of others is an enum with other names.
    Enum {
        field: "action",
        within: &["rules", "shadow_rules", "typed_config", "action"],
        names: &[(0, "ALLOW"), (1, "DENY"), (2, "LOG")],
    },
    of(
        "path_with_escaped_slashes_action",
        &[
            (0, "IMPLEMENTATION_SPECIFIC_DEFAULT"),
            (1, "KEEP_UNCHANGED"),
            (2, "REJECT_REQUEST"),
            (3, "UNESCAPE_AND_REDIRECT"),
            (4, "UNESCAPE_AND_FORWARD"),
        ],
    ),
    of("headers_with_underscores_action", &[(0, "ALLOW"), (1, "REJECT_REQUEST"), (2, "DROP_HEADER")]),
    of("trust_chain_verification", &[(0, "VERIFY_TRUST_CHAIN"), (1, "ACCEPT_UNTRUSTED")]),
    of(
        "san_type",
        &[
            (0, "SAN_TYPE_UNSPECIFIED"),
            (1, "EMAIL"),
            (2, "DNS"),
            (3, "URI"),
            (4, "IP_ADDRESS"),
            (5, "OTHER_NAME"),
        ],
    ),
    // A cluster's. The field `type` of other messages is something else.
    Enum {
        field: "type",
        within: &["", "clusters", "resources", "resource", "cluster"],
        names: &[(0, "STATIC"), (1, "STRICT_DNS"), (2, "LOGICAL_DNS"), (3, "EDS"), (4, "ORIGINAL_DST")],
    },
    of(
        "lb_policy",
        &[
            (0, "ROUND_ROBIN"),
            (1, "LEAST_REQUEST"),
            (2, "RING_HASH"),
            (3, "RANDOM"),
            (5, "MAGLEV"),
            (6, "CLUSTER_PROVIDED"),
            (7, "LOAD_BALANCING_POLICY_CONFIG"),
        ],
    ),
    of("dns_lookup_family", &[(0, "AUTO"), (1, "V4_ONLY"), (2, "V6_ONLY"), (3, "V4_PREFERRED"), (4, "ALL")]),
    of("codec_type", &[(0, "AUTO"), (1, "HTTP1"), (2, "HTTP2"), (3, "HTTP3")]),
    of(
        "forward_client_cert_details",
        &[
            (0, "SANITIZE"),
            (1, "FORWARD_ONLY"),
            (2, "APPEND_FORWARD"),
            (3, "SANITIZE_SET"),
            (4, "ALWAYS_FORWARD_ONLY"),
        ],
    ),
    of("server_header_transformation", &[(0, "OVERWRITE"), (1, "APPEND_IF_ABSENT"), (2, "PASS_THROUGH")]),
    of("tls_minimum_protocol_version", TLS_VERSIONS),
    of("tls_maximum_protocol_version", TLS_VERSIONS),
    of("require_tls", &[(0, "NONE"), (1, "EXTERNAL_ONLY"), (2, "ALL")]),
    of(
        "append_action",
        &[
            (0, "APPEND_IF_EXISTS_OR_ADD"),
            (1, "ADD_IF_ABSENT"),
            (2, "OVERWRITE_IF_EXISTS_OR_ADD"),
            (3, "OVERWRITE_IF_EXISTS"),
        ],
    ),
    of("shared_with_upstream", &[(0, "NONE"), (1, "ONCE"), (2, "TRANSITIVE")]),
    of(
        "api_type",
        &[
            (0, "DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE"),
            (1, "REST"),
            (2, "GRPC"),
            (3, "DELTA_GRPC"),
            (5, "AGGREGATED_GRPC"),
            (6, "AGGREGATED_DELTA_GRPC"),
        ],
    ),
    of("resource_api_version", API_VERSIONS),
    of("transport_api_version", API_VERSIONS),
];

const TLS_VERSIONS: &[(i64, &str)] =
    &[(0, "TLS_AUTO"), (1, "TLSv1_0"), (2, "TLSv1_1"), (3, "TLSv1_2"), (4, "TLSv1_3")];
const API_VERSIONS: &[(i64, &str)] = &[(0, "AUTO"), (1, "V2"), (2, "V3")];

const fn of(field: &'static str, names: &'static [(i64, &'static str)]) -> Enum {
    Enum { field, within: &[], names }
}

/// The type of a field, as far as it matters.
#[derive(Clone, Copy)]
pub(super) enum Type {
    Boolean,
    Integer,
    Duration,
    Enum(&'static [(i64, &'static str)]),
    Other,
}

/// Returns the type of a field; `within` is the name of the field that its message is in.
pub(super) fn type_of(field: &str, within: &str) -> Type {
    let of_field =
        |one: &&Enum| one.field == field && (one.within.is_empty() || one.within.contains(&within));
    if let Some(found) = ENUMS.iter().find(of_field) {
        Type::Enum(found.names)
    } else if BOOLEANS.contains(&field) {
        Type::Boolean
    } else if INTEGERS.contains(&field) {
        Type::Integer
    } else if DURATIONS.contains(&field) {
        Type::Duration
    } else {
        Type::Other
    }
}

pub(super) fn is_opaque(field: &str, within: &str) -> bool {
    OPAQUE.contains(&field) || (field == "metadata" && within == "node")
}

pub(super) fn is_keyed(field: &str) -> bool {
    KEYED.contains(&field)
}

pub(super) fn is_repeated(field: &str, within: &str) -> bool {
    // RBAC's conditions; its `rules` elsewhere are a message.
    REPEATED.contains(&field) || (field == "rules" && matches!(within, "and_rules" | "or_rules"))
}

/// Returns the name that a field has in the `.proto` file; `failOpen` is `fail_open`.
///
/// Envoy knows a field by this name and by its lowerCamelCase form, and by no other.
pub(super) fn snake_case(name: &str) -> Cow<'_, str> {
    let is_camel_case = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && name.bytes().any(|byte| byte.is_ascii_uppercase());
    if !is_camel_case {
        return name.into();
    }
    let mut snake = String::with_capacity(name.len().saturating_add(4));
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake.into()
}
