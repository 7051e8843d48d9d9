"""The HCP Terraform client `terrasnek` against the API of organizations, teams and team tokens.

It says less than others and reads more into the answers: every failure it knows must be JSON. What it has no call for
goes through its own helpers `_show` and `_list`.
"""

import time

import common
import requests
from common import ORGANIZATION, RUN, TEAM, fails, run, until
from terrasnek.api import TFC
from terrasnek.exceptions import (
    TFCHTTPNotFound,
    TFCHTTPUnauthorized,
    TFCHTTPUnclassified,
    TFCHTTPUnprocessableEntity,
)

def patient(send):
    """Repeats what was refused for its rate. The client never does; `rate_limit_flow.py` shows what it does instead."""

    def until_let_through(*arguments, **options):
        while (answer := send(*arguments, **options)).status_code == 429:
            time.sleep(float(answer.headers["Retry-After"]))
        return answer

    return until_let_through


requests.Session.request = patient(requests.Session.request)


def client(secret):
    api = TFC(secret, url=common.URL, skip_version_check=True)
    api.set_org(ORGANIZATION)
    return api


def attributes(**some):
    return {"data": {"type": "teams", "attributes": some}}


def expiring(text):
    return {"data": {"type": "authentication-token", "attributes": {"expired-at": text}}}


api = client(common.ORGANIZATION_TOKEN)
BASE = f"{common.URL}/api/v2"
LIST = f"{BASE}/organizations/{ORGANIZATION}/team-tokens"


def shown_by_team(team=TEAM):
    return api.team_tokens._show(f"{BASE}/teams/{team}/authentication-token")["data"]


def listed(**options):
    return api.team_tokens._list(LIST, **options)["data"]


def ids(rows):
    return [row["id"] for row in rows]


def refused(secret):
    """It has a class of its own for 401 where it reads and changes, and none elsewhere."""
    stranger = client(secret)
    for call in (stranger.account.show, lambda: stranger.teams.update(TEAM, attributes())):
        with fails(TFCHTTPUnauthorized) as failure:
            call()
        assert failure.error.args == ({"errors": [{"status": "401", "title": "unauthorized"}]},), failure.error
    for call in (stranger.team_tokens.create, stranger.team_tokens.destroy):
        with fails(TFCHTTPUnclassified) as failure:
            call(TEAM)
        assert failure.error.args == ({"errors": [{"status": "401", "title": "unauthorized"}]},), failure.error


def missing(call, *arguments, **options):
    with fails(TFCHTTPNotFound) as failure:
        call(*arguments, **options)
    assert failure.error.args == ({"errors": [{"status": "404", "title": "not found"}]},), failure.error


def it_finds_the_api_and_the_account():
    assert api.well_known_paths()["tfe.v2"] == "/api/v2/"
    own = api.account.show()["data"]
    assert own["type"] == "users" and common.USER_ID.fullmatch(own["id"]), own
    assert own["relationships"]["authenticated-resource"]["data"] == {"type": "organizations", "id": ORGANIZATION}
    path = own["links"]["auth-token"]
    assert path == f"/api/v2/authentication-tokens/{api.user_tokens.show(path.split('/')[-1])['data']['id']}"
    refused("garbage")
    refused(common.NO_SECRET)


def organizations_are_listed_shown_and_changed():
    for rows in (api.orgs.list(), api.orgs.list(page=1, page_size=5), api.orgs.list_all()):
        assert ORGANIZATION in ids(rows["data"])
    shown = api.orgs.show(ORGANIZATION)["data"]
    email = shown["attributes"]["email"]
    changed = api.orgs.update(ORGANIZATION, {"data": {"attributes": {"email": f"{RUN}@example.test"}}})["data"]
    assert changed["attributes"]["email"] == f"{RUN}@example.test"
    assert api.orgs.update(ORGANIZATION, {"data": {"attributes": {"email": email}}})["data"] == shown
    missing(api.orgs.show, f"nobody-{RUN}")


def a_person_s_organization_has_a_token_of_its_own_until_it_is_deleted():
    person, name = client(common.access_token()), f"made-{RUN}"
    payload = {"data": {"type": "organizations", "attributes": {"name": name, "email": "ops@example.test"}}}
    made = person.orgs.create(payload)["data"]
    assert made["id"] == made["attributes"]["name"] == name and person.orgs.show(name)["data"] == made, made
    with fails(TFCHTTPUnprocessableEntity) as failure:
        person.orgs.create(payload)
    assert failure.error.args[0]["errors"][0]["source"] == {"pointer": "/data/attributes/name"}, failure.error
    missing(api.orgs.show, name)
    missing(api.orgs.create, payload)
    person.set_org(name)
    token = person.org_tokens.create()["data"]
    assert token["relationships"]["created-by"]["data"]["type"] == "users", token["relationships"]
    own = client(token["attributes"]["token"])
    own.set_org(name)
    assert [team["attributes"]["name"] for team in own.teams.list()["data"]] == ["owners"]
    person.org_tokens.destroy()
    missing(person.org_tokens.destroy)
    refused(token["attributes"]["token"])
    person.orgs.destroy(name)
    missing(person.orgs.show, name)
    missing(person.orgs.destroy, name)


def teams_are_created_listed_shown_changed_and_deleted():
    before = api.teams.list()["meta"]["pagination"]["total-count"]
    made = [api.teams.create(attributes(name=f"{name} {RUN}"))["data"] for name in ("one", "two", "three")]
    assert all(team["attributes"]["visibility"] == "secret" for team in made), made
    assert api.teams.list()["meta"]["pagination"]["total-count"] == before + 3
    assert set(ids(made)) < set(ids(api.teams.list_all()["data"]))
    past = api.teams.list(page=999)
    assert past["data"] == [] and past["meta"]["pagination"]["current-page"] == 999, past["meta"]
    named = [{"keys": ["names"], "value": f"one {RUN},three {RUN}"}]
    assert set(ids(api.teams.list(filters=named)["data"])) == {made[0]["id"], made[2]["id"]}
    for name in (f"one {RUN}", "", "no#hash"):
        with fails(TFCHTTPUnprocessableEntity) as failure:
            api.teams.create(attributes(name=name))
        [error] = failure.error.args[0]["errors"]
        assert (error["status"], error["source"]) == ("422", {"pointer": "/data/attributes/name"}), error
    one = made[0]["id"]
    changed = api.teams.update(one, attributes(visibility="organization"))["data"]
    assert (changed["attributes"]["name"], changed["attributes"]["visibility"]) == (f"one {RUN}", "organization")
    assert api.teams.show(one)["data"] == changed
    for team in ids(made):
        api.teams.destroy(team)
        missing(api.teams.show, team)
        missing(api.teams.destroy, team)
    assert api.teams.list()["meta"]["pagination"]["total-count"] == before


def a_token_is_created_with_and_without_a_payload():
    plain = api.team_tokens.create(TEAM)["data"]
    assert plain["type"] == "authentication-tokens" and common.TOKEN_ID.fullmatch(plain["id"]), plain["id"]
    assert common.SECRET.fullmatch(plain["attributes"]["token"]) and plain["attributes"]["expired-at"] is None
    assert plain["relationships"]["team"]["data"] == {"type": "teams", "id": TEAM}, plain["relationships"]
    assert plain["relationships"]["created-by"]["data"] == {"type": "organizations", "id": ORGANIZATION}
    hidden = {**plain, "attributes": {**plain["attributes"], "token": None}}
    assert shown_by_team() == api.user_tokens.show(plain["id"])["data"] == hidden
    assert hidden in listed()

    own = client(plain["attributes"]["token"])
    assert own.account.show()["data"]["relationships"]["authenticated-resource"]["data"]["id"] == TEAM
    until(lambda: shown_by_team()["attributes"]["last-used-at"], "the first use")

    expires = api.team_tokens.create(TEAM, expiring("2099-01-31T09:05:07.250+02:00"))["data"]
    assert expires["id"] != plain["id"] and expires["attributes"]["token"] != plain["attributes"]["token"]
    assert expires["attributes"]["expired-at"] == "2099-01-31T07:05:07.250Z", expires["attributes"]["expired-at"]
    refused(plain["attributes"]["token"])
    missing(api.user_tokens.show, plain["id"])

    for wrong in ("2099-01-31", "", "tomorrow", 2099, True, {}):
        with fails(TFCHTTPUnprocessableEntity) as failure:
            api.team_tokens.create(TEAM, expiring(wrong))
        [error] = failure.error.args[0]["errors"]
        assert error["source"] == {"pointer": "/data/attributes/expired-at"}, error
    assert shown_by_team()["id"] == expires["id"], "what is refused replaces nothing"

    passed = api.team_tokens.create(TEAM, expiring(common.PASSED.isoformat()))["data"]
    assert passed["attributes"]["expired-at"] == "2023-04-06T12:00:00.000Z", passed["attributes"]["expired-at"]
    refused(passed["attributes"]["token"])
    missing(api.team_tokens.create, common.NO_TEAM)


def the_list_comes_in_pages_and_in_the_order_asked_for():
    teams = ids(api.teams.create(attributes(name=f"{name} {RUN}"))["data"] for name in ("left", "right"))
    expiries = ("2098-01-01T00:00:00Z", "2099-01-01T00:00:00Z")
    [left, right] = ids(
        api.team_tokens.create(team, expiring(expiry))["data"] for team, expiry in zip(teams, expiries)
    )
    assert ids(listed(query=RUN)) == ids(listed(query=RUN, sort="expired-at")) == [left, right]
    assert ids(listed(query=RUN, sort="-expired-at")) == [right, left]
    assert ids(listed(query=f"RIGHT {RUN}")) == [right]
    pages = [api.team_tokens._list(LIST, query=RUN, page=page, page_size=1) for page in (1, 2, 3)]
    assert [ids(page["data"]) for page in pages] == [[left], [right], []]
    assert all(page["meta"]["pagination"]["total-pages"] == 2 for page in pages), pages[0]["meta"]
    assert ids(api.team_tokens._list_all(LIST, query=RUN)["data"]) == [left, right]
    for team in teams:
        api.teams.destroy(team)
    assert listed(query=RUN) == []


def tokens_are_deleted_by_team_and_by_id():
    token = api.team_tokens.create(TEAM)["data"]
    missing(api.team_tokens.destroy, token["id"])
    assert shown_by_team()["id"] == token["id"]
    api.team_tokens.destroy(TEAM)
    missing(shown_by_team)
    missing(api.team_tokens.destroy, TEAM)
    refused(token["attributes"]["token"])
    token = api.team_tokens.create(TEAM)["data"]
    api.user_tokens.destroy(token["id"])
    missing(api.user_tokens.show, token["id"])
    missing(api.user_tokens.destroy, token["id"])
    refused(token["attributes"]["token"])
    with fails(TFCHTTPUnclassified) as failure:
        api.workspaces._list(f"{BASE}/organizations/{ORGANIZATION}/workspaces")
    assert "There are no workspaces" in failure.error.args[0]["errors"][0]["detail"], failure.error


run(
    "terrasnek",
    it_finds_the_api_and_the_account,
    organizations_are_listed_shown_and_changed,
    a_person_s_organization_has_a_token_of_its_own_until_it_is_deleted,
    teams_are_created_listed_shown_changed_and_deleted,
    a_token_is_created_with_and_without_a_payload,
    the_list_comes_in_pages_and_in_the_order_asked_for,
    tokens_are_deleted_by_team_and_by_id,
)
