//! The guard: what happens where Envoy serves without the filter.

use super::setup::{BOTH_WORKERS, config};
use crate::support::backend::Backend;
use crate::support::client::get;
use crate::support::envoy::Envoy;
use crate::support::stand_in::{Options, Server, StandIn, TokenSpec};

#[test]
fn a_filter_that_failed_on_a_worker_lets_nobody_through() {
    let okta = StandIn::start(Options::default());
    let backend = Backend::start();
    let token = okta.mint(Server::Default, &TokenSpec::user());
    let broken = config("guard", &okta, &backend).module(&crate::support::wasm("fails_on_worker"));

    // Without the guard this is what Envoy does: the test would prove nothing if it were otherwise.
    {
        let envoy = Envoy::start("guard-absent", &broken.clone().without_filter("okta-authz-guard"));
        assert!(envoy.log().contains("Failed to configure thread-local Wasm plugin"), "{}", envoy.log());
        assert_eq!(envoy.client().get("/me").status, 200, "Envoy skips a filter that failed on a worker");
        assert_eq!(backend.requests(), 1);
    }

    let envoy = Envoy::start("guard", &broken);
    for path in ["/", "/me", "/admin"] {
        for _ in 0..BOTH_WORKERS {
            assert_eq!(envoy.client().get(path).status, 403, "{path}");
            assert_eq!(
                envoy.client().send(&get(path).bearer(&token)).status,
                403,
                "{path} with a good token"
            );
        }
    }
    assert_eq!(backend.requests(), 1, "nothing has reached the backend since");
}
