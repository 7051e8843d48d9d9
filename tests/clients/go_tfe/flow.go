// The HCP Terraform client go-tfe against the API of organizations, teams, their members and tokens.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	tfe "github.com/hashicorp/go-tfe"
)

var (
	ctx          = context.Background()
	organization = os.Getenv("TERRAPI_ORGANIZATION")
	// What the Terraform provider recognises as a team's id.
	teamID = regexp.MustCompile(`^team-[1-9A-HJ-NP-Za-km-z]{16}$`)
)

// must ends the flow when something failed.
func must[T any](value T, err error) T {
	check(err == nil, "failed: %v", err)
	return value
}

func check(holds bool, format string, values ...any) {
	if !holds {
		panic(fmt.Sprintf(format, values...))
	}
}

func client(secret string) *tfe.Client {
	return must(tfe.NewClient(&tfe.Config{Address: os.Getenv("TERRAPI_URL"), Token: secret}))
}

func organizations(tfeClient *tfe.Client) {
	read := must(tfeClient.Organizations.Read(ctx, organization))
	check(read.SpeculativePlanManagementEnabled && *read.UserTokensEnabled, "defaults: %+v", read)
	changed := must(tfeClient.Organizations.Update(ctx, organization, tfe.OrganizationUpdateOptions{
		CostEstimationEnabled: tfe.Bool(true), MaxTTLEnabled: tfe.Bool(false),
	}))
	check(changed.CostEstimationEnabled && changed.Email == read.Email, "changed: %+v", changed)
	_, err := tfeClient.Organizations.Update(ctx, organization, tfe.OrganizationUpdateOptions{SessionTimeout: tfe.Int(30)})
	check(err != nil, "a session timeout was accepted")
	entitlements := must(tfeClient.Organizations.ReadEntitlements(ctx, organization))
	check(entitlements.Teams && !entitlements.StateStorage, "entitlements: %+v", entitlements)
	_, err = tfeClient.Workspaces.Read(ctx, organization, "production")
	check(err != nil && strings.Contains(err.Error(), "There are no workspaces"), "read a workspace: %v", err)
	list := must(tfeClient.Organizations.List(ctx, &tfe.OrganizationListOptions{Query: organization}))
	check(len(list.Items) == 1, "found: %d", len(list.Items))
}

func tokensOfOtherKinds(tfeClient *tfe.Client) {
	kind := tfe.AuditTrailToken
	_, err := tfeClient.OrganizationTokens.ReadWithOptions(ctx, organization, tfe.OrganizationTokenReadOptions{TokenType: &kind})
	check(errors.Is(err, tfe.ErrResourceNotFound), "read: %v", err)
	err = tfeClient.OrganizationTokens.DeleteWithOptions(ctx, organization, tfe.OrganizationTokenDeleteOptions{TokenType: &kind})
	check(errors.Is(err, tfe.ErrResourceNotFound), "deleted: %v", err)
	must(tfeClient.OrganizationTokens.Read(ctx, organization))
}

func teams(tfeClient *tfe.Client) *tfe.Team {
	team := must(tfeClient.Teams.Create(ctx, organization, tfe.TeamCreateOptions{
		Name:               tfe.String("go/team"),
		OrganizationAccess: &tfe.OrganizationAccessOptions{ManagePolicies: tfe.Bool(true)},
	}))
	check(teamID.MatchString(team.ID) && team.Visibility == "secret", "created: %+v", team)
	check(team.OrganizationAccess.ManagePolicies && team.Permissions.CanUpdateMembership, "created: %+v", team)
	changed := must(tfeClient.Teams.Update(ctx, team.ID, tfe.TeamUpdateOptions{
		SSOTeamID: tfe.String(""), OrganizationAccess: &tfe.OrganizationAccessOptions{ManageTeams: tfe.Bool(true)},
	}))
	check(changed.OrganizationAccess.ManagePolicies && changed.OrganizationAccess.ManageTeams, "changed: %+v", changed)
	_, err := tfeClient.Teams.Update(ctx, team.ID, tfe.TeamUpdateOptions{SSOTeamID: tfe.String("engineers")})
	check(err != nil, "single sign-on was accepted")
	return team
}

func members(tfeClient *tfe.Client, team *tfe.Team) {
	owners := must(tfeClient.Teams.List(ctx, organization, &tfe.TeamListOptions{
		Names: []string{"owners"}, Include: []tfe.TeamIncludeOpt{tfe.TeamUsers},
	})).Items[0]
	person := owners.Users[0].Username
	check(person != "", "the owner has no name")
	add := tfe.TeamMemberAddOptions{Usernames: []string{person}}
	check(tfeClient.TeamMembers.Add(ctx, team.ID, add) == nil, "nobody was added")
	users := must(tfeClient.TeamMembers.ListUsers(ctx, team.ID))
	check(len(users) == 1 && users[0].Username == person, "users: %+v", users)
	memberships := must(tfeClient.TeamMembers.ListOrganizationMemberships(ctx, team.ID))
	check(len(memberships) == 1 && memberships[0].Status == tfe.OrganizationMembershipActive, "%+v", memberships)
	listed := must(tfeClient.OrganizationMemberships.List(ctx, organization, &tfe.OrganizationMembershipListOptions{
		Query: person, Include: []tfe.OrgMembershipIncludeOpt{tfe.OrgMembershipUser},
	}))
	check(len(listed.Items) == 1 && listed.Items[0].User.Username == person, "listed: %+v", listed.Items)
	err := tfeClient.OrganizationMemberships.Delete(ctx, memberships[0].ID)
	check(err != nil && strings.Contains(err.Error(), "remove the person from every team"), "deleted a membership: %v", err)
	remove := tfe.TeamMemberRemoveOptions{OrganizationMembershipIDs: []string{memberships[0].ID}}
	check(tfeClient.TeamMembers.Remove(ctx, team.ID, remove) == nil, "nobody was removed")
	last := tfe.TeamMemberRemoveOptions{Usernames: []string{person}}
	check(tfeClient.TeamMembers.Remove(ctx, owners.ID, last) != nil, "the last owner was removed")
}

func tokens(tfeClient *tfe.Client, team *tfe.Team) {
	end := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	made := must(tfeClient.TeamTokens.CreateWithOptions(ctx, team.ID, tfe.TeamTokenCreateOptions{ExpiredAt: &end}))
	check(made.Token != "" && made.ExpiredAt.Equal(end), "made: %v", made.ID)
	account := must(client(made.Token).Users.ReadCurrent(ctx))
	check(account.IsServiceAccount && account.AvatarURL != "", "account: %+v", account)
	_, err := tfeClient.TeamTokens.CreateWithOptions(ctx, team.ID, tfe.TeamTokenCreateOptions{Description: tfe.String("go")})
	check(err == nil, "described: %v", err)
	list := must(tfeClient.TeamTokens.List(ctx, organization, &tfe.TeamTokenListOptions{Query: "GO/TEAM"}))
	check(len(list.Items) == 2 && !slices.ContainsFunc(list.Items, func(token *tfe.TeamToken) bool { return token.Token != "" }),
		"listed: %d", len(list.Items))
	check(tfeClient.Teams.Delete(ctx, team.ID) == nil, "the team stays")
	_, err = client(made.Token).Users.ReadCurrent(ctx)
	check(errors.Is(err, tfe.ErrUnauthorized), "the token works: %v", err)
}

func main() {
	tfeClient := client(os.Getenv("TERRAPI_ORGANIZATION_TOKEN"))
	organizations(tfeClient)
	tokensOfOtherKinds(tfeClient)
	team := teams(tfeClient)
	members(tfeClient, team)
	tokens(tfeClient, team)
	fmt.Println("go-tfe: the flow is done")
}
