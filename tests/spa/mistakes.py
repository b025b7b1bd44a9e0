"""Mistakes in the page that a scenario must find. Each one replaces text of a file before the browser
gets it; the server and its headers stay."""

from dataclasses import dataclass
from typing import Callable

from playwright.sync_api import Page, Route

import scenarios
from browser import Runner

# A scenario with a mistake ends at its first failure, so it waits less.
SECONDS = 3


@dataclass
class Mistake:
    name: str
    file: str
    correct: str
    wrong: str
    scenario: Callable[[Runner], None]
    # A part of the failure.
    failure: str

    # A document that Playwright changes belongs to no address space, so Chromium would deny its calls
    # to loopback. Therefore no mistake changes index.html.
    def plant(self, page: Page, origin: str):
        page.route(f"{origin}/{self.file}", self._respond)

    def _respond(self, route: Route):
        response = route.fetch()
        text = response.text()
        self.planted = self.correct in text
        route.fulfill(response=response, body=text.replace(self.correct, self.wrong))

    def is_found(self, runner: Runner):
        self.planted = False
        runner.mistake, seconds, runner.seconds = self, runner.seconds, SECONDS
        try:
            self.scenario(runner)
        except Exception as problem:
            assert self.planted, f"the mistake was not planted: {problem}"
            assert self.failure in str(problem), f"expected {self.failure!r}, found: {problem}"
        else:
            raise AssertionError(f"{self.scenario.__name__} passed with the mistake")
        finally:
            runner.mistake, runner.seconds = None, seconds


ALL = [
    Mistake(
        "no step-up", "explain.js", "action.acrValues = acrValues[0]", "0",
        scenarios.step_up_raises_acr, 'get_by_label("Code")',
    ),
    Mistake(
        "step-up without max_age", "explain.js", "the rule requires ${conditions.join",
        "the rule requires ${conditions.slice(0, 1).join",
        scenarios.step_up_raises_acr, "in the last 15 minutes",
    ),
    Mistake(
        "no missing scope", "explain.js", "lacks the scope${", "is not enough${",
        scenarios.allowed_and_denied_calls_show_why, "lacks the scope items:write",
    ),
    Mistake(
        "login drops scopes", "auth.js", "...(current?.scopes ?? client.options.scopes)", "...client.options.scopes",
        scenarios.step_up_keeps_the_requested_scope, "201 Created",
    ),
    Mistake(
        "tokens in sessionStorage", "auth.js", 'tokenManager: { storage: "memory" }',
        'tokenManager: { storage: "sessionStorage" }',
        scenarios.login_shows_user_and_keeps_tokens_in_memory, "eyJ",
    ),
    Mistake(
        "no renewal", "app.js", "await client.start();", "",
        scenarios.token_is_renewed_before_it_expires, 'waiting for event "response"',
    ),
    Mistake(
        "a button without effect", "auth.js", 'await client.tokenManager.renew("accessToken");', "",
        scenarios.renewal_replaces_both_tokens, 'waiting for event "response"',
    ),
    Mistake(
        "logout of the page only", "auth.js", "await client.signOut({ clearTokensBeforeRedirect: true });",
        "client.tokenManager.clear();", scenarios.logout_ends_session_at_okta, "the page revoked []",
    ),
    Mistake(
        "token from another site", "auth.js", "await client.token.parseFromUrl()",
        "await client.token.exchangeCodeForTokens({ authorizationCode: 'x', codeVerifier: 'x' })",
        scenarios.callback_forged_is_rejected, "the page sent the code",
    ),
    Mistake(
        "an inline style", "app.js", "async function main() {",
        "async function main() { document.body.setAttribute('style', 'color: red');",
        scenarios.call_without_login_shows_why, "Content Security Policy",
    ),
    Mistake(
        "a script that is no file", "app.js", "async function main() {",
        "async function main() { await import('data:text/javascript,0').catch(() => null);",
        scenarios.call_without_login_shows_why, "Content Security Policy",
    ),
    Mistake(
        "text of the API as HTML", "view.js", 'element("code", "", text)',
        'Object.assign(element("code"), { innerHTML: text })',
        scenarios.call_without_login_shows_why, "TrustedHTML",
    ),
    Mistake(
        "an error in the console", "app.js", "async function main() {", "async function main() { console.error('x');",
        scenarios.call_without_login_shows_why, "errors in the console",
    ),
    Mistake(
        "a wide element", "style.css", "footer {", "h2 { width: 1300px; } footer {",
        scenarios.layout_is_accessible, "scrolls sideways",
    ),
    Mistake(
        "too little contrast", "style.css", "--soft: #57606a", "--soft: #b0b6bc",
        scenarios.layout_is_accessible, "color-contrast",
    ),
    Mistake(
        "cookies to the API", "calls.js", 'credentials: "omit"', 'credentials: "include"',
        scenarios.call_without_login_shows_why, "no response",
    ),
]