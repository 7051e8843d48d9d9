"""How both clients handle a rate limit: `pytfe` waits and retries, `terrasnek` raises an error."""

import http.client
import json
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import common
from common import RUN, fails, run
from pytfe import TFEClient, TFEConfig
from pytfe.models import TeamCreateOptions
from terrasnek.api import TFC
from terrasnek.exceptions import TFCHTTPAPIRequestRateLimit

ACCOUNT = "/api/v2/account/details"
# Enough concurrent clients to exceed the limit.
CLIENTS = 8
# How long they may take to exceed it, in seconds.
PATIENCE = 20

organization = TFEClient(TFEConfig(address=common.URL, token=common.ORGANIZATION_TOKEN))
# A separate team has a separate rate budget.
team = organization.teams.create(common.ORGANIZATION, TeamCreateOptions(name=f"busy {RUN}"))
secret = organization.team_tokens.create(team.id).token


def first_refusal():
    """Sends requests over one connection until an answer is 429. Returns its headers and body."""
    address = urllib.parse.urlsplit(common.URL)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        connection.request("GET", ACCOUNT, headers={"Authorization": f"Bearer {secret}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 429:
            connection.close()
            return answer.headers, json.loads(body)
        assert answer.status == 200, (answer.status, body)
        assert 0 <= float(answer.headers["X-RateLimit-Remaining"]), answer.headers
    raise AssertionError(f"{CLIENTS} clients were not refused within {PATIENCE} s")


def spend():
    """Uses up the team's rate budget."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        return [pool.submit(first_refusal) for _ in range(CLIENTS)][0].result()


def refusal_states_the_seconds_to_wait():
    headers, body = spend()
    assert body == {"errors": [{"status": "429", "title": "too many requests"}]}, body
    assert float(headers["X-RateLimit-Reset"]) > 0 and float(headers["Retry-After"]) > 0, headers
    assert int(headers["X-RateLimit-Limit"]) >= 4 and int(headers["X-RateLimit-Remaining"]) == 0, headers
    assert headers["TFP-API-Version"] and headers["Content-Type"].startswith("application/vnd.api+json"), headers


def terrasnek_raises_a_rate_limit_error():
    api = TFC(secret, url=common.URL, skip_version_check=True)
    api.set_org(common.ORGANIZATION)
    spend()
    with fails(TFCHTTPAPIRequestRateLimit) as failure:
        for _ in range(1000):
            api.account.show()
    assert failure.error.args[0]["errors"][0]["status"] == "429", failure.error


def pytfe_retries_after_the_wait():
    tfe = TFEClient(TFEConfig(address=common.URL, token=secret))
    statuses = []
    tfe._transport._sync.event_hooks["response"].append(lambda answer: statuses.append(answer.status_code))
    spend()
    while 429 not in statuses and len(statuses) < 1000:
        tfe.users.read_current()
    assert 429 in statuses and statuses[-1] == 200, statuses


def other_teams_are_not_limited():
    organization.teams.delete(team.id)


run(
    "rate limit",
    refusal_states_the_seconds_to_wait,
    terrasnek_raises_a_rate_limit_error,
    pytfe_retries_after_the_wait,
    other_teams_are_not_limited,
)
