import assert from "node:assert/strict";
import { test } from "node:test";

import { WWWAuthError } from "@okta/okta-auth-js";

import { bearerChallenge, parseChallenges } from "../challenge.js";

// Challenges of the filter (src/reply.rs).
const OF_FILTER = {
  missing: 'Bearer realm="api"',
  expired: 'Bearer realm="api",error="invalid_token",error_description="the access token expired"',
  scope:
    'Bearer realm="api",error="insufficient_scope",error_description="the access token lacks a required scope",' +
    'scope="items:read items:write"',
  stepUp:
    'Bearer realm="api",error="insufficient_user_authentication",' +
    'error_description="a different authentication level is required",' +
    'acr_values="urn:okta:loa:2fa:any phr phrh",max_age="900"',
};

function plain(header) {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

test("challenge_of_filter_has_all_values", () => {
  assert.deepEqual(bearerChallenge(OF_FILTER.stepUp), {
    error: "insufficient_user_authentication",
    description: "a different authentication level is required",
    scopes: [],
    acrValues: ["urn:okta:loa:2fa:any", "phr", "phrh"],
    maxAge: 900,
  });
  assert.deepEqual(bearerChallenge(OF_FILTER.scope).scopes, ["items:read", "items:write"]);
  assert.equal(bearerChallenge(OF_FILTER.missing).error, null);
});

test("challenge_of_filter_has_the_values_that_okta_sdk_reads", () => {
  for (const header of Object.values(OF_FILTER)) {
    const { scheme, parameters } = WWWAuthError.parseHeader(header);
    assert.deepEqual(plain(header), [[scheme.toLowerCase(), parameters]]);
  }
});

test("challenge_grammar_of_rfc_9110_is_accepted", () => {
  const rows = [
    ["Bearer", [["bearer", {}]]],
    ["bEARER ReAlm=api", [["bearer", { realm: "api" }]]],
    ['Bearer a="1" , b=2,\tc = "3"', [["bearer", { a: "1", b: "2", c: "3" }]]],
    ['Bearer a="x, y=\\"z\\" \\\\"', [["bearer", { a: 'x, y="z" \\' }]]],
    ['Bearer a=""', [["bearer", { a: "" }]]],
    [', ,Bearer a="1",,', [["bearer", { a: "1" }]]],
    ['Basic realm="x", Bearer error="y"', [["basic", { realm: "x" }], ["bearer", { error: "y" }]]],
    ['Negotiate, Bearer realm="x"', [["negotiate", {}], ["bearer", { realm: "x" }]]],
    ['Negotiate dG9r+/ZW4==, Bearer realm="x"', [["negotiate", {}], ["bearer", { realm: "x" }]]],
  ];
  for (const [header, expected] of rows) assert.deepEqual(plain(header), expected, header);
});

test("challenge_malformed_has_no_values", () => {
  const rows = [
    null,
    "",
    '"Bearer"',
    'Bearer realm="api',
    'Bearer realm="api\\',
    "Bearer realm=",
    "Bearer =x, a=b",
    'Bearer realm="a" error="b"',
    'Bearer a="1",b',
    'Bearer foo bar="1"',
    'Bearer error="a",error="b"',
    'Bearer error="a",ERROR="b"',
    'Bearer realm="a"x',
    "Bearer realm=ä",
  ];
  for (const header of rows) {
    const challenge = bearerChallenge(header);
    // `Bearer realm=` is the scheme with a value without a name, and `Bearer a="1",b` has a second
    // scheme: no value of the challenge is misread.
    assert.ok(challenge === null || challenge.error === null, `${header}: ${JSON.stringify(challenge)}`);
  }
});

test("challenge_twice_is_rejected", () => {
  assert.equal(bearerChallenge('Bearer error="a", Bearer error="b"'), null);
  assert.equal(bearerChallenge('Basic realm="x"'), null);
});

test("max_age_other_than_seconds_is_ignored", () => {
  const maxAge = (text) => bearerChallenge(`Bearer max_age="${text}"`).maxAge;
  assert.equal(maxAge("0"), 0);
  assert.equal(maxAge("900"), 900);
  for (const text of ["", "-1", "1.5", "1e9", "15m", " 1", "9999999999", "NaN"]) assert.equal(maxAge(text), null, text);
});

test("header_long_is_parsed_in_linear_time", () => {
  const start = performance.now();
  for (const part of ['a="\\', "a,", "=", '"', "a=b, ", " ", "a"]) parseChallenges(`Bearer ${part.repeat(100_000)}`);
  assert.ok(performance.now() - start < 2000);
});
