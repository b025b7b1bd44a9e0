// The page: connects the SDK, the calls and the DOM.

import { accessToken, completeLogin, createClient, login, logout, renew, user } from "./auth.js";
import { CALLS, send } from "./calls.js";
import { addCall, byId, setRunning, showExpiry, showNotice, showProblem, showResult, showSession } from "./view.js";

async function main() {
  const response = await fetch("/config.json", { cache: "no-store" });
  if (!response.ok) throw new Error(`config.json: ${response.status}`);
  const config = await response.json();
  const client = createClient(config);
  const show = () => showSession(user(client), accessToken(client));

  const run = async (call) => {
    setRunning(call, true);
    const result = await send(config.api, call, accessToken(client)?.value ?? null);
    setRunning(call, false);
    showResult(call, result, (action) => attempt(() => login(client, action, call.id)));
  };
  for (const call of CALLS) addCall(call, () => attempt(() => run(call)));

  byId("login").addEventListener("click", () => attempt(() => login(client)));
  byId("logout").addEventListener("click", () => attempt(() => logout(client)));
  byId("renew").addEventListener("click", () => attempt(() => renew(client)));
  byId("environment").textContent = `Issuer: ${config.issuer}. API: ${config.api}.`;

  client.tokenManager.on("added", show);
  client.tokenManager.on("removed", show);
  client.tokenManager.on("renewed", (key) => {
    show();
    if (key === "accessToken") showNotice(`Okta renewed the tokens at ${new Date().toLocaleTimeString()}.`);
  });
  client.tokenManager.on("error", (error) => showProblem(`Okta did not renew the tokens: ${words(error)}`));

  let retry = null;
  await attempt(async () => {
    retry = await completeLogin(client);
  });
  // Starts the renewal of tokens before they expire.
  await client.start();
  show();
  setInterval(() => {
    const token = accessToken(client);
    if (token) showExpiry(token);
  }, 1000);
  const again = CALLS.find((call) => call.id === retry);
  if (again && accessToken(client)) await attempt(() => run(again));
}

// Runs an action of the user, and shows its error.
async function attempt(action) {
  showProblem(null);
  showNotice(null);
  try {
    await action();
  } catch (error) {
    showProblem(words(error));
  }
}

// Returns the text of an error: of OAuth, of Okta's API or of the SDK.
function words(error) {
  const text = error.errorSummary || error.message || String(error);
  return error.errorCode && !text.includes(error.errorCode) ? `${error.errorCode}: ${text}` : text;
}

main().catch((error) => showProblem(`The page did not start: ${words(error)}`));
