"""Makes a denylist of events of Okta's System Log.

Reads a JSON array of events from standard input: the response of GET /api/v1/logs, or the collected
`data.events` of event hooks. Prints a denylist: each user of a relevant event, and the time before
which the user's tokens are rejected.
"""

import datetime
import json
import sys

EVENT_TYPES = {
    "user.lifecycle.deactivate",
    "user.lifecycle.suspend",
    "user.session.clear",
    "user.authentication.universal_logout",
}
# No access token of Okta lives longer, so older events need no entry.
MAX_LIFETIME = 24 * 3600


def denylist(events, now):
    """Returns the denylist for these events at a time in seconds since 1970."""
    issued_before = {}
    for event in events:
        if event["eventType"] not in EVENT_TYPES or event["outcome"]["result"] != "SUCCESS":
            continue
        published = datetime.datetime.fromisoformat(event["published"].replace("Z", "+00:00")).timestamp()
        if published < now - MAX_LIFETIME:
            continue
        for target in event["target"] or []:
            if target["type"] == "User":
                # `iat` has whole seconds: a token of this second may be older than the event.
                issued_before[target["id"]] = max(int(published) + 1, issued_before.get(target["id"], 0))
    entries = [{"uid": uid, "issued_before": time} for uid, time in issued_before.items()]
    return {"entries": entries}


if __name__ == "__main__":
    now = int(sys.argv[1]) if sys.argv[1:] else datetime.datetime.now().timestamp()
    json.dump(denylist(json.load(sys.stdin), now), sys.stdout, indent=2)
