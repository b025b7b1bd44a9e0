//! Paths that Envoy has not normalised do not get round a rule: here its own normalisation is switched off.

use super::setup::Setup;
use crate::support::client::get;

#[test]
fn ambiguous_paths_are_refused_with_and_without_a_token() {
    let setup = Setup::new("paths", |config| config.raw_paths());
    setup.warm_up();
    let token = setup.user();
    let before = setup.backend.requests();
    for path in [
        "/items/../admin",
        "/items/%2e%2e/admin",
        "/items/.%2E/admin",
        "/docs/../me",
        "/docs/%2e%2e/admin",
        "//admin",
        "/items//..//admin",
        "/docs%2f..%2fadmin",
        "/docs%2f",
        "/admin;x=1",
        "/docs;/../admin",
        "/docs/..;/admin",
        "/docs/%252e%252e/admin",
        "/docs\\..\\admin",
        "/docs/%5c..%5cadmin",
        "/docs/%00",
        "/%c0%ae%c0%ae/admin",
    ] {
        for request in [get(path), get(path).bearer(&token)] {
            let response = setup.send(&request);
            assert_eq!((response.status, response.code().as_str()), (400, "path_ambiguous"), "{path}");
        }
    }
    // One reading, differently written: the rule holds.
    for path in ["/%61dmin", "/adm%69n/x"] {
        assert_eq!(setup.send(&get(path)).code(), "token_missing", "{path}");
        assert_eq!(setup.send(&get(path).bearer(&token)).code(), "requirement_not_met", "{path}");
    }
    assert_eq!(
        setup.send(&get("/me?next=/../admin;x//%2f").bearer(&token)).status,
        200,
        "the query is no path"
    );
    assert_eq!(setup.backend.requests(), before + 1);
    setup.assert_alive();
}

#[test]
fn the_reference_configuration_leaves_no_way_round() {
    let setup = Setup::new("paths-normalised", |config| config);
    setup.warm_up();
    let token = setup.user();
    let before = setup.backend.requests();
    for path in [
        "/docs/../admin",
        "/docs/%2e%2e/admin",
        "//admin",
        "/docs%2f..%2fadmin",
        "/admin;x",
        "/docs/..;/admin",
    ] {
        let response = setup.send(&get(path).bearer(&token));
        assert!(matches!(response.status, 400 | 403), "{path}: {response:?}");
    }
    assert_eq!(setup.backend.requests(), before);
}
