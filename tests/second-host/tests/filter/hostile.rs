//! A host whose calls fail, each with every status: nobody gets through who should not, whatever else becomes of it.

use okta_authz_second_host::{Headers, Outcome, Process, Status, Trap, Vm, hostcalls};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};

use crate::scene::{OKTA, bearer, config, get, key_set, process, user, values, warm, with};

/// Everything that a call may answer but `Ok`.
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

/// Calls that the filter makes through the SDK, which panics on every status that it does not list for them: the VM ends then, and a
/// host answers by itself, or lets requests wait until it has a new VM (Envoy: `FAIL_RELOAD`). These are the ones that are listed.
/// All other calls may fail in every way.
const SURVIVED: [(&str, &[Status]); 11] = [
    ("proxy_log", &[]),
    ("proxy_get_current_time_nanoseconds", &[]),
    ("proxy_set_tick_period_milliseconds", &[]),
    ("proxy_set_effective_context", &[]),
    ("proxy_get_buffer_bytes", &[Status::NotFound]),
    // Of the answers of callouts; those of requests are read without the SDK.
    ("proxy_get_header_map_pairs", &[]),
    ("proxy_replace_header_map_value", &[]),
    ("proxy_remove_header_map_value", &[]),
    ("proxy_get_shared_data", &[Status::NotFound]),
    ("proxy_set_shared_data", &[Status::CasMismatch]),
    ("proxy_http_call", &[Status::BadArgument, Status::InternalFailure]),
];

/// Who comes, and what must not become of it.
struct Client {
    name: &'static str,
    headers: Headers,
    may_pass: bool,
}

fn clients() -> Vec<Client> {
    let elsewhere = StandIn::start(Options::default());
    let kid = OKTA.kid(Server::Default);
    let forged = elsewhere.mint(Server::Default, &TokenSpec::user().header("kid", kid));
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

/// Sends all of them. An error if the VM has ended.
fn try_all(vm: &mut Vm, clients: &[Client], what: &str) -> Result<(), Trap> {
    for client in clients {
        let (context, outcome) = vm.request(client.headers.clone())?;
        vm.tick()?;
        for callout in vm.callouts() {
            vm.answer(&callout, key_set(&OKTA))?;
        }
        vm.tick()?;
        for outcome in [outcome, vm.outcome(context)] {
            let Outcome::SharedStreamState(headers) = outcome else { continue };
            assert!(client.may_pass, "{what}: {} has passed", client.name);
            let told = values(&headers, "x-okta-sub");
            let expected: &[&str] =
                if client.name == "a good token" { &["joe.user@example.com"] } else { &[] };
            assert_eq!(told, expected, "{what}: {}", client.name);
        }
        vm.end(context)?;
    }
    Ok(())
}

/// A worker of which the calls fail from the beginning.
fn cold(process: &Process, refused: &[(&str, Status)], clients: &[Client], what: &str) -> Result<(), Trap> {
    let mut vm = process.worker(refused)?;
    vm.configure(config().to_string())?;
    try_all(&mut vm, clients, what)
}

#[test]
fn a_call_that_fails_lets_nobody_through() {
    let clients = clients();
    for call in hostcalls() {
        let mut survived = Vec::new();
        for status in FAILURES {
            let what = format!("{call} answers {status:?}");
            let from_the_beginning = cold(&process(), &[(call, status)], &clients, &what);
            let mut vm = warm(&process(), &OKTA);
            vm.refuse(call, Some(status));
            let later = try_all(&mut vm, &clients, &what);
            if later.is_ok() {
                // What was a failure for a time has left nothing behind.
                vm.refuse(call, None);
                let served = try_all(&mut vm, &clients, &format!("{what} no longer"));
                assert!(served.is_ok(), "{what}: {served:?}");
            }
            if from_the_beginning.is_ok() && later.is_ok() {
                survived.push(status);
            }
        }
        let expected =
            SURVIVED.iter().find(|(name, _)| name == call).map_or(&FAILURES[..], |(_, these)| these);
        assert_eq!(survived, expected, "{call}: failures that a VM survives");
    }
}

#[test]
fn a_host_on_which_everything_fails_lets_nobody_through() {
    let clients = clients();
    for status in FAILURES {
        let refused: Vec<_> = hostcalls().iter().map(|call| (*call, status)).collect();
        let _ = cold(&process(), &refused, &clients, &format!("all answer {status:?}"));
        let mut vm = warm(&process(), &OKTA);
        hostcalls().iter().for_each(|call| vm.refuse(call, Some(status)));
        let _ = try_all(&mut vm, &clients, &format!("all answer {status:?}, later"));
    }
}
