"""The HCP Terraform client `pytfe` against the API of organizations, teams and team tokens."""

from datetime import datetime, timedelta, timezone

import common
from common import ORGANIZATION, RUN, TEAM, fails, raw, run, until
from pytfe import TFEClient, TFEConfig
from pytfe.errors import AuthError, NotFound, TFEError
from pytfe.models import (
    OrganizationCreateOptions,
    OrganizationUpdateOptions,
    TeamCreateOptions,
    TeamListOptions,
    TeamTokenCreateOptions,
    TeamTokenListOptions,
    TeamUpdateOptions,
)
from pytfe.models.team import OrganizationAccessOptions


def client(secret):
    return TFEClient(TFEConfig(address=common.URL, token=secret))


tfe = client(common.ORGANIZATION_TOKEN)
tokens = tfe.team_tokens


def listed(organization=ORGANIZATION, **options):
    return list(tokens.list(organization, TeamTokenListOptions(**options)))


def ids(rows):
    return [row.id for row in rows]


def refused(secret):
    with fails(AuthError) as failure:
        client(secret).users.read_current()
    assert failure.error.status == 401, failure.error


def new_team(name, **options):
    return tfe.teams.create(ORGANIZATION, TeamCreateOptions(name=f"{name} {RUN}", **options))


def account_is_the_organizations_or_the_teams():
    own = tfe.users.read_current()
    assert common.USER_ID.fullmatch(own.id) and own.username and own.avatar_url, own
    assert own.is_service_account is True and own.v2_only is False, own
    assert own.two_factor is not None and own.permissions is not None, own
    team = client(tokens.create(TEAM).token).users.read_current()
    assert team.username.startswith("api-team_") and team.id != own.id, team
    for secret in ("", "garbage", common.NO_SECRET):
        refused(secret)


def organizations_are_listed_read_and_changed():
    assert ORGANIZATION in [organization.name for organization in tfe.organizations.list()]
    read = tfe.organizations.read(ORGANIZATION)
    assert (read.id, read.name) == (ORGANIZATION, ORGANIZATION), read
    assert read.permissions["can-create-team"] is True and read.permissions["can-update-api-token"] is True, read
    changed = tfe.organizations.update(ORGANIZATION, OrganizationUpdateOptions(email=f"{RUN}@example.test"))
    assert changed.email == f"{RUN}@example.test", changed
    restored = tfe.organizations.update(ORGANIZATION, OrganizationUpdateOptions(email=read.email))
    assert restored == read, restored
    with fails(NotFound) as failure:
        tfe.organizations.read(f"nobody-{RUN}")
    assert failure.error.errors == [{"status": "404", "title": "not found"}], failure.error.errors


def user_creates_and_deletes_an_organization_with_a_token():
    person, name = client(common.access_token()), f"made-{RUN}"
    options = OrganizationCreateOptions(name=name, email="ops@example.test")
    made = person.organizations.create(options)
    assert (made.id, made.email, made.permissions["can-destroy"]) == (name, "ops@example.test", True), made
    assert {ORGANIZATION, name} <= {organization.name for organization in person.organizations.list()}
    with fails(TFEError) as failure:
        person.organizations.create(options)
    assert (failure.error.status, str(failure.error)) == (422, "Name has already been taken"), failure.error
    for stranger in (tfe.organizations.read, tfe.organizations.delete, tfe.organization_tokens.read):
        with fails(NotFound):
            stranger(name)

    first = person.organization_tokens.create(name)
    assert person.organization_tokens.read(name).id == first.id and client(first.token).users.read_current().id
    second = person.organization_tokens.create(name)
    refused(first.token)
    own = client(second.token)
    [owners] = own.teams.list(name)
    with fails(TFEError) as failure:
        own.teams.delete(owners.id)
    assert (owners.name, failure.error.status) == ("owners", 422), failure.error
    team = own.teams.create(name, TeamCreateOptions(name="two words"))
    token = person.team_tokens.create(team.id)
    assert token.created_by.user is not None and token.created_by.organization is None, token.created_by

    renamed = person.organizations.update(name, OrganizationUpdateOptions(name=f"renamed-{RUN}"))
    assert own.organizations.read(renamed.name).id == f"renamed-{RUN}"
    person.organizations.delete(renamed.name)
    for gone in (person.organizations.read, person.organizations.delete):
        with fails(NotFound):
            gone(renamed.name)
    for secret in (token.token, second.token):
        refused(secret)


def members_are_added_listed_and_removed():
    team = new_team("people")
    [owners] = list(tfe.teams.list(ORGANIZATION, TeamListOptions(names=["owners"])))
    [person] = list(tfe.teams.list_users(owners.id))
    assert person.username, person
    tfe.teams.add_users(team.id, [person.username])
    assert [user.username for user in tfe.teams.list_users(team.id)] == [person.username]
    [membership] = list(tfe.teams.list_organization_memberships(team.id))
    assert common.MEMBERSHIP_ID.fullmatch(membership.id) and membership.status == "active", membership
    tfe.teams.remove_users(team.id, [person.username])
    assert list(tfe.teams.list_users(team.id)) == []
    with fails(TFEError) as failure:
        tfe.teams.remove_users(owners.id, [person.username])
    assert failure.error.status == 422, failure.error
    tfe.teams.delete(team.id)


def settings_are_stored_or_refused():
    change = OrganizationUpdateOptions(cost_estimation_enabled=True, default_execution_mode="local")
    kept = tfe.organizations.update(ORGANIZATION, change)
    assert kept.default_execution_mode == "local" and kept.max_ttl_enabled is False, kept
    # The client sends this name with an underscore, and does not parse it in answers.
    _, _, shown = raw("GET", f"/api/v2/organizations/{ORGANIZATION}", common.ORGANIZATION_TOKEN, "")
    assert shown["data"]["attributes"]["cost-estimation-enabled"] is True, shown
    restore = OrganizationUpdateOptions(cost_estimation_enabled=False, default_execution_mode="remote")
    assert tfe.organizations.update(ORGANIZATION, restore).default_execution_mode == "remote"
    for refused_options in ({"session_timeout": 30}, {"collaborator_auth_policy": "two_factor_mandatory"}):
        with fails(TFEError) as failure:
            tfe.organizations.update(ORGANIZATION, OrganizationUpdateOptions(**refused_options))
        assert failure.error.status == 422, failure.error
    entitlements = tfe.organizations.read_entitlements(ORGANIZATION)
    assert entitlements.teams is True and entitlements.state_storage is False, entitlements


def teams_are_created_listed_read_changed_and_deleted():
    before = [team.id for team in tfe.teams.list(ORGANIZATION)]
    access = OrganizationAccessOptions(manage_teams=True, manage_policies=False)
    made = [new_team("one"), new_team("two", visibility="organization"), new_team("Three", organization_access=access)]
    one, two, three = made
    assert common.TEAM_ID.fullmatch(one.id) and one.name == f"one {RUN}", one
    assert one.visibility == "secret" and one.is_unified is False and one.allow_member_token_management is True, one
    assert one.permissions.can_destroy is True and one.permissions.can_update_membership is True, one
    assert two.visibility == "organization" and three.organization_access.manage_teams is True, (two, three)
    with fails(TFEError) as failure:
        new_team("one")
    assert (failure.error.status, str(failure.error)) == (422, "Name has already been taken"), failure.error

    def found(**options):
        return [team.id for team in tfe.teams.list(ORGANIZATION, TeamListOptions(**options))]

    assert set(found()) == {*before, one.id, two.id, three.id}
    assert found(page_size=1) == found(), "page by page"
    assert found(query=f"THREE {RUN}") == [three.id]
    assert set(found(names=[one.name, two.name])) == {one.id, two.id}
    assert tfe.teams.read(one.id) == one
    change = TeamUpdateOptions(name=f"four {RUN}", allow_member_token_management=False)
    changed = tfe.teams.update(one.id, change)
    assert (changed.name, changed.visibility) == (f"four {RUN}", "secret"), changed
    assert changed.allow_member_token_management is False and tfe.teams.read(one.id) == changed

    token = tokens.create(one.id)
    for team in made:
        tfe.teams.delete(team.id)
        for gone in (tfe.teams.read, tfe.teams.delete):
            with fails(NotFound):
                gone(team.id)
    assert set(found()) == set(before)
    refused(token.token)
    with fails(NotFound):
        tokens.read_by_id(token.id)


def legacy_token_is_shown_once_and_replaced_by_the_next():
    first = tokens.create(TEAM)
    assert common.TOKEN_ID.fullmatch(first.id) and common.SECRET.fullmatch(first.token), first.id
    assert first.description is None and first.expired_at is None and first.last_used_at is None, first.id
    assert first.created_at.utcoffset() == timedelta(0) and first.team.id == TEAM, first.id
    assert first.created_by.organization.id == ORGANIZATION, first.created_by
    assert first.created_by.user is None and first.created_by.team is None, first.created_by
    read = tokens.read(TEAM)
    assert (read.id, read.token, read.created_at) == (first.id, None, first.created_at)
    assert tokens.read_by_id(first.id) == read and read in listed()

    second = tokens.create(TEAM)
    assert second.id != first.id and second.token != first.token
    with fails(NotFound):
        tokens.read_by_id(first.id)
    refused(first.token)
    assert tokens.read(TEAM).id == second.id
    own = client(second.token)
    assert own.users.read_current().is_service_account is True
    assert own.teams.read(TEAM).id == TEAM and own.team_tokens.read(TEAM).id == second.id
    until(lambda: tokens.read_by_id(second.id).last_used_at, "the first use")

    status, _, grant = raw("POST", "/api/v1/access-token/refresh", second.token)
    assert status == 200 and grant["token"], status


def expiry_is_the_same_instant_in_every_response():
    zone = timezone(timedelta(hours=2))
    cases = [
        (datetime(2099, 1, 31, 9, 5, 7, tzinfo=timezone.utc), datetime(2099, 1, 31, 9, 5, 7, tzinfo=timezone.utc)),
        (datetime(2099, 1, 31, 9, 5, 7, tzinfo=zone), datetime(2099, 1, 31, 7, 5, 7, tzinfo=timezone.utc)),
        (datetime(2099, 1, 31, 9, 5, 7, 123456), datetime(2099, 1, 31, 9, 5, 7, 123000, tzinfo=timezone.utc)),
    ]
    for sent, meant in cases:
        token = tokens.create_with_options(TEAM, TeamTokenCreateOptions(expired_at=sent))
        [row] = [row for row in listed() if row.id == token.id]
        shown = [token, tokens.read(TEAM), tokens.read_by_id(token.id), row]
        assert [token.expired_at for token in shown] == [meant] * 4, (sent, shown)


def expired_token_is_refused_and_still_shown():
    token = tokens.create_with_options(TEAM, TeamTokenCreateOptions(expired_at=common.PASSED))
    assert token.expired_at == common.PASSED and common.SECRET.fullmatch(token.token), token.id
    refused(token.token)
    assert tokens.read(TEAM).id == token.id and tokens.read_by_id(token.id).expired_at == common.PASSED
    assert token.id in ids(listed())


def tokens_with_descriptions_coexist():
    team = new_team("described")
    legacy = tokens.create(team.id)
    deploy = tokens.create_with_options(team.id, TeamTokenCreateOptions(description="deploy pipeline"))
    audit = tokens.create_with_options(team.id, TeamTokenCreateOptions(description="Audit", expired_at=common.PASSED))
    assert (deploy.description, audit.description, legacy.description) == ("deploy pipeline", "Audit", None)
    assert tokens.read_by_id(deploy.id).description == "deploy pipeline"
    assert client(deploy.token).users.read_current().username == client(legacy.token).users.read_current().username
    for taken in ("deploy pipeline", "Audit"):
        with fails(TFEError) as failure:
            tokens.create_with_options(team.id, TeamTokenCreateOptions(description=taken))
        assert str(failure.error) == common.DESCRIPTION_TAKEN, failure.error
        [error] = failure.error.errors
        assert (failure.error.status, error["status"], error["title"]) == (422, "422", "invalid attributes"), error

    # The client sends an empty description to the path of legacy tokens.
    replaced = tokens.create_with_options(team.id, TeamTokenCreateOptions(description=""))
    assert replaced.description is None and tokens.read(team.id).id == replaced.id
    refused(legacy.token)
    path = f"/api/v2/teams/{team.id}/authentication-tokens"
    body = '{"data": {"type": "authentication-tokens", "attributes": {"description": ""}}}'
    status, _, empty = raw("POST", path, common.ORGANIZATION_TOKEN, body)
    assert (status, empty["data"]["attributes"]["description"]) == (201, "")
    assert set(ids(listed(query=team.name))) == {replaced.id, deploy.id, audit.id, empty["data"]["id"]}
    tfe.teams.delete(team.id)
    assert listed(query=team.name) == []


def list_has_every_token_in_the_requested_order():
    before = set(ids(listed()))
    alpha, beta = new_team("alpha"), new_team("Beta")
    never = tokens.create(alpha.id)
    own = client(never.token).team_tokens
    late, early = datetime(2099, 1, 1, tzinfo=timezone.utc), datetime(2098, 1, 1, tzinfo=timezone.utc)
    later = own.create_with_options(alpha.id, TeamTokenCreateOptions(description="later", expired_at=late))
    sooner = tokens.create_with_options(beta.id, TeamTokenCreateOptions(description="sooner", expired_at=early))
    assert later.created_by.team.id == alpha.id, later.created_by
    made = {never.id, later.id, sooner.id}
    assert set(ids(listed())) == before | made, "exactly those, at once"
    assert ids(listed(page_size=1)) == ids(listed()), "page by page"
    until(lambda: tokens.read_by_id(never.id).last_used_at, "the first use")

    def ordered(sort=None):
        return ids(listed(query=RUN, sort=sort))

    assert ordered() == ordered("expired-at") == [sooner.id, later.id, never.id]
    assert ordered("team-name")[2:] == [sooner.id] and ordered("last-used-at")[0] == never.id
    team_first = alpha.name.lower() < ORGANIZATION.lower()
    assert ordered("created-by")[0 if team_first else 2] == later.id, "the only one of a team's making"
    for sort in ("expired-at", "team-name", "last-used-at", "created-by"):
        everything = ids(listed(sort=sort))
        assert len(everything) == len(before) + 3 and ids(listed(sort=f"-{sort}")) == everything[::-1], sort
    assert set(ids(listed(query=f"ALPHA {RUN}"))) == {never.id, later.id}
    assert ids(listed(query=f"beta {RUN}")) == [sooner.id] and listed(query=f"gamma {RUN}") == []
    assert all(row.token is None for row in listed())
    with fails(TFEError) as failure:
        listed(sort="color")
    assert failure.error.status == 400 and failure.error.errors[0]["source"] == {"parameter": "sort"}
    for team in (alpha, beta):
        tfe.teams.delete(team.id)
    assert set(ids(listed())) == before


def tokens_are_deleted_by_team_and_by_id():
    token = tokens.create(TEAM)
    # Clients that delete an ephemeral token pass its id instead of a team's id, and expect 404.
    with fails(NotFound):
        tokens.delete(token.id)
    assert tokens.read(TEAM).id == token.id
    tokens.delete(TEAM)
    for gone in (tokens.read, tokens.delete):
        with fails(NotFound):
            gone(TEAM)
    for gone in (tokens.read_by_id, tokens.delete_by_id):
        with fails(NotFound):
            gone(token.id)
    refused(token.token)
    described = TeamTokenCreateOptions(description=f"short-lived {RUN}")
    for token in (tokens.create(TEAM), tokens.create_with_options(TEAM, described)):
        tokens.delete_by_id(token.id)
        for gone in (tokens.read_by_id, tokens.delete_by_id):
            with fails(NotFound):
                gone(token.id)
        refused(token.token)
        assert token.id not in ids(listed())


def unknown_ids_are_not_found():
    calls = [
        lambda: tokens.create(common.NO_TEAM),
        lambda: tokens.read(common.NO_TEAM),
        lambda: tokens.read("no-such-form"),
        lambda: tokens.read_by_id(common.NO_TOKEN),
        lambda: tokens.read_by_id(TEAM),
        lambda: tokens.delete_by_id(common.NO_TOKEN),
        lambda: listed(organization=f"nobody-{RUN}"),
        lambda: tfe.teams.read(common.NO_TEAM),
        lambda: tfe.workspaces.read_by_id("ws-0000000000000000"),
    ]
    for call in calls:
        with fails(NotFound) as failure:
            call()
        assert failure.error.errors == [{"status": "404", "title": "not found"}], failure.error.errors


run(
    "pytfe",
    account_is_the_organizations_or_the_teams,
    organizations_are_listed_read_and_changed,
    user_creates_and_deletes_an_organization_with_a_token,
    teams_are_created_listed_read_changed_and_deleted,
    members_are_added_listed_and_removed,
    settings_are_stored_or_refused,
    legacy_token_is_shown_once_and_replaced_by_the_next,
    expiry_is_the_same_instant_in_every_response,
    expired_token_is_refused_and_still_shown,
    tokens_with_descriptions_coexist,
    list_has_every_token_in_the_requested_order,
    tokens_are_deleted_by_team_and_by_id,
    unknown_ids_are_not_found,
)
