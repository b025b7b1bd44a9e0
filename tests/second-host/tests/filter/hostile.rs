//! A host whose calls fail, each with every status. After no failure does the host forward a request
//! that must be denied.

use okta_authz_second_host::{Headers, Outcome, Process, Status, Trap, Vm, hostcalls};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};

use crate::harness::{OKTA, bearer, config, get, key_set, process, user, values, with, worker_with_keys};

/// Every status but `Ok`.
const FAILURES: [Status; 8] = [
    Status::NotFound,
    Status::BadArgument,
    Status::SerializationFailure,
    Status::ParseFailure,
    Status::Empty,
    Status::CasMismatch,
    Status::InternalFailure,
    Status::Unimplemented,
];

/// The statuses that the filter survives, for the calls that it makes through the SDK. The SDK
/// panics on every other status: the VM ends, and the host responds itself or holds requests until
/// it has a new VM (Envoy: `FAIL_RELOAD`). The filter survives every status of the calls that are
/// not listed.
const SURVIVED: [(&str, &[Status]); 11] = [
    ("proxy_log", &[]),
    ("proxy_get_current_time_nanoseconds", &[]),
    ("proxy_set_tick_period_milliseconds", &[]),
    ("proxy_set_effective_context", &[]),
    ("proxy_get_buffer_bytes", &[Status::NotFound]),
    // For the responses of callouts. The filter reads the headers of requests without the SDK.
    ("proxy_get_header_map_pairs", &[]),
    ("proxy_replace_header_map_value", &[]),
    ("proxy_remove_header_map_value", &[]),
    ("proxy_get_shared_data", &[Status::NotFound]),
    ("proxy_set_shared_data", &[Status::CasMismatch]),
    ("proxy_http_call", &[Status::BadArgument, Status::InternalFailure]),
];

/// A client, and whether its request may be forwarded.
struct Client {
    name: &'static str,
    headers: Headers,
    may_pass: bool,
}

fn clients() -> Vec<Client> {
    let other_org = StandIn::start(Options::default());
    let kid = OKTA.kid(Server::Default);
    let forged = other_org.mint(Server::Default, &TokenSpec::user().header("kid", kid));
    let expired = OKTA.mint(Server::Default, &TokenSpec::user().issued_at(1_700_000_000));
    let spoofing = |path: &str| with(get(path), "x-okta-sub", "root");
    let client = |name, headers, may_pass| Client { name, headers, may_pass };
    vec![
        client("no token", spoofing("/me"), false),
        client("a forged token", bearer(spoofing("/me"), &forged), false),
        client("an expired token", bearer(spoofing("/me"), &expired), false),
        client("no rule", bearer(spoofing("/elsewhere"), &user()), false),
        client("a good token", bearer(spoofing("/me"), &user()), true),
        client("a public path", spoofing("/healthz"), true),
    ]
}

/// Sends the requests of all clients. Returns an error if the VM ends.
fn try_all(vm: &mut Vm, clients: &[Client], what: &str) -> Result<(), Trap> {
    for client in clients {
        let (context, outcome) = vm.request(client.headers.clone())?;
        vm.tick()?;
        for callout in vm.callouts() {
            vm.respond(&callout, key_set(&OKTA))?;
        }
        vm.tick()?;
        for outcome in [outcome, vm.outcome(context)] {
            let Outcome::Forwarded(headers) = outcome else { continue };
            assert!(client.may_pass, "{what}: {} was forwarded", client.name);
            let identity = values(&headers, "x-okta-sub");
            let expected: &[&str] =
                if client.name == "a good token" { &["joe.user@example.com"] } else { &[] };
            assert_eq!(identity, expected, "{what}: {}", client.name);
        }
        vm.end(context)?;
    }
    Ok(())
}

/// Sends the requests to a worker whose calls fail from the start.
fn try_new_worker(
    process: &Process,
    forced_statuses: &[(&str, Status)],
    clients: &[Client],
    what: &str,
) -> Result<(), Trap> {
    let mut vm = process.worker(forced_statuses)?;
    vm.configure(config().to_string())?;
    try_all(&mut vm, clients, what)
}

#[test]
fn host_call_failing_forwards_no_denied_request() {
    let clients = clients();
    for call in hostcalls() {
        let mut survived = Vec::new();
        for status in FAILURES {
            let what = format!("{call} returns {status:?}");
            let from_start = try_new_worker(&process(), &[(call, status)], &clients, &what);
            let mut vm = worker_with_keys(&process(), &OKTA);
            vm.force_status(call, Some(status));
            let later = try_all(&mut vm, &clients, &what);
            if later.is_ok() {
                // A failure that ended has no effect on later requests.
                vm.force_status(call, None);
                let recovered = try_all(&mut vm, &clients, &format!("{what} no longer"));
                assert!(recovered.is_ok(), "{what}: {recovered:?}");
            }
            if from_start.is_ok() && later.is_ok() {
                survived.push(status);
            }
        }
        let expected =
            SURVIVED.iter().find(|(name, _)| name == call).map_or(&FAILURES[..], |(_, listed)| listed);
        assert_eq!(survived, expected, "{call}: statuses that a VM survives");
    }
}

#[test]
fn all_host_calls_failing_forward_no_denied_request() {
    let clients = clients();
    for status in FAILURES {
        let forced: Vec<_> = hostcalls().iter().map(|call| (*call, status)).collect();
        let _ = try_new_worker(&process(), &forced, &clients, &format!("all return {status:?}"));
        let mut vm = worker_with_keys(&process(), &OKTA);
        hostcalls().iter().for_each(|call| vm.force_status(call, Some(status)));
        let _ = try_all(&mut vm, &clients, &format!("all return {status:?}, later"));
    }
}
