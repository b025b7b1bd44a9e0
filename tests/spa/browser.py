"""A browser profile with the page. Every error in the console fails the scenario."""

import re
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

# The window of a laptop and that of a telephone.
LAPTOP, TELEPHONE = (1280, 800), (390, 844)
PASSWORD, CODE = "demo-password", "123456"
JOE, ADA, GUY = "joe.user@example.com", "ada.admin@example.com", "guy.guest@example.com"


class Runner:
    """Makes visits: a visit is a browser profile with one page."""

    def __init__(self, chromium: Browser, programs, screenshots: Path):
        self.chromium, self.programs, self.screenshots = chromium, programs, screenshots
        # The planted mistake: changes a file of the page before the browser gets it.
        self.mistake = None
        self.seconds = 10

    @contextmanager
    def visit(self, window=LAPTOP, scheme="light", clock=False):
        """Opens the page. Fails at the end if the console has an error that the scenario did not expect."""
        context = self.chromium.new_context(
            viewport={"width": window[0], "height": window[1]}, color_scheme=scheme, locale="en-US"
        )
        context.set_default_timeout(self.seconds * 1000)
        expect.set_options(timeout=self.seconds * 1000)
        try:
            page = context.new_page()
            if clock:
                page.clock.install()
            if self.mistake:
                self.mistake.plant(page, self.programs.page)
            visit = Visit(self, page)
            page.goto(f"{self.programs.page}/")
            yield visit
            assert not visit.errors, f"errors in the console: {visit.errors}"
        finally:
            context.close()


class Visit:
    """The page in one profile, with the actions of a user."""

    def __init__(self, runner: Runner, page: Page):
        self.runner, self.page, self.programs = runner, page, runner.programs
        self.errors, self.requests = [], []
        # Denials that Chromium reports in the console. The page shows each of them.
        self.expected = [self.programs.api]
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(f"exception: {error}"))
        page.on("request", lambda request: self.requests.append(request))

    def _on_console(self, message):
        url = message.location.get("url", "")
        failed = re.match(r"Failed to load resource: the server responded with a status of 4\d\d", message.text)
        if failed and any(url.startswith(prefix) for prefix in self.expected):
            return
        # Chromium reports violations of the Content Security Policy as errors, and other problems of
        # security as warnings.
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.type}: {message.text} ({url})")

    def login(self, user: str):
        """Logs in with the password, if Okta has no session of the user."""
        self.page.get_by_role("button", name="Log in", exact=True).first.click()
        self.enter_password(user)
        self.expect_page()

    def enter_password(self, user: str, password: str = PASSWORD):
        self.page.get_by_label("Username").fill(user)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def enter_code(self):
        self.page.get_by_label("Code").fill(CODE)
        self.page.get_by_role("button", name="Verify").click()

    def expect_page(self):
        """Waits until the browser is back at the page, without a code in the address."""
        expect(self.page).to_have_url(f"{self.programs.page}/")
        expect(self.page.get_by_role("button", name="Log out")).to_be_visible()

    def result(self, call: str):
        return self.page.locator(f'[data-call="{call}"] .response')

    def send(self, call: str, badge: str, *texts: str):
        """Sends a call, and compares the result."""
        self.page.locator(f'[data-call="{call}"] .send').click()
        return self.expect_result(call, badge, *texts)

    def expect_result(self, call: str, badge: str, *texts: str):
        result = self.result(call)
        expect(result.locator(".badge")).to_have_text(badge)
        for text in texts:
            expect(result).to_contain_text(text)
        return result

    def tokens_sent(self) -> list[str]:
        """Returns the access tokens of all calls to the API, in their order."""
        calls = [one for one in self.requests if one.url.startswith(f"{self.programs.api}/")]
        headers = [one.headers.get("authorization", "") for one in calls]
        return [header.removeprefix("Bearer ") for header in headers if header]

    def screenshot(self, name: str):
        if not self.runner.mistake:
            self.page.screenshot(path=self.runner.screenshots / f"{name}.png", full_page=True)
