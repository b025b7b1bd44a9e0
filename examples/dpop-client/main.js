// Gets a token and calls the API, and prints each request and response. The README has the
// environment variables.

import * as oauth from "oauth4webapi";

import { Service } from "./client.js";
import { reachingStandIn, traced } from "./http.js";

const variable = (name, fallback) => process.env[name] || fallback;

const issuer = variable("OKTA_ISSUER", "https://acme.okta.example/oauth2/default");
const standIn = variable("OKTA_REACHABLE_ISSUER", process.env.OKTA_ISSUER ? "" : "http://127.0.0.1:9080/oauth2/default");
const api = variable("API", "http://localhost:10000/items");

const service = await Service.connect({
  issuer,
  clientId: variable("OKTA_CLIENT_ID", "0oadpop00000000000001"),
  clientSecret: variable("OKTA_CLIENT_SECRET", "dpop-secret"),
  scope: variable("OKTA_SCOPE", "items:read"),
  fetch: traced(standIn ? reachingStandIn(issuer, standIn) : fetch, console.log),
});
console.log(`key: ${await service.thumbprint()}\n`);
try {
  const response = await service.call("GET", api);
  console.log(await response.text());
} catch (error) {
  if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw error;
  console.log(await error.response.text());
  process.exitCode = 1;
}
