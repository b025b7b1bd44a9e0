"""What a user does with the page."""

import re
from pathlib import Path

from playwright.sync_api import expect

from browser import ADA, GUY, JOE, LAPTOP, TELEPHONE, Runner, Visit

AXE = Path(__file__).resolve().parents[2] / "examples/spa/node_modules/axe-core/axe.min.js"


def call_without_login_shows_why(runner: Runner):
    with runner.visit() as visit:
        expect(visit.page.locator("#logged-out")).to_be_visible()
        visit.send("root", "200 OK", "The rule is public", "Hello, World")
        result = visit.send("me", "401 Unauthorized", "The call has no access token", "token_missing")
        expect(result.locator(".raw code").first).to_have_text('Bearer realm="api"')
        assert visit.tokens_sent() == [], "the page sent a token"


def login_shows_user_and_keeps_tokens_in_memory(runner: Runner):
    with runner.visit() as visit:
        visit.login(JOE)
        page = visit.page
        expect(page.locator("#user")).to_have_text("Joe User (joe.user@example.com)")
        expect(page.locator("#groups")).to_have_text("Everyone, IT")
        expect(page.locator("#scopes")).to_contain_text("items:read")
        expect(page.locator("#authentication")).to_contain_text("no acr in the token")
        expect(page.locator("#expiry")).to_contain_text(re.compile(r"expires at .*, in (59|60) minutes"))
        stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        assert "eyJ" not in stored and "refresh" not in stored.lower(), stored
        visit.screenshot("logged-in")
        # A reload loses the tokens. The next login needs no form, because Okta has a session.
        page.reload()
        expect(page.locator("#logged-out")).to_be_visible()
        page.locator("#login").click()
        visit.expect_page()


def login_at_retry_of_denied_call_repeats_it(runner: Runner):
    with runner.visit() as visit:
        result = visit.send("me", "401 Unauthorized")
        result.get_by_role("button", name="Log in").click()
        visit.enter_password(JOE)
        visit.expect_page()
        visit.expect_result("me", "200 OK", '"sub":"joe.user@example.com"')


def allowed_and_denied_calls_show_why(runner: Runner):
    with runner.visit() as visit:
        visit.login(JOE)
        visit.send("me", "200 OK", '"sub":"joe.user@example.com"', '"groups":["Everyone","IT"]')
        visit.send("items", "200 OK", "red ball")
        visit.send("create", "403 Forbidden", "The access token lacks the scope items:write.", 'scope="items:write"')
        result = visit.send("admin", "403 Forbidden", "Another login of this user does not help")
        assert result.get_by_role("button").count() == 0, "a login does not help"
        visit.screenshot("denied")


def group_of_other_user_is_allowed(runner: Runner):
    with runner.visit() as visit:
        visit.login(ADA)
        expect(visit.page.locator("#groups")).to_have_text("Everyone, Admins")
        visit.send("admin", "200 OK", "Hello, ada.admin@example.com")


def scope_missing_is_requested_at_login(runner: Runner):
    with runner.visit() as visit:
        visit.login(JOE)
        result = visit.send("create", "403 Forbidden")
        result.get_by_role("button", name="Request items:write").click()
        visit.expect_page()
        # Okta's session is enough, so there is no form.
        visit.expect_result("create", "201 Created", '"name":"lamp"')
        expect(visit.page.locator("#scopes")).to_contain_text("items:write")
        visit.send("items", "200 OK")


def step_up_raises_acr(runner: Runner):
    with runner.visit() as visit:
        visit.login(JOE)
        step_up(visit)
        visit.send("create", "403 Forbidden", "items:write")
        visit.send("admin", "403 Forbidden")
        visit.send("me", "200 OK")
        visit.screenshot("stepped-up")


def step_up(visit: Visit):
    texts = ["two factors", "in the last 15 minutes", "insufficient_user_authentication"]
    result = visit.send("item", "401 Unauthorized", *texts)
    result.get_by_role("button", name="Log in with the required authentication").click()
    visit.enter_code()
    visit.expect_page()
    visit.expect_result("item", "200 OK", "red ball")
    expect(visit.page.locator("#authentication")).to_contain_text("two factors (acr urn:okta:loa:2fa:any)")


def step_up_keeps_the_requested_scope(runner: Runner):
    with runner.visit() as visit:
        visit.login(JOE)
        visit.send("create", "403 Forbidden").get_by_role("button").click()
        visit.expect_page()
        visit.expect_result("create", "201 Created")
        step_up(visit)
        visit.send("create", "201 Created")


def step_up_that_user_cannot_meet_shows_error_of_okta(runner: Runner):
    with runner.visit() as visit:
        visit.login(GUY)
        visit.send("item", "401 Unauthorized").get_by_role("button").click()
        expect(visit.page.get_by_role("alert")).to_contain_text("unmet_authentication_requirements")
        expect(visit.page).to_have_url(f"{visit.programs.page}/")


def renewal_replaces_both_tokens(runner: Runner):
    with runner.visit() as visit:
        visit.login(JOE)
        step_up(visit)
        visit.send("me", "200 OK")
        for _ in range(2):
            with visit.page.expect_response(lambda response: response.url.endswith("/v1/token")) as renewal:
                visit.page.get_by_role("button", name="Renew tokens").click()
            assert renewal.value.status == 200
            assert "grant_type=refresh_token" in renewal.value.request.post_data
            expect(visit.page.get_by_role("status").first).to_contain_text("Okta renewed the tokens")
            visit.send("me", "200 OK")
            # A renewal keeps the authentication.
            visit.send("item", "200 OK")
        renewals = [one for one in visit.requests if "grant_type=refresh_token" in (one.post_data or "")]
        refresh_tokens = {re.search(r"refresh_token=([^&]+)$", one.post_data)[1] for one in renewals}
        assert len(renewals) == len(refresh_tokens) == 2, "the page sends the new refresh token"
        assert len(set(visit.tokens_sent()[-6:])) == 3, "three access tokens"


def token_is_renewed_before_it_expires(runner: Runner):
    with runner.visit(clock=True) as visit:
        visit.login(JOE)
        with visit.page.expect_response(lambda response: response.url.endswith("/v1/token")) as renewal:
            visit.page.clock.fast_forward("59:45")
        assert "grant_type=refresh_token" in renewal.value.request.post_data
        expect(visit.page.get_by_role("status").first).to_contain_text("Okta renewed the tokens")
        visit.send("me", "200 OK")


def logout_ends_session_at_okta(runner: Runner):
    with runner.visit() as visit:
        page = visit.page
        visit.login(JOE)
        visit.send("me", "200 OK")
        page.get_by_role("button", name="Log out").click()
        expect(page.locator("#logged-out")).to_be_visible()
        expect(page).to_have_url(f"{visit.programs.page}/")
        revoked = [one for one in visit.requests if one.url.endswith("/v1/revoke") and one.method == "POST"]
        hints = [re.search(r"token_type_hint=(\w+)", one.post_data)[1] for one in revoked]
        assert hints == ["refresh_token", "access_token"], f"the page revoked {hints}"
        assert [one.response().status for one in revoked] == [200, 200]
        visit.send("me", "401 Unauthorized", "The call has no access token")
        page.locator("#login").click()
        expect(page.get_by_label("Password")).to_be_visible()


def password_wrong_gets_no_code(runner: Runner):
    with runner.visit() as visit:
        # The stand-in responds with 403 to the form.
        visit.expected.append(visit.programs.okta.removesuffix("/oauth2/default"))
        visit.page.locator("#login").click()
        visit.enter_password(JOE, "wrong")
        expect(visit.page.get_by_role("alert")).to_contain_text("Unable to sign in")
        assert not any("/login/callback" in one.url for one in visit.requests)
        visit.enter_password(JOE)
        visit.expect_page()


def call_without_network_is_no_denial(runner: Runner):
    with runner.visit() as visit:
        visit.page.context.set_offline(True)
        result = visit.send("root", "no response", "The browser passed no response to the page")
        assert result.get_by_role("button").count() == 0, "a login does not help"
        assert all("ERR_INTERNET_DISCONNECTED" in error for error in visit.errors), visit.errors
        visit.errors.clear()


def callback_forged_is_rejected(runner: Runner):
    with runner.visit() as visit:
        # An attacker's link: a code with a state that this browser did not send.
        visit.page.goto(f"{visit.programs.page}/login/callback?code=attacker&state=attacker")
        expect(visit.page.get_by_role("alert")).to_be_visible()
        expect(visit.page.locator("#logged-out")).to_be_visible()
        expect(visit.page).to_have_url(f"{visit.programs.page}/")
        assert not any(one.url.endswith("/v1/token") for one in visit.requests), "the page sent the code"


def layout_is_accessible(runner: Runner):
    for window in (LAPTOP, TELEPHONE):
        for scheme in ("light", "dark"):
            with runner.visit(window, scheme) as visit:
                expect_accessible(visit)
                visit.login(JOE)
                visit.send("me", "200 OK")
                visit.send("create", "403 Forbidden")
                visit.send("item", "401 Unauthorized")
                expect_accessible(visit)
                visit.screenshot(f"layout-{window[0]}-{scheme}")


def expect_accessible(visit: Visit):
    page = visit.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    page.evaluate(AXE.read_text(encoding="utf-8") + ";0")
    run = "axe.run().then(({violations}) => violations.map(({id, nodes}) => [id, nodes[0].html]))"
    violations = page.evaluate(run)
    assert violations == [], f"axe: {violations}"


ALL = [
    call_without_login_shows_why,
    login_shows_user_and_keeps_tokens_in_memory,
    login_at_retry_of_denied_call_repeats_it,
    allowed_and_denied_calls_show_why,
    group_of_other_user_is_allowed,
    scope_missing_is_requested_at_login,
    step_up_raises_acr,
    step_up_keeps_the_requested_scope,
    step_up_that_user_cannot_meet_shows_error_of_okta,
    renewal_replaces_both_tokens,
    token_is_renewed_before_it_expires,
    logout_ends_session_at_okta,
    password_wrong_gets_no_code,
    call_without_network_is_no_denial,
    callback_forged_is_rejected,
    layout_is_accessible,
]
