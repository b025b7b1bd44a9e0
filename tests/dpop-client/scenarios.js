// What the client and the filter do. Each scenario gets the client's modules and the running
// programs. The codes and challenges are those of the chapter on responses.

import assert from "node:assert/strict";

const ID = "0oadpop00000000000001";
const SECRET = "dpop-secret";

// A client whose requests are recorded. `intercept` replaces the sending of a request.
export async function connect({ modules, programs }, scope = "items:read") {
  const requests = [];
  let intercept = null;
  const send = modules.http.reachingStandIn(programs.issuer, programs.reachableIssuer);
  const fetch = async (url, options = {}) => {
    const headers = new Headers(options.headers);
    const response = await (intercept ?? send)(url, options);
    requests.push({ url: String(url), method: options.method ?? "GET", headers, status: response.status });
    return response;
  };
  const { issuer } = programs;
  const service = await modules.client.Service.connect({ issuer, clientId: ID, clientSecret: SECRET, scope, fetch });
  // Returns the credentials that the client would send, without a request.
  const credentials = async (method, url) => {
    await service.accessToken();
    intercept = async () => new Response(null, { status: 204 });
    await service.call(method, url);
    intercept = null;
    const { headers } = requests.pop();
    return { authorization: headers.get("authorization"), dpop: headers.get("dpop") };
  };
  return { service, requests, credentials };
}

// Sends a request with exactly these headers, and returns status, code and challenges.
async function attempt(url, headers, method = "GET") {
  const response = await fetch(url, { method, headers });
  const text = await response.text();
  let code;
  try {
    code = JSON.parse(text).code;
  } catch {
    // Not a response of the filter.
  }
  return { status: response.status, code, challenge: response.headers.get("www-authenticate") ?? "", text };
}

function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
}

function rejected(result, code, challenge) {
  assert.equal(`${result.status} ${result.code}`, `401 ${code}`, result.text);
  assert.match(result.challenge, challenge);
}

// Calls the API. The error of a denied request has the code of the response.
async function allowed(service, method, url) {
  const response = await service.call(method, url).catch((error) => error.response ?? Promise.reject(error));
  assert.equal(response.status, 200, await response.clone().text());
  return response;
}

// The token endpoint requires its nonce, and binds the token to the key.
export async function token_is_bound_after_nonce_round_trip(context) {
  const { service, requests } = await connect(context);
  const token = await service.accessToken();
  const tokenRequests = requests.filter(({ url }) => url.endsWith("/v1/token"));
  assert.deepEqual(tokenRequests.map(({ status }) => status), [400, 200]);
  const [first, second] = tokenRequests.map(({ headers }) => claims(headers.get("dpop")));
  assert.deepEqual([first.nonce, typeof second.nonce], [undefined, "string"]);
  assert.notEqual(first.jti, second.jti);
  assert.deepEqual(claims(token).cnf, { jkt: await service.thumbprint() });
  assert.equal(await service.accessToken(), token, "the client keeps the token until it expires");
}

// The filter allows a bound token with a proof for each request.
export async function call_with_proof_is_allowed(context) {
  const { service, requests } = await connect(context);
  for (let index = 0; index < 3; index += 1) {
    const response = await allowed(service, "GET", `${context.programs.api}/items?page=${index}`);
    assert.ok(Array.isArray(await response.json()));
  }
  const { headers } = requests.at(-1);
  assert.match(headers.get("authorization"), /^DPoP /);
  assert.equal(claims(headers.get("dpop")).htu, `${context.programs.api}/items`);
}

// The challenge of a valid token with too few scopes has the scheme of the request.
export async function missing_scope_is_denied_under_dpop(context) {
  const { service } = await connect(context);
  const body = JSON.stringify({ name: "a lamp" });
  const call = service.call("POST", `${context.programs.api}/items`, { body, headers: { "content-type": "application/json" } });
  const error = await call.then(() => null, (problem) => problem);
  assert.equal(error?.status, 403, String(error));
  assert.deepEqual(error.cause.map(({ scheme }) => scheme), ["dpop"]);
  assert.equal(error.cause[0].parameters.error, "insufficient_scope");
  assert.equal(error.cause[0].parameters.scope, "items:write");
}

// A proof is valid once.
export async function replayed_proof_is_rejected(context) {
  const { credentials } = await connect(context);
  const url = `${context.programs.api}/items`;
  const headers = await credentials("GET", url);
  const first = await attempt(url, headers);
  assert.equal(first.status, 200, first.text);
  for (let copy = 0; copy < 3; copy += 1) {
    rejected(await attempt(url, headers), "dpop_proof_replayed", /^DPoP .*error="invalid_dpop_proof"/);
  }
}

// A stolen token without the key is useless under each scheme.
export async function bound_token_without_the_key_is_rejected(context) {
  const { service, credentials } = await connect(context);
  const url = `${context.programs.api}/items`;
  const token = await service.accessToken();
  const { dpop } = await credentials("GET", url);
  const bearer = { authorization: `Bearer ${token}` };
  const both = /^Bearer .*error="invalid_token".*DPoP .*algs="[^"]*ES256/;
  rejected(await attempt(url, bearer), "dpop_scheme_required", both);
  rejected(await attempt(url, { ...bearer, dpop }), "dpop_scheme_required", both);
  rejected(await attempt(url, { authorization: `DPoP ${token}` }), "dpop_proof_missing", /^DPoP .*error="invalid_dpop_proof"/);
  const thief = await connect(context);
  const other = await thief.credentials("GET", url);
  rejected(await attempt(url, { authorization: `DPoP ${token}`, dpop: other.dpop }), "dpop_key_mismatch", /^DPoP .*error="invalid_token"/);
}

// A proof is for one method, one URL and one token.
export async function proof_of_another_request_is_rejected(context) {
  const { credentials } = await connect(context);
  const { api } = context.programs;
  const proof = /^DPoP .*error="invalid_dpop_proof"/;
  rejected(await attempt(`${api}/me`, await credentials("GET", `${api}/items`)), "dpop_url_mismatch", proof);
  rejected(await attempt(`${api}/items`, await credentials("POST", `${api}/items`)), "dpop_method_mismatch", proof);
}

// Without credentials, the filter names the schemes that it accepts.
export async function request_without_credentials_gets_both_challenges(context) {
  const result = await attempt(`${context.programs.api}/items`, {});
  rejected(result, "token_missing", /^Bearer realm="[^"]*".*DPoP realm="[^"]*".*algs="[^"]*ES256/);
  assert.doesNotMatch(result.challenge, /error=/);
}

// With nonces, the first call needs two requests, and each later one a single request.
export async function nonce_of_the_filter_is_used(context) {
  const { service, requests } = await connect(context);
  const url = `${context.programs.api}/items`;
  const statuses = () => requests.filter((request) => request.url === url).map(({ status }) => status);
  await service.accessToken();
  await allowed(service, "GET", url);
  assert.deepEqual(statuses(), [401, 200]);
  await allowed(service, "GET", url);
  assert.deepEqual(statuses(), [401, 200, 200]);
  const proofs = requests.filter((request) => request.url === url).map(({ headers }) => claims(headers.get("dpop")));
  assert.deepEqual(proofs.map(({ nonce }) => typeof nonce), ["undefined", "string", "string"]);
}

// A proof without the filter's nonce is rejected, also if it has the nonce of Okta.
export async function nonce_of_okta_is_rejected_by_the_filter(context) {
  const { service, requests, credentials } = await connect(context);
  await service.accessToken();
  const nonce = claims(requests.at(-1).headers.get("dpop")).nonce;
  const url = `${context.programs.api}/items`;
  const headers = await credentials("GET", url);
  assert.equal(claims(headers.dpop).nonce, undefined, "the client has no nonce of the filter");
  const response = await fetch(url, { headers });
  assert.match(response.headers.get("www-authenticate"), /^DPoP .*error="use_dpop_nonce"/);
  assert.match(response.headers.get("dpop-nonce"), /^[\w-]{27}$/);
  assert.notEqual(response.headers.get("dpop-nonce"), nonce);
}

// The scenarios for each value of OKTA_AUTHZ_DPOP.
export const ALL = {
  yes: [
    token_is_bound_after_nonce_round_trip,
    call_with_proof_is_allowed,
    missing_scope_is_denied_under_dpop,
    replayed_proof_is_rejected,
    bound_token_without_the_key_is_rejected,
    proof_of_another_request_is_rejected,
    request_without_credentials_gets_both_challenges,
  ],
  nonce: [nonce_of_the_filter_is_used, nonce_of_okta_is_rejected_by_the_filter],
};
