// The challenge of a 401 or 403: the header `WWW-Authenticate` (RFC 9110 section 11.6.1).

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const QUOTED = /"((?:[^"\\]|\\[\s\S])*)"/y;
const SPACE = /[ \t]*/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const SEPARATOR = /[ \t,]*/y;

// Reads a header from left to right. `take` returns the match of a sticky expression, or null.
class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  take(expression) {
    expression.lastIndex = this.at;
    const match = expression.exec(this.text);
    if (match) this.at = expression.lastIndex;
    return match;
  }

  get ended() {
    return this.at >= this.text.length;
  }
}

// Returns the challenges of a header: each has a scheme and parameters, both with names in lower
// case. Returns [] for a header that is missing or not valid, because a part of a challenge could
// mislead the page. A parameter that occurs twice makes the header invalid (RFC 9110 section 11.2).
export function parseChallenges(header) {
  const reader = new Reader(header ?? "");
  const challenges = [];
  reader.take(SEPARATOR);
  while (!reader.ended) {
    const scheme = reader.take(TOKEN);
    if (!scheme) return [];
    const challenge = { scheme: scheme[0].toLowerCase(), parameters: new Map() };
    challenges.push(challenge);
    reader.take(SPACE);
    if (reader.take(TOKEN68) || reader.text[reader.at] === ",") {
      // A value without a name, such as `Negotiate dG9rZW4=`, or a scheme alone.
      reader.take(SEPARATOR);
    } else if (!takeParameters(reader, challenge.parameters)) {
      return [];
    }
  }
  return challenges;
}

// Reads parameters up to the next scheme or the end. Returns false if one is not valid.
function takeParameters(reader, parameters) {
  while (!reader.ended) {
    const start = reader.at;
    const name = reader.take(TOKEN);
    if (!name) return false;
    if (!reader.take(EQUALS)) {
      // The name of the next scheme, which only follows a comma.
      reader.at = start;
      return parameters.size > 0;
    }
    const quoted = reader.take(QUOTED);
    const value = quoted ? quoted[1].replace(/\\([\s\S])/g, "$1") : reader.take(TOKEN)?.[0];
    const key = name[0].toLowerCase();
    if (value === undefined || parameters.has(key)) return false;
    parameters.set(key, value);
    // Parameters and challenges are separated by commas.
    const separator = reader.take(SEPARATOR)[0];
    if (!reader.ended && !separator.includes(",")) return false;
  }
  return true;
}

// Returns the Bearer challenge of RFC 6750 and RFC 9470 as an object, or null if the header has none
// or more than one. `maxAge` is null if it is missing or not a number of seconds.
export function bearerChallenge(header) {
  const bearer = parseChallenges(header).filter((challenge) => challenge.scheme === "bearer");
  if (bearer.length !== 1) return null;
  const { parameters } = bearer[0];
  const words = (name) => (parameters.get(name) ?? "").split(" ").filter(Boolean);
  const maxAge = parameters.get("max_age") ?? "";
  return {
    error: parameters.get("error") ?? null,
    description: parameters.get("error_description") ?? null,
    scopes: words("scope"),
    acrValues: words("acr_values"),
    maxAge: /^[0-9]{1,9}$/.test(maxAge) ? Number(maxAge) : null,
  };
}
