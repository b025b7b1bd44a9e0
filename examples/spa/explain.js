// The reason of a response in plain words, and the login that would help.

const LEVELS = new Map([
  ["urn:okta:loa:1fa:any", "one factor"],
  ["urn:okta:loa:1fa:pwd", "a password"],
  ["urn:okta:loa:2fa:any", "two factors"],
  ["urn:okta:loa:2fa:any:ifpossible", "two factors if the user has two"],
  ["phr", "a phishing-resistant factor"],
  ["phrh", "a phishing-resistant factor in hardware"],
]);

// Returns the words for a value of `acr`.
export function levelName(acr) {
  return LEVELS.get(acr) ?? acr;
}

// Returns the words for a number of seconds.
export function duration(seconds) {
  const [amount, unit] =
    seconds >= 7200 && seconds % 3600 === 0 ? [seconds / 3600, "hour"]
    : seconds >= 60 && seconds % 60 === 0 ? [seconds / 60, "minute"]
    : [seconds, "second"];
  return `${amount} ${unit}${amount === 1 ? "" : "s"}`;
}

// Explains a response. `challenge` is the result of `bearerChallenge`, and `hasToken` whether the
// request carried an access token.
//
// Returns a kind ("allowed", "denied" or "failed"), a sentence, and an action or null. The action is
// a login: { label, scopes?, acrValues?, maxAge? }.
export function explain({ status, challenge, body, hasToken }) {
  if (status >= 200 && status < 300) {
    return allowed(hasToken);
  }
  if (status === 401) {
    return unauthenticated(challenge, hasToken);
  }
  if (status === 403) {
    return denied(challenge);
  }
  if (status === 400 && challenge) {
    const reason = `The filter rejected the request: ${challenge.description ?? challenge.error}.`;
    return { kind: "denied", reason, action: null };
  }
  if (status === 503 && body?.code) {
    const reason = `The filter cannot decide now: ${body.detail}. Send the call again later.`;
    return { kind: "failed", reason, action: null };
  }
  const reason = `The API or Envoy responded with ${status}. The filter did not deny the call.`;
  return { kind: "failed", reason, action: null };
}

// Explains a call without a response that the page can read.
export function explainNoResponse() {
  return {
    kind: "failed",
    reason:
      "The browser passed no response to the page. " +
      "Either Envoy does not run, or its CORS policy does not list the origin of this page.",
    action: null,
  };
}

function allowed(hasToken) {
  const reason = hasToken
    ? "The filter allowed the call. The API's response follows."
    : "The rule is public: the filter requires no access token. The API's response follows.";
  return { kind: "allowed", reason, action: null };
}

function unauthenticated(challenge, hasToken) {
  if (challenge?.error === "insufficient_user_authentication") {
    return stepUp(challenge);
  }
  if (challenge?.error) {
    const reason = `The filter rejected the access token: ${challenge.description ?? challenge.error}.`;
    return { kind: "denied", reason, action: { label: "Log in again" } };
  }
  const reason = hasToken
    ? "The response has no challenge that the page can read. Check the CORS policy: it must expose www-authenticate."
    : "The call has no access token, and the rule requires one.";
  return { kind: "denied", reason, action: { label: "Log in" } };
}

// RFC 9470: the token is valid, and the rule requires another authentication.
function stepUp({ acrValues, maxAge, description }) {
  const conditions = [];
  if (acrValues.length > 0) {
    conditions.push(`an authentication with ${acrValues.map(levelName).join(", or ")}`);
  }
  if (maxAge !== null) {
    const age = maxAge === 0 ? "a new authentication" : `an authentication in the last ${duration(maxAge)}`;
    conditions.push(age);
  }
  if (conditions.length === 0) {
    const reason = `The rule requires another authentication and does not say which: ${description}.`;
    return { kind: "denied", reason, action: null };
  }
  const action = { label: "Log in with the required authentication" };
  // Okta takes one value. The first is the one that the operator prefers.
  if (acrValues.length > 0) action.acrValues = acrValues[0];
  if (maxAge !== null) action.maxAge = maxAge;
  const reason = `The access token is valid, but the rule requires ${conditions.join(" and ")}.`;
  return { kind: "denied", reason, action };
}

function denied(challenge) {
  if (!challenge) {
    const reason = "Envoy denied the call, and the response has no challenge. The guard or another filter denied it.";
    return { kind: "denied", reason, action: null };
  }
  if (challenge.scopes.length > 0) {
    const names = challenge.scopes.join(", ");
    const plural = challenge.scopes.length > 1;
    return {
      kind: "denied",
      reason: `The access token lacks the scope${plural ? "s" : ""} ${names}.`,
      action: { label: `Request ${names}`, scopes: challenge.scopes },
    };
  }
  const description = challenge.description ?? challenge.error ?? "no reason given";
  return {
    kind: "denied",
    reason: `The filter denied the call: ${description}. Another login of this user does not help.`,
    action: null,
  };
}
