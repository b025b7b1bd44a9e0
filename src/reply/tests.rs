//! Tests of the response to each rejection.

use super::*;

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
}

fn reply(denial: Denial) -> Reply {
    Reply::new(&denial, &Responses::default(), ReplyContext::default())
}

#[test]
fn reply_to_rejection_has_status_and_challenge() {
    let reply_to = |rejection: Rejection| reply(rejection.into());
    for (rejection, status, challenge) in [
        (Rejection::TokenMissing, 401, Some(r#"Bearer realm="api""#)),
        (
            Rejection::TokenExpired,
            401,
            Some(r#"Bearer realm="api",error="invalid_token",error_description="the access token expired""#),
        ),
        (
            Rejection::MultipleCredentials,
            400,
            Some(
                r#"Bearer realm="api",error="invalid_request",error_description="more than one credential was sent""#,
            ),
        ),
        (
            Rejection::NoRuleMatches,
            403,
            Some(
                r#"Bearer realm="api",error="insufficient_scope",error_description="no rule allows this request""#,
            ),
        ),
        (Rejection::KeysUnavailable, 503, None),
        (Rejection::KeysStale, 503, None),
        (Rejection::Misconfigured, 503, None),
    ] {
        let reply = reply_to(rejection);
        assert_eq!((reply.status, header(&reply, "www-authenticate")), (status, challenge), "{rejection:?}");
        assert_eq!(header(&reply, "cache-control"), Some("no-store"));
    }
    assert_eq!(header(&reply_to(Rejection::KeysUnavailable), "retry-after"), Some("5"));
    assert_eq!(header(&reply_to(Rejection::Misconfigured), "retry-after"), None);
    assert_eq!(
        reply_to(Rejection::TokenMissing).body,
        r#"{"code":"token_missing","detail":"a bearer token is required","error":"unauthorized"}"#
    );
}

#[test]
fn challenge_of_insufficient_scope_names_missing_scopes() {
    let scopes = vec!["a".into(), "b:c".into()];
    let denial = Denial { scopes, ..Rejection::InsufficientScope.into() };
    let reply = reply(denial);
    assert_eq!(reply.status, 403);
    assert!(header(&reply, "www-authenticate").unwrap().ends_with(r#",scope="a b:c""#));
}

#[test]
fn challenge_of_step_up_names_required_authentication() {
    let step_up =
        StepUp { acr_values: vec!["urn:okta:loa:2fa:any".into(), "phr".into()], max_age: Some(300) };
    let denial = Denial { step_up, ..Rejection::AcrInsufficient.into() };
    let reply = reply(denial);
    assert_eq!(
        (reply.status, header(&reply, "www-authenticate")),
        (
            401,
            Some(
                r#"Bearer realm="api",error="insufficient_user_authentication",error_description="a different authentication level is required",acr_values="urn:okta:loa:2fa:any phr",max_age="300""#
            )
        )
    );
}

#[test]
fn challenge_without_a_token_names_scopes_and_no_error() {
    let scopes = vec!["a".to_owned(), "b".to_owned()];
    let reply = reply(Denial { scopes, ..Rejection::TokenMissing.into() });
    assert_eq!(header(&reply, "www-authenticate"), Some(r#"Bearer realm="api",scope="a b""#));
}

#[test]
fn reply_to_each_rejection_is_an_error_status() {
    for rejection in Rejection::ALL {
        let reply = reply((*rejection).into());
        assert!(matches!(reply.status, 400 | 401 | 403 | 414 | 503), "{rejection:?}");
    }
}

#[test]
fn reply_without_details_reveals_only_the_class() {
    let quiet = Responses { details: false, ..Responses::default() };
    let mut denials: Vec<Denial> = Rejection::ALL.iter().map(|rejection| (*rejection).into()).collect();
    for denial in &mut denials {
        denial.scopes = vec!["secret:scope".to_owned()];
        denial.step_up = StepUp { acr_values: vec!["secret-acr".to_owned()], max_age: Some(7) };
        let (detailed, quiet) = (reply(denial.clone()), Reply::new(denial, &quiet, ReplyContext::default()));
        assert_eq!(detailed.status, quiet.status);
        let everything = format!("{quiet:?}");
        let (code, sentence) = (denial.rejection.code(), denial.rejection.to_string());
        for secret in ["secret", "error_description", "max_age", "code", &sentence] {
            assert!(!everything.contains(secret), "{code}: {secret} in {everything}");
        }
        assert!(
            !everything.contains(code) || code == ErrorClass::of(denial.rejection).error(),
            "{everything}"
        );
    }
    let quiet = Reply::new(&Rejection::TokenExpired.into(), &quiet, ReplyContext::default());
    assert_eq!(header(&quiet, "www-authenticate"), Some(r#"Bearer realm="api",error="invalid_token""#));
    assert_eq!(quiet.body, r#"{"detail":"Could not validate credentials","error":"invalid_token"}"#);
}

#[test]
fn challenge_with_protected_resource_has_metadata_url() {
    let context = ReplyContext { resource_metadata: Some("https://a.example/x"), ..ReplyContext::default() };
    for rejection in Rejection::ALL {
        let reply = Reply::new(&(*rejection).into(), &Responses::default(), context);
        let challenge = header(&reply, "www-authenticate");
        assert_eq!(challenge.is_some(), reply.status < 500, "{rejection:?}");
        assert!(
            challenge
                .is_none_or(|challenge| challenge.ends_with(r#",resource_metadata="https://a.example/x""#))
        );
        assert!(challenge.is_none_or(|challenge| !challenge.contains(", ")), "{rejection:?}");
    }
}

#[test]
fn reply_to_grpc_call_has_sentence_as_body() {
    let custom = CustomBody { status: 401, content_type: "text/html".to_owned(), body: "<p>".to_owned() };
    let responses = Responses { custom: vec![custom], ..Responses::default() };
    let context = ReplyContext { grpc: true, ..ReplyContext::default() };
    let reply = Reply::new(&Rejection::TokenExpired.into(), &responses, context);
    assert_eq!((reply.body.as_str(), header(&reply, "content-type")), ("the access token expired", None));
}
