//! DPoP in a host whose shared data fails. The filter cannot know whether a proof is new, so it
//! accepts none.

use okta_authz_second_host::{Headers, Outcome, Process, Status, Trap, Vm};
use serde_json::json;
use stand_in_okta::{Server, TokenSpec};
use test_support::dpop::{Algorithm, DpopKey, Proof};

use crate::harness::{OKTA, config, denied, fetch, forwarded, get, now, process, with};

const URL: &str = "https://api.example.com/me";

/// Starts a worker that accepts DPoP and has the keys. Some of its calls may fail from the start.
fn worker(process: &Process, forced: &[(&str, Status)]) -> Result<Vm, Trap> {
    let mut config = config();
    config["dpop"] = json!({ "replay": { "slots": 4, "entries_per_slot": 4 } });
    let mut vm = process.worker(forced)?;
    assert!(vm.configure(config.to_string())?, "{}", vm.logs());
    fetch(&mut vm, &OKTA)?;
    Ok(vm)
}

/// Returns a request with a bound token and a new, right proof.
fn request() -> Headers {
    let key = DpopKey::new(Algorithm::ES256);
    let token = OKTA.mint(Server::Default, &TokenSpec::user().bound_to_key(&key.thumbprint()));
    let proof = Proof::new(&key, "GET", URL, now()).of_token(&token).compact();
    let headers = with(get("/me"), "authorization", format!("DPoP {token}"));
    with(headers, "dpop", proof)
}

#[test]
fn proof_is_accepted_once_by_the_workers_of_a_process() {
    let process = process();
    let (mut one, mut two) = (worker(&process, &[]).unwrap(), worker(&process, &[]).unwrap());
    let request = request();
    assert!(!forwarded(&mut one, request.clone()).iter().any(|(name, _)| name == "dpop"));
    for vm in [&mut one, &mut two] {
        let reply = denied(vm, request.clone());
        assert_eq!((reply.status, reply.code().as_str()), (401, "dpop_proof_replayed"));
    }
}

#[test]
fn shared_data_failing_gets_503() {
    for (call, status) in
        [("proxy_get_shared_data", Status::NotFound), ("proxy_set_shared_data", Status::CasMismatch)]
    {
        let process = process();
        let mut vm = worker(&process, &[]).unwrap();
        vm.force_status(call, Some(status));
        let request = request();
        let reply = denied(&mut vm, request.clone());
        assert_eq!((reply.status, reply.code().as_str()), (503, "dpop_replay_unavailable"), "{call}");
        vm.force_status(call, None);
        forwarded(&mut vm, request);
    }
}

#[test]
fn shared_data_failing_with_any_status_forwards_no_proof() {
    let failures = [
        Status::NotFound,
        Status::BadArgument,
        Status::SerializationFailure,
        Status::ParseFailure,
        Status::Empty,
        Status::CasMismatch,
        Status::InternalFailure,
        Status::Unimplemented,
    ];
    for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
        for status in failures {
            let mut vm = worker(&process(), &[]).unwrap();
            vm.force_status(call, Some(status));
            // An error is the end of the VM: the host responds itself.
            if let Ok((context, _)) = vm.request(request()) {
                let outcome = vm.outcome(context);
                assert!(!matches!(outcome, Outcome::Forwarded(_)), "{call} returns {status:?}");
            }
        }
    }
}
