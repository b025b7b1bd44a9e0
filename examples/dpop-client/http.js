// Functions that send requests for `client.js`.

// Returns a `fetch` for the stand-in Okta: no DNS has the name of its issuer, so requests to the
// issuer's origin go to `reachable`. The client and its proofs have the URLs of the issuer.
export function reachingStandIn(issuer, reachable) {
  const [from, to] = [issuer, reachable].map((url) => new URL(url).origin);
  return (url, options) => {
    const target = new URL(url);
    return fetch(target.origin === from ? `${to}${target.pathname}${target.search}` : target, options);
  };
}

// Returns a `fetch` that prints the lines of each request and response that matter for DPoP. Tokens
// and proofs are cut, because they are credentials.
export function traced(send, print) {
  return async (url, options = {}) => {
    print(`> ${options.method ?? "GET"} ${url}`);
    const headers = new Headers(options.headers);
    for (const name of ["authorization", "dpop"]) {
      if (headers.has(name)) print(`> ${name}: ${cut(name, headers.get(name))}`);
    }
    const response = await send(url, options);
    print(`< ${response.status} ${response.statusText}`);
    for (const name of ["dpop-nonce", "www-authenticate"]) {
      if (response.headers.has(name)) print(`< ${name}: ${response.headers.get(name)}`);
    }
    print("");
    return response;
  };
}

// Returns a proof as its claims, and only the scheme of other credentials.
function cut(name, value) {
  if (name === "dpop") return Buffer.from(value.split(".")[1] ?? "", "base64url").toString();
  return `${value.split(" ")[0]} ...`;
}
