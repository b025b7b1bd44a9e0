//! The profile `monitoring` of `docker-compose.yml`. These tests read the files and start no
//! container.

use serde_json::Value;
use test_support::root;

use super::document;

fn compose() -> Value {
    let text = std::fs::read_to_string(root().join("docker-compose.yml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

#[test]
fn mounted_files_exist_at_the_expected_paths() {
    let compose = compose();
    let mounts = |service: &str| -> Vec<(String, String)> {
        let volumes = compose["services"][service]["volumes"].as_array().unwrap().iter();
        let parts =
            volumes.map(|volume| volume.as_str().unwrap().split(':').map(str::to_owned).collect::<Vec<_>>());
        parts
            .filter(|parts| parts[0].starts_with('.'))
            .map(|parts| (parts[0].clone(), parts[1].clone()))
            .collect()
    };
    let mut mounted = Vec::new();
    for service in ["prometheus", "grafana"] {
        for (from, to) in mounts(service) {
            assert!(root().join(&from).exists(), "{from}");
            mounted.push(to);
        }
    }
    let dashboards = document("grafana/provisioning/dashboards/okta-authz.yaml");
    let dashboard_path = dashboards["providers"][0]["options"]["path"].as_str().unwrap().to_owned();
    assert!(mounted.contains(&dashboard_path), "{dashboard_path} in {mounted:?}");
    assert!(
        mounted.contains(&"/etc/grafana/provisioning".to_owned())
            && mounted.contains(&"/etc/prometheus".to_owned())
    );
}

#[test]
fn monitoring_services_are_optional_and_pinned() {
    let compose = compose();
    for service in ["prometheus", "grafana"] {
        let service = &compose["services"][service];
        assert_eq!(service["profiles"], serde_json::json!(["monitoring"]));
        let (_, tag) = service["image"].as_str().unwrap().rsplit_once(':').unwrap();
        assert!(tag.split('.').count() == 3, "{tag}");
    }
    // Prometheus shares the network namespace of Envoy, because the admin port listens on
    // 127.0.0.1. Grafana reaches Prometheus by the service name of that namespace.
    assert_eq!(compose["services"]["prometheus"]["network_mode"], "service:net");
    let url = document("grafana/provisioning/datasources/prometheus.yaml")["datasources"][0]["url"].clone();
    assert_eq!(url, "http://net:9090");
}
