import assert from "node:assert/strict";
import { test } from "node:test";

import { bearerChallenge } from "../challenge.js";
import { duration, explain, explainNoResponse, levelName } from "../explain.js";

function of(status, header, { body = null, hasToken = true } = {}) {
  return explain({ status, challenge: bearerChallenge(header), body, hasToken });
}

test("status_2xx_is_allowed_without_action", () => {
  for (const status of [200, 201, 204]) {
    const { kind, action } = of(status, null);
    assert.deepEqual([kind, action], ["allowed", null]);
  }
  assert.match(of(200, null, { hasToken: false }).reason, /public/);
});

test("token_missing_offers_login", () => {
  const { kind, reason, action } = of(401, 'Bearer realm="api"', { hasToken: false });
  assert.equal(kind, "denied");
  assert.match(reason, /no access token/);
  assert.deepEqual(action, { label: "Log in" });
});

test("challenge_not_exposed_names_the_cors_policy", () => {
  assert.match(of(401, null).reason, /expose www-authenticate/);
});

test("token_invalid_shows_the_description", () => {
  const header = 'Bearer realm="api",error="invalid_token",error_description="the access token expired"';
  const { reason, action } = of(401, header);
  assert.match(reason, /rejected the access token: the access token expired/);
  assert.deepEqual(action, { label: "Log in again" });
});

test("step_up_requests_first_acr_value_and_max_age", () => {
  const start = 'Bearer realm="api",error="insufficient_user_authentication",error_description="x"';
  const both = of(401, `${start},acr_values="urn:okta:loa:2fa:any phr",max_age="900"`);
  assert.match(both.reason, /two factors, or a phishing-resistant factor and an authentication in the last 15 minutes/);
  assert.deepEqual([both.action.acrValues, both.action.maxAge], ["urn:okta:loa:2fa:any", 900]);
  const age = of(401, `${start},max_age="0"`);
  assert.match(age.reason, /a new authentication/);
  assert.deepEqual([age.action.acrValues, age.action.maxAge], [undefined, 0]);
  // `responses.details: false` removes both. A login loop would not help.
  assert.equal(of(401, start).action, null);
});

test("scope_missing_is_named_and_requested", () => {
  const { reason, action } = of(403, 'Bearer error="insufficient_scope",error_description="x",scope="items:write a"');
  assert.match(reason, /lacks the scopes items:write, a\./);
  assert.deepEqual(action.scopes, ["items:write", "a"]);
});

test("requirement_not_met_offers_no_login", () => {
  const header = 'Bearer error="insufficient_scope",error_description="the token lacks a requirement"';
  const { reason, action } = of(403, header);
  assert.match(reason, /the token lacks a requirement/);
  assert.equal(action, null);
});

test("denial_without_challenge_names_the_guard", () => {
  assert.match(of(403, null).reason, /guard/);
});

test("failure_is_not_a_denial", () => {
  const unavailable = of(503, null, { body: { code: "keys_unavailable", detail: "no keys" } });
  assert.equal(unavailable.kind, "failed");
  assert.match(unavailable.reason, /cannot decide now: no keys/);
  assert.match(of(404, null).reason, /responded with 404/);
  assert.match(of(503, null).reason, /responded with 503/);
  assert.equal(explainNoResponse().kind, "failed");
});

test("request_ambiguous_shows_the_description", () => {
  const { kind, reason } = of(400, 'Bearer error="invalid_request",error_description="the request path is ambiguous"');
  assert.equal(kind, "denied");
  assert.match(reason, /the request path is ambiguous/);
});

test("duration_has_one_unit", () => {
  const rows = [
    [0, "0 seconds"], [1, "1 second"], [60, "1 minute"], [90, "90 seconds"], [900, "15 minutes"],
    [3600, "60 minutes"], [7200, "2 hours"],
  ];
  for (const [seconds, text] of rows) assert.equal(duration(seconds), text);
});

test("level_unknown_keeps_its_value", () => {
  assert.equal(levelName("urn:okta:loa:2fa:any"), "two factors");
  assert.equal(levelName("urn:example"), "urn:example");
});
