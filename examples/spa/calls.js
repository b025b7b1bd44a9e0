// The calls of the page, and how it sends them.

import { bearerChallenge } from "./challenge.js";
import { explain, explainNoResponse } from "./explain.js";

const TIMEOUT_MILLISECONDS = 15_000;

// The rules of envoy.yaml, and one rule of `make up` for `/items/1`.
export const CALLS = [
  { id: "root", method: "GET", path: "/", requires: "no token: the rule is public" },
  { id: "me", method: "GET", path: "/me", requires: "a valid access token" },
  { id: "items", method: "GET", path: "/items", requires: "the scope items:read" },
  { id: "create", method: "POST", path: "/items", body: { name: "lamp" }, requires: "the scope items:write" },
  { id: "admin", method: "GET", path: "/admin", requires: "the group Admins" },
  {
    id: "item",
    method: "GET",
    path: "/items/1",
    requires: "the scope items:read, and two factors in the last 15 minutes",
  },
];

// Sends a call with this access token (null for none). Returns its status (null without a response),
// the raw challenge, the body as text, and the explanation.
export async function send(api, call, token) {
  const headers = {};
  if (token) headers.authorization = `Bearer ${token}`;
  if (call.body) headers["content-type"] = "application/json";
  let response, text;
  try {
    response = await fetch(api + call.path, {
      method: call.method,
      headers,
      body: call.body && JSON.stringify(call.body),
      cache: "no-store",
      // The API takes a bearer token and no cookies.
      credentials: "omit",
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    });
    text = await response.text();
  } catch {
    return { status: null, header: null, text: "", explanation: explainNoResponse() };
  }
  const header = response.headers.get("www-authenticate");
  const explanation = explain({
    status: response.status,
    challenge: bearerChallenge(header),
    body: json(text),
    hasToken: Boolean(token),
  });
  return { status: response.status, header, text, explanation };
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
