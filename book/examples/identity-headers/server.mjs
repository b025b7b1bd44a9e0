// Reads the identity headers of okta-authz-filter.
// Listens on 127.0.0.1: only Envoy may reach it.
import { createServer } from "node:http";

/** Returns a string claim, or undefined if the token does not have it. */
function text(headers, name) {
  const value = headers[name];
  return value === undefined ? undefined : decodeURIComponent(value);
}

/**
 * Returns a claim that is a list of strings.
 * JSON has its own escapes: do not percent-decode it.
 */
function strings(headers, name) {
  return JSON.parse(headers[name] ?? "[]");
}

/** Returns all claims of the token. */
function payload(headers) {
  return JSON.parse(Buffer.from(headers["x-okta-payload"] ?? "e30", "base64url").toString("utf8"));
}

const server = createServer(({ headers }, response) => {
  const lines = [
    `sub: ${text(headers, "x-okta-sub") ?? "None"}`,
    `uid: ${text(headers, "x-okta-uid") ?? "None"}`,
    `scopes: ${strings(headers, "x-okta-scopes").join(" ")}`,
    `groups: ${strings(headers, "x-okta-groups").join(" | ")}`,
    `expires at: ${Number(headers["x-okta-exp"] ?? 0)}`,
    `issuer: ${payload(headers).iss ?? "None"}`,
  ];
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end(lines.join("\n"));
});
server.listen(Number(process.argv[2]), "127.0.0.1");
