//! Signature verification in the module, because this host has no `verify_signature`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use test_support::signing::Keys;

use crate::harness::{bearer, config, denied, forwarded, get, process, user};

#[test]
fn signature_of_each_algorithm_is_verified_by_the_module() {
    let keys = Keys::generate();
    let mut config = config();
    let provider = config["providers"]["okta"].as_object_mut().unwrap();
    provider.remove("remote_jwks");
    provider.insert("local_jwks".to_owned(), keys.jwks());
    provider.insert(
        "algorithms".to_owned(),
        json!(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]),
    );
    let mut vm = process().worker(&[]).unwrap();
    assert!(vm.configure(config.to_string()).unwrap(), "{}", vm.logs());
    assert!(vm.logs().contains("signatures: none by the host"), "{}", vm.logs());
    assert!(vm.calls("proxy_call_foreign_function") > 0, "the filter called the host");

    let token = user();
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    for algorithm in keys.algorithms() {
        let token = keys.sign(algorithm, &payload);
        forwarded(&mut vm, bearer(get("/me"), &token));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let mut reject = |signature: &[u8], what: &str| {
            let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
            let reply = denied(&mut vm, bearer(get("/me"), &token));
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (401, "signature_invalid"),
                "{algorithm}, {what}"
            );
        };
        for at in (0..signature.len()).step_by(31) {
            let mut flipped = signature.clone();
            flipped[at] ^= 1;
            reject(&flipped, &format!("byte {at}"));
        }
        reject(&signature[..signature.len() - 1], "one byte less");
        reject(&[&signature[..], &[0]].concat(), "one byte more");
        let other = keys.sign(algorithm, b"{}");
        reject(&URL_SAFE_NO_PAD.decode(other.rsplit_once('.').unwrap().1).unwrap(), "of another token");
    }
}
