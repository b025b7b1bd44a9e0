// A service whose access tokens are bound to its key (DPoP, RFC 9449). It gets a token from Okta by
// client credentials, and sends a proof with each request to an API.

import * as oauth from "oauth4webapi";

// Okta's default, and the algorithm that every DPoP implementation supports.
const ALGORITHM = "ES256";

// The service gets a new token this long before its token expires.
const RENEWAL_SECONDS = 60;

export class Service {
  #server;
  #client;
  #secret;
  #scope;
  #fetch;
  #dpop;
  #token;

  // Reads Okta's metadata, and generates a key. The private key is not extractable, so it cannot
  // leave this process. `fetch` sends each request.
  static async connect({ issuer, clientId, clientSecret, scope, fetch = globalThis.fetch }) {
    const url = new URL(issuer);
    const options = { algorithm: "oidc", [oauth.customFetch]: fetch };
    const response = await oauth.discoveryRequest(url, options);
    const server = await oauth.processDiscoveryResponse(url, response);
    const client = { client_id: clientId };
    const keys = await oauth.generateKeyPair(ALGORITHM, { extractable: false });
    const service = new Service();
    service.#server = server;
    service.#client = client;
    service.#secret = clientSecret;
    service.#scope = scope;
    service.#fetch = fetch;
    // The handle signs the proofs, and keeps the latest nonce of each origin.
    service.#dpop = oauth.DPoP(client, keys);
    return service;
  }

  // Returns the thumbprint of the key: `cnf.jkt` of the tokens.
  thumbprint() {
    return this.#dpop.calculateThumbprint();
  }

  // Returns the access token, a new one if the current one expires soon.
  async accessToken() {
    if (!this.#token || this.#token.renewal <= Date.now()) {
      const response = await withNonce(() => this.#requestToken());
      if (response.token_type !== "dpop") {
        throw new Error(`Okta issued a token of type ${response.token_type}: enable DPoP for the app`);
      }
      const lifetime = (response.expires_in ?? 0) - RENEWAL_SECONDS;
      this.#token = { text: response.access_token, renewal: Date.now() + lifetime * 1000 };
    }
    return this.#token.text;
  }

  // Sends a request with the token and a new proof. Returns the response of an allowed request. A
  // response with a challenge is an `oauth.WWWAuthenticateChallengeError`.
  async call(method, url, { headers, body } = {}) {
    const token = await this.accessToken();
    const target = new URL(url);
    const options = {
      DPoP: this.#dpop,
      [oauth.customFetch]: this.#fetch,
      // Without TLS, an attacker can read the token and the proof.
      [oauth.allowInsecureRequests]: isLoopback(target),
    };
    const send = () =>
      oauth.protectedResourceRequest(token, method, target, new Headers(headers), body, options);
    return withNonce(send);
  }

  async #requestToken() {
    const response = await oauth.clientCredentialsGrantRequest(
      this.#server,
      this.#client,
      oauth.ClientSecretBasic(this.#secret),
      new URLSearchParams({ scope: this.#scope }),
      { DPoP: this.#dpop, [oauth.customFetch]: this.#fetch },
    );
    return oauth.processClientCredentialsResponse(this.#server, this.#client, response);
  }
}

// Sends a request, and sends it again if the server requires its nonce in the proof. The handle has
// read the nonce from the first response.
async function withNonce(send) {
  try {
    return await send();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return send();
  }
}

function isLoopback(url) {
  return ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
}
