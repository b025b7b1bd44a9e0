//! envoy.yaml, the reference configuration, with changes: ports, plugin configuration, filters.
//!
//! Tests change the parsed document, so everything else is the file that operators copy.

use std::path::Path;

use serde_json::{Value, json};

/// Envoy's configuration.
#[derive(Clone)]
pub struct EnvoyConfig(Value);

impl EnvoyConfig {
    /// Returns the reference configuration, on free ports of the loopback interface.
    pub fn reference() -> Self {
        let text = std::fs::read_to_string(super::root().join("envoy.yaml")).expect("envoy.yaml");
        let config = serde_saphyr::from_str(&text).expect("envoy.yaml is YAML");
        Self(config).listen("127.0.0.1", 0).admin(0)
    }

    /// Returns the reference configuration without changes.
    pub fn unchanged() -> Self {
        let text = std::fs::read_to_string(super::root().join("envoy.yaml")).expect("envoy.yaml");
        Self(serde_saphyr::from_str(&text).expect("envoy.yaml is YAML"))
    }

    /// Returns another configuration of the repository, on free ports of the loopback interface.
    pub fn of_file(file: &str) -> Self {
        let text = std::fs::read_to_string(super::root().join(file)).expect(file);
        let mut config: Value = serde_saphyr::from_str(&text).expect(file);
        for listener in config["static_resources"]["listeners"].as_array_mut().expect("listeners") {
            listener["address"]["socket_address"] = json!({ "address": "127.0.0.1", "port_value": 0 });
        }
        Self(config).admin(0)
    }

    /// Sets the address of the first listener.
    pub fn listen(mut self, address: &str, port: u16) -> Self {
        self.0["static_resources"]["listeners"][0]["address"]["socket_address"] =
            json!({ "address": address, "port_value": port });
        self
    }

    /// Sets the port of the admin interface.
    pub fn admin(mut self, port: u16) -> Self {
        self.0["admin"]["address"]["socket_address"] = json!({ "address": "127.0.0.1", "port_value": port });
        self
    }

    /// Sets the port of the backend.
    pub fn app(mut self, port: u16) -> Self {
        set_endpoint(self.cluster("app"), "127.0.0.1", port);
        self
    }

    /// Forwards trailers of HTTP/1.1 requests, which Envoy drops by default.
    pub fn with_trailers(mut self) -> Self {
        let options = json!({ "enable_trailers": true });
        self.manager()["http_protocol_options"] = options.clone();
        self.cluster("app")["typed_extension_protocol_options"] = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": { "http_protocol_options": options }
            }
        });
        self
    }

    /// Sets the port of Okta, and the file of its certificate authority.
    pub fn okta(mut self, port: u16, ca: &Path) -> Self {
        let cluster = self.cluster("okta");
        set_endpoint(cluster, "127.0.0.1", port);
        cluster["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]["trusted_ca"] =
            json!({ "filename": ca });
        self
    }

    /// Sets the host of a real Okta org, and the file of the system's certificate authorities.
    pub fn real_okta(mut self, host: &str, ca: &Path) -> Self {
        let cluster = self.cluster("okta");
        cluster["type"] = json!("STRICT_DNS");
        cluster["dns_lookup_family"] = json!("V4_PREFERRED");
        set_endpoint(cluster, host, 443);
        let tls = &mut cluster["transport_socket"]["typed_config"];
        tls["sni"] = json!(host);
        let validation = &mut tls["common_tls_context"]["validation_context"];
        validation["trusted_ca"] = json!({ "filename": ca });
        validation["match_typed_subject_alt_names"][0]["matcher"] = json!({ "exact": host });
        self
    }

    /// Sets the module that Envoy loads as the filter.
    pub fn module(mut self, wasm: &Path) -> Self {
        self.filter()["vm_config"]["code"]["local"] = json!({ "filename": wasm });
        self
    }

    /// Restricts the filter to the capabilities of deploy/envoy/capabilities.yaml without those of
    /// `withheld`.
    pub fn restricted(mut self, withheld: &[&str]) -> Self {
        let file = super::root().join("deploy/envoy/capabilities.yaml");
        let text = std::fs::read_to_string(file).expect("the list of capabilities");
        let listed: Value = serde_saphyr::from_str(&text).expect("the list is YAML");
        let mut restriction = listed["capability_restriction_config"].clone();
        let allowed = restriction["allowed_capabilities"].as_object_mut().expect("capabilities");
        for name in withheld {
            assert!(allowed.remove(*name).is_some(), "{name} is in the list");
        }
        self.filter()["capability_restriction_config"] = restriction;
        self
    }

    /// Removes the restriction of capabilities.
    pub fn unrestricted(mut self) -> Self {
        self.filter().as_object_mut().expect("a PluginConfig").remove("capability_restriction_config");
        self
    }

    /// Returns the plugin configuration.
    pub fn plugin(&mut self) -> &mut Value {
        &mut self.filter()["configuration"]["value"]
    }

    /// Replaces the plugin configuration.
    pub fn with_plugin(mut self, configuration: Value) -> Self {
        *self.plugin() = configuration;
        self
    }

    /// Sets the plugin configuration as text, for values that a `Struct` cannot hold.
    pub fn with_plugin_text(mut self, text: &str) -> Self {
        self.filter()["configuration"] =
            json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": text });
        self
    }

    /// Disables Envoy's normalization of paths.
    pub fn raw_paths(mut self) -> Self {
        let manager = self.manager();
        manager["normalize_path"] = json!(false);
        manager["merge_slashes"] = json!(false);
        manager["path_with_escaped_slashes_action"] = json!("KEEP_UNCHANGED");
        self
    }

    /// Returns the HTTP connection manager of the first listener.
    pub fn manager(&mut self) -> &mut Value {
        &mut self.0["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    }

    /// Removes an HTTP filter.
    pub fn without_filter(mut self, name: &str) -> Self {
        let filters = self.manager()["http_filters"].as_array_mut().expect("http_filters");
        let before = filters.len();
        filters.retain(|filter| filter["name"] != name);
        assert_eq!(filters.len() + 1, before, "one filter {name}");
        self
    }

    /// Adds Envoy's CORS filter at this position of the HTTP filters. It allows pages of one origin to
    /// send tokens, and to read the challenge of a denial.
    pub fn with_cors(mut self, position: usize, origin: &str) -> Self {
        let cors = "type.googleapis.com/envoy.extensions.filters.http.cors.v3";
        let name = "envoy.filters.http.cors";
        let manager = self.manager();
        manager["route_config"]["virtual_hosts"][0]["typed_per_filter_config"] = json!({ name: {
            "@type": format!("{cors}.CorsPolicy"), "allow_origin_string_match": [{ "exact": origin }],
            "allow_methods": "GET, POST", "allow_headers": "authorization, content-type, dpop",
            "expose_headers": "www-authenticate, dpop-nonce", "max_age": "600",
        } });
        let filter = json!({ "name": name, "typed_config": { "@type": format!("{cors}.Cors") } });
        manager["http_filters"].as_array_mut().expect("http_filters").insert(position, filter);
        self
    }

    /// Writes the access log into a file, in the format of the reference configuration.
    pub fn access_log(mut self, path: &Path) -> Self {
        let log = &mut self.manager()["access_log"][0];
        log["name"] = json!("envoy.access_loggers.file");
        log["typed_config"]["@type"] =
            json!("type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog");
        log["typed_config"]["path"] = json!(path);
        self
    }

    /// Returns the whole document.
    pub fn document(&mut self) -> &mut Value {
        &mut self.0
    }

    /// Returns the configuration as JSON, which Envoy reads too.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&self.0).expect("JSON")
    }

    /// Returns the `PluginConfig` of the filter.
    pub fn filter(&mut self) -> &mut Value {
        let filters = self.manager()["http_filters"].as_array_mut().expect("http_filters");
        let filter =
            filters.iter_mut().find(|filter| filter["name"] == "okta-authz").expect("the filter okta-authz");
        &mut filter["typed_config"]["config"]
    }

    fn cluster(&mut self, name: &str) -> &mut Value {
        let clusters = self.0["static_resources"]["clusters"].as_array_mut().expect("clusters");
        clusters.iter_mut().find(|cluster| cluster["name"] == name).expect("the cluster")
    }
}

fn set_endpoint(cluster: &mut Value, address: &str, port: u16) {
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"] =
        json!({ "address": address, "port_value": port });
}
