//! The notes that `helm install` prints. `helm template` does not print them, so a copy of the
//! chart renders them as a resource.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use test_support::root;

use crate::chart::{CHART, ENVOY_GATEWAY, EXAMPLES, Example, ISTIO_SIDECAR, of_kind, render_chart};
use crate::resources::parse;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// Copies the chart, with the notes in a ConfigMap.
fn chart_with_notes(name: &str) -> PathBuf {
    let chart = test_support::scratch("helm").join(name);
    drop(fs::remove_dir_all(&chart));
    copy(&root().join(CHART), &chart);
    let notes = fs::read_to_string(chart.join("templates/NOTES.txt")).unwrap();
    let resource = format!(
        "{{{{- define \"notes\" -}}}}\n{notes}{{{{- end -}}}}\nkind: ConfigMap\ndata: {{ notes: {{{{ include \"notes\" . | quote }}}} }}\n"
    );
    fs::write(chart.join("templates/notes.yaml"), resource).unwrap();
    chart
}

fn notes(chart: &Path, example: Example, changes: &Value) -> String {
    let rendered = render_chart(chart, example.1, &example.with(changes)).unwrap();
    of_kind(&parse(&rendered), "ConfigMap")["data"]["notes"].as_str().unwrap().to_owned()
}

#[test]
fn notes_warn_about_what_is_missing() {
    let chart = chart_with_notes("notes");
    let secure = json!({ "image": { "digest": "1".repeat(64) } });
    for example in EXAMPLES {
        let text = notes(&chart, example, &secure);
        assert!(!text.contains("WARNING"), "{text}");
        assert!(
            text.contains("okta-authz check --deny-warnings -") && text.contains("must be 401"),
            "{text}"
        );
    }
    let file = json!({ "image": { "registry": null }, "module": { "url": "https://a.example/b.wasm" } });
    for (example, changes, expected) in [
        (ISTIO_SIDECAR, json!({}), "WARNING: image.digest is not set."),
        (ENVOY_GATEWAY, json!({}), "WARNING: image.digest is not set."),
        (ENVOY_GATEWAY, file, "WARNING: module.sha256 is not set."),
        (
            ISTIO_SIDECAR,
            json!({ "guard": { "enabled": false, "disabledReason": "the guard of team A" } }),
            "WARNING: the guard is off (the guard of team A).",
        ),
        (ISTIO_SIDECAR, json!({ "failStrategy": "FAIL_CLOSE" }), "WARNING: failStrategy is FAIL_CLOSE."),
        (ENVOY_GATEWAY, json!({ "http": { "create": false } }), "WARNING: http.create is false."),
        (
            ISTIO_SIDECAR,
            json!({ "istio": { "denyOtherPorts": false } }),
            "WARNING: istio.denyOtherPorts is false.",
        ),
        (ENVOY_GATEWAY, json!({}), "kubectl get envoypatchpolicy okta -n default -o yaml"),
        (
            ENVOY_GATEWAY,
            json!({ "envoyGateway": { "envoyProxy": { "create": true } } }),
            "The Gateway must refer to the EnvoyProxy eg in `infrastructure.parametersRef`.",
        ),
    ] {
        let text = notes(&chart, example, &changes);
        assert!(text.contains(expected), "{example:?} {changes}: {text}");
    }
}
