//! The fields of Envoy's messages with the types that the checks need, from the API of Envoy 1.40.

/// Fields with a `Struct` or a map of strings: their members are not fields of Envoy's messages.
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

/// Fields with a map from strings to messages of Envoy.
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

/// Repeated fields. Envoy accepts a single value as a list of one.
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

/// A field with an enum.
struct EnumField {
    field: &'static str,
    /// The fields that contain the message, if other messages have a field of this name.
    within: &'static [&'static str],
    /// The numbers and the names of the values.
    names: &'static [(i64, &'static str)],
}

const ENUMS: [EnumField; 20] = [
    of("failure_policy", &[(0, "UNSPECIFIED"), (1, "FAIL_RELOAD"), (2, "FAIL_CLOSED"), (3, "FAIL_OPEN")]),
    // The `action` of RBAC. The `action` of a route is a message; others are enums with other
    // names.
    EnumField {
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
    // The `type` of a cluster. The `type` of other messages has another meaning.
    EnumField {
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

const fn of(field: &'static str, names: &'static [(i64, &'static str)]) -> EnumField {
    EnumField { field, within: &[], names }
}

/// The type of a field.
#[derive(Clone, Copy)]
pub(super) enum FieldType {
    Boolean,
    Integer,
    Duration,
    Enum(&'static [(i64, &'static str)]),
    Other,
}

/// Returns the type of a field; `within` is the name of the field that its message is in.
pub(super) fn type_of(field: &str, within: &str) -> FieldType {
    let is_field = |entry: &&EnumField| {
        entry.field == field && (entry.within.is_empty() || entry.within.contains(&within))
    };
    if let Some(found) = ENUMS.iter().find(is_field) {
        FieldType::Enum(found.names)
    } else if BOOLEANS.contains(&field) {
        FieldType::Boolean
    } else if INTEGERS.contains(&field) {
        FieldType::Integer
    } else if DURATIONS.contains(&field) {
        FieldType::Duration
    } else {
        FieldType::Other
    }
}

/// Reports whether a field has a `Struct` or a map of strings.
pub(super) fn is_opaque(field: &str, within: &str) -> bool {
    OPAQUE.contains(&field) || (field == "metadata" && within == "node")
}

/// Reports whether a field has a map from strings to messages.
pub(super) fn is_keyed(field: &str) -> bool {
    KEYED.contains(&field)
}

/// Reports whether a field is repeated.
pub(super) fn is_repeated(field: &str, within: &str) -> bool {
    // `rules` is repeated in the conditions of RBAC, and a message elsewhere.
    REPEATED.contains(&field) || (field == "rules" && matches!(within, "and_rules" | "or_rules"))
}
