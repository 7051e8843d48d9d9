"""Shared by the flows: the service's settings, requests that no client supports, and expected failures."""

import contextlib
import http.client
import json
import os
import re
import secrets
import time
import urllib.parse
from datetime import datetime, timezone

URL = os.environ["TERRAPI_URL"]
ORGANIZATION = os.environ["TERRAPI_ORGANIZATION"]
ORGANIZATION_TOKEN = os.environ["TERRAPI_ORGANIZATION_TOKEN"]
# API key of a user who owns the organization.
API_KEY = os.environ["TERRAPI_API_KEY"]
# A team whose tokens may be exchanged and open the KV store.
TEAM = os.environ["TERRAPI_TEAM"]

# Distinguishes the teams of this run from those of an interrupted run.
RUN = secrets.token_hex(4)

SECRET = re.compile(r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9]{67}")
# The Terraform provider accepts only ids of 16 base58 digits.
BASE58 = "[1-9A-HJ-NP-Za-km-z]{16}"
TOKEN_ID = re.compile(f"at-{BASE58}")
TEAM_ID = re.compile(f"team-{BASE58}")
MEMBERSHIP_ID = re.compile(r"ou-[A-Za-z0-9]{8}[1-9A-HJ-NP-Za-km-z]{8}")
USER_ID = re.compile(f"user-{BASE58}")

# Well-formed ids that do not exist.
NO_TEAM = "team-0000000000000000"
NO_TOKEN = "at-0000000000000000"
NO_SECRET = f"{RUN}000000.atlasv1.{'0' * 67}"

# The expiry in the documented sample payload, which is in the past.
PASSED = datetime(2023, 4, 6, 12, 0, 0, tzinfo=timezone.utc)
DESCRIPTION_TAKEN = "Validation failed: Description has already been taken"

# How long the service may take to record the use of a token, in seconds.
NOTED = 10


def raw(method, path, token=None, body=None, content_type="application/vnd.api+json"):
    """Sends a request that the client does not support. Returns the status, the headers and the body as JSON."""
    address = urllib.parse.urlsplit(URL)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        headers["Content-Type"] = content_type
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, answer.headers, json.loads(text) if text else None


def access_token():
    """Exchanges the user's API key for an access token, which is valid for a minute."""
    status, _, grant = raw("POST", "/api/v1/access-token/refresh", API_KEY)
    assert status == 200, (status, grant)
    return grant["token"]


class Failure:
    """The caught exception of a `fails` block."""

    error = None


@contextlib.contextmanager
def fails(kind):
    """Asserts that the block raises exactly this class."""
    failure = Failure()
    try:
        yield failure
    except Exception as error:
        if type(error) is not kind:
            raise
        failure.error = error
    else:
        raise AssertionError(f"{kind.__name__} was not raised")


def until(condition, what):
    """Polls `condition` until it is true, for work that the service does in the background. Returns its value."""
    deadline = time.monotonic() + NOTED
    while not (outcome := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {NOTED} s"
        time.sleep(0.1)
    return outcome


def run(client, *steps):
    """Runs the steps in order and prints each finished one: the last line of a failing flow is the step before."""
    for step in steps:
        step()
        print(f"{client}: {step.__name__.replace('_', ' ')}", flush=True)
