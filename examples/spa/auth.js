// Login, renewal and logout with Okta's SDK, @okta/okta-auth-js.

/* global OktaAuth */

// Makes the client of the SDK from config.json.
export function createClient(config) {
  return new OktaAuth({
    issuer: config.issuer,
    clientId: config.clientId,
    redirectUri: `${location.origin}/login/callback`,
    postLogoutRedirectUri: `${location.origin}/`,
    scopes: config.scopes,
    pkce: true,
    // Tokens are only in memory: a script that runs in the page later cannot read them from storage,
    // and no file of the browser contains a refresh token. A reload needs a new login, which Okta's
    // session makes without a form.
    tokenManager: { storage: "memory" },
    // Metadata and keys too. The SDK would keep them in localStorage for a day.
    storageManager: { cache: { storageTypes: ["memory"] } },
    // The PKCE verifier, state and nonce have to survive the redirect: sessionStorage of this tab. The
    // SDK would also share them with other tabs.
    transactionManager: { enableSharedStorage: false },
    // Tabs have separate tokens.
    services: { autoRenew: true, autoRemove: true, syncStorage: false },
    ...reachableOkta(config),
  });
}

// Returns options for a stand-in that the browser reaches at another address than its issuer. A real
// org needs none of them.
//
// The browser visits the addresses of login and logout. The interceptor changes the address of each
// other request, so the SDK still compares the issuer and verifies the signature of ID tokens.
function reachableOkta({ issuer, reachableIssuer }) {
  if (!reachableIssuer) return {};
  const [from, to] = [new URL(issuer).origin, new URL(reachableIssuer).origin];
  return {
    authorizeUrl: `${reachableIssuer}/v1/authorize`,
    logoutUrl: `${reachableIssuer}/v1/logout`,
    httpRequestInterceptors: [
      (request) => {
        if (request.url.startsWith(`${from}/`)) request.url = to + request.url.slice(from.length);
      },
    ],
  };
}

const RETRY = "spa.retry";

// Redirects to Okta. `retry` names the call that the page repeats after the login.
//
// The new token replaces the old one, so the request keeps the scopes of the old token and its `acr`.
export async function login(client, { scopes = [], acrValues, maxAge } = {}, retry = null) {
  const current = accessToken(client);
  const parameters = {
    scopes: [...new Set([...(current?.scopes ?? client.options.scopes), ...scopes])],
    acrValues: acrValues ?? current?.claims.acr,
    maxAge,
  };
  // The name of a call and not a token.
  if (retry) sessionStorage.setItem(RETRY, retry);
  else sessionStorage.removeItem(RETRY);
  await client.signInWithRedirect(parameters);
}

// Completes the login if this URL is the redirect of Okta. Returns the call to repeat, or null.
//
// Throws the error of Okta, for instance `access_denied`.
export async function completeLogin(client) {
  if (!client.isLoginRedirect()) return null;
  const retry = sessionStorage.getItem(RETRY);
  sessionStorage.removeItem(RETRY);
  try {
    const { tokens } = await client.token.parseFromUrl();
    client.tokenManager.setTokens(tokens);
  } finally {
    // Removes the code or the error from the address, and the path of the redirect URI.
    history.replaceState(null, "", "/");
  }
  return retry;
}

// Renews the tokens with the refresh token, which Okta replaces.
export async function renew(client) {
  if (!client.getRefreshToken()) {
    throw new Error("Okta issued no refresh token. Allow the grant type Refresh Token for this application.");
  }
  await client.tokenManager.renew("accessToken");
}

// Revokes the tokens and ends Okta's session. Okta redirects back to this page.
export async function logout(client) {
  try {
    await client.signOut({ clearTokensBeforeRedirect: true });
  } catch {
    // The session ends also if Okta did not revoke a token.
    await client.signOut({ clearTokensBeforeRedirect: true, revokeAccessToken: false, revokeRefreshToken: false });
  }
}

// Returns the access token with its claims, or null. The claims are for display only: a client must
// not depend on them, because they are for the API.
export function accessToken(client) {
  const { accessToken: token } = client.tokenManager.getTokensSync();
  if (!token) return null;
  let claims = {};
  try {
    claims = client.token.decode(token.accessToken).payload;
  } catch {
    // An opaque token, which the filter rejects. The response shows it.
  }
  return { value: token.accessToken, scopes: token.scopes, expiresAt: token.expiresAt, claims };
}

// Returns the claims of the ID token, or null.
export function user(client) {
  return client.tokenManager.getTokensSync().idToken?.claims ?? null;
}
