"""Mistakes in the configuration, each with the scenario that must find it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import scenarios
from programs import Programs, replace_once


@dataclass
class Mistake:
    """A change of the configuration that one scenario must find."""

    name: str
    change: Callable[[str], str]
    scenario: Callable[[Programs], Awaitable[None]]
    # A part of the problem that the scenario must report.
    problem: str


def without_audience(text: str) -> str:
    assert text.count("require_audience: true") == 2
    return text.replace("require_audience: true", "require_audience: false")


def without_resources(text: str) -> str:
    start, end = text.index("protected_resources:"), text.index("rules:", text.index("protected_resources:"))
    return text[:start] + text[end:]


def one_scope_for_two_tools(text: str) -> str:
    return replace_once(text, "scopes: [items:read, items:write] }\n", "scopes: [items:read] }\n")


def without_deny_for_old_versions(text: str) -> str:
    return replace_once(
        text, "headers: [{ name: Mcp-Method, present_match: true, invert_match: true }]", "methods: [PUT]"
    )


def without_deny_for_other_tools(text: str) -> str:
    return replace_once(text, "headers: [{ name: Mcp-Method, string_match: { exact: tools/call } }]", "methods: [PUT]")


def with_token(text: str) -> str:
    return replace_once(text, "forward: false", "forward: true")


def without_scope_details(text: str) -> str:
    return replace_once(text, "forward: false", "forward: false\n                            responses: { details: false }")


ALL = [
    Mistake(
        "no audience",
        without_audience,
        scenarios.token_for_one_server_is_rejected_at_the_other,
        "expected (401, 'audience_not_allowed'), got (200, None)",
    ),
    Mistake(
        "no metadata",
        without_resources,
        scenarios.client_finds_the_authorization_server_by_the_challenge,
        "OAuthFlowError",
    ),
    Mistake(
        "no details",
        without_scope_details,
        scenarios.client_finds_the_authorization_server_by_the_challenge,
        "expected 'Bearer realm=\"api\",scope=\"items:read\",resource_metadata=",
    ),
    Mistake(
        "one scope for two tools",
        one_scope_for_two_tools,
        scenarios.step_up_requests_all_scopes_of_the_tool,
        "no exchange https://mcp.example.com/mcp/items add_item 403",
    ),
    Mistake(
        "no deny for old versions",
        without_deny_for_old_versions,
        scenarios.client_of_an_older_version_is_denied,
        "an older client called the tool",
    ),
    Mistake(
        "no deny for other tools",
        without_deny_for_other_tools,
        scenarios.name_that_differs_from_the_body_is_rejected,
        "expected (403, 'denied_by_rule'), got (200, None)",
    ),
    Mistake(
        "token for the server",
        with_token,
        scenarios.server_receives_identity_and_no_token,
        "'has_token': 'True'",
    ),
]
