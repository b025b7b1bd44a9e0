// The DOM of the page. All text that comes from Okta or the API is set as text and never as HTML.

import { duration, levelName } from "./explain.js";

const STATUS_TEXTS = new Map([
  [200, "OK"], [201, "Created"], [400, "Bad Request"], [401, "Unauthorized"], [403, "Forbidden"],
  [404, "Not Found"], [503, "Service Unavailable"],
]);

export const byId = (id) => document.getElementById(id);

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

// Shows an error, or removes the last one.
export function showProblem(text) {
  byId("problem").textContent = text ?? "";
  byId("problem").hidden = !text;
}

// Shows the result of an action of the user.
export function showNotice(text) {
  byId("notice").textContent = text ?? "";
}

// Shows the user and the token, or the button for the login.
export function showSession(claims, token) {
  byId("logged-in").hidden = !token;
  byId("logged-out").hidden = Boolean(token);
  if (!token) return;
  const name = claims?.name ?? claims?.preferred_username ?? token.claims.sub ?? "unknown";
  const account = claims?.preferred_username ?? token.claims.sub;
  byId("user").textContent = account && account !== name ? `${name} (${account})` : name;
  byId("groups").textContent = list(token.claims.groups);
  byId("scopes").textContent = list(token.claims.scp ?? token.scopes);
  byId("authentication").textContent = authentication(token.claims);
  showExpiry(token);
}

function list(values) {
  return Array.isArray(values) && values.length > 0 ? values.join(", ") : "none";
}

function authentication({ acr, auth_time: time }) {
  const level = acr ? `${levelName(acr)} (acr ${acr})` : "no acr in the token";
  return time ? `${level}, at ${new Date(time * 1000).toLocaleTimeString()}` : level;
}

// Shows how long the access token is valid.
export function showExpiry(token) {
  const seconds = Math.round(token.expiresAt - Date.now() / 1000);
  const at = new Date(token.expiresAt * 1000).toLocaleTimeString();
  const rest = seconds >= 120 ? duration(Math.floor(seconds / 60) * 60) : duration(Math.max(seconds, 0));
  byId("expiry").textContent = seconds > 0 ? `expires at ${at}, in ${rest}` : `expired at ${at}`;
}

// Adds a call to the list. `onSend` runs when the user sends it.
export function addCall(call, onSend) {
  const item = byId("call").content.cloneNode(true).querySelector("li");
  const name = `${call.method} ${call.path}`;
  item.dataset.call = call.id;
  item.querySelector("code").textContent = name;
  item.querySelector(".requires").textContent = `Requires ${call.requires}.`;
  const button = item.querySelector(".send");
  button.setAttribute("aria-label", `Send ${name}`);
  button.addEventListener("click", onSend);
  byId("calls").append(item);
}

// Disables the button of a call while it runs.
export function setRunning(call, running) {
  const item = document.querySelector(`[data-call="${call.id}"]`);
  item.querySelector(".send").disabled = running;
  item.setAttribute("aria-busy", String(running));
}

// Shows the result of a call. `onAction` runs when the user chooses the login that would help.
export function showResult(call, { status, header, text, explanation }, onAction) {
  const response = document.querySelector(`[data-call="${call.id}"] .response`);
  const badge = status === null ? "no response" : `${status} ${STATUS_TEXTS.get(status) ?? ""}`.trim();
  const parts = [
    element("p", "outcome", element("strong", `badge ${explanation.kind}`, badge), ` ${explanation.reason}`),
  ];
  if (explanation.action) {
    const button = element("button", "primary", explanation.action.label);
    button.type = "button";
    button.addEventListener("click", () => onAction(explanation.action));
    parts.push(element("p", "actions", button));
  }
  if (header) parts.push(raw("Challenge", header));
  if (text) parts.push(raw("Body", text));
  response.replaceChildren(...parts);
}

function raw(label, text) {
  return element("div", "raw", element("span", "label", label), element("code", "", text));
}
