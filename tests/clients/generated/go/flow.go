// Command flow uses the client that oapi-codegen generates: exchange, set, get, compare-and-set, list.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"reflect"

	"terrapi/flow/api"
)

var installation = os.Getenv("TERRAPI_INSTALLATION")

func connect(token string) *api.ClientWithResponses {
	authorize := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
	client, err := api.NewClientWithResponses(os.Getenv("TERRAPI_URL"), api.WithRequestEditorFn(authorize))
	check(err == nil, "connecting", err)
	return client
}

func check(holds bool, what string, seen any) {
	if !holds {
		log.Fatalf("%s: %v", what, seen)
	}
}

func key(name any) string {
	return fmt.Sprintf("generated/go/%v", name)
}

// word is a capability that is a single word.
func word(text api.CapabilityWord) api.Capability {
	var capability api.Capability
	err := capability.FromCapabilityWord(text)
	check(err == nil, "naming a capability", err)
	return capability
}

func main() {
	ctx := context.Background()
	words := []api.Capability{word("kv_store_read"), word("kv_store_write")}
	grant, err := connect(os.Getenv("TERRAPI_API_KEY")).ExchangeApiKeyWithResponse(ctx, api.RefreshRequest{Capabilities: &words})
	check(err == nil && grant.JSON200 != nil, "exchange", err)
	client := connect(grant.JSON200.AccessToken)

	var versions []int64
	for number := range 3 {
		body := api.KvWrite{Data: map[string]int{"number": number}}
		written, err := client.SetRecordWithResponse(ctx, "github", installation, key(number), body)
		check(err == nil && written.JSON200 != nil && written.JSON200.Committed, "set", err)
		versions = append(versions, written.JSON200.Version)
	}

	found, err := client.GetRecordWithResponse(ctx, "github", installation, key(1), nil)
	check(err == nil && found.JSON200 != nil, "get", err)
	check(reflect.DeepEqual(found.JSON200.Data, map[string]any{"number": 1.0}), "data", found.JSON200.Data)
	check(found.JSON200.Version == versions[1], "version", found.JSON200.Version)

	body := api.KvWrite{Data: "new", Version: &versions[1]}
	swapped, err := client.CasRecordWithResponse(ctx, "github", installation, key(1), body)
	check(err == nil && swapped.JSON200 != nil && swapped.JSON200.Version > versions[1], "cas", err)
	refused, err := client.CasRecordWithResponse(ctx, "github", installation, key(1), body)
	check(err == nil && refused.JSON400 != nil && refused.JSON400.Id == "VERSION_MISMATCH", "late cas", err)

	var names []string
	prefix, limit := true, int64(2)
	query := api.IterRecordsParams{Prefix: &prefix, Limit: &limit}
	for more := true; more; {
		page, err := client.IterRecordsWithResponse(ctx, "github", installation, key(""), &query)
		check(err == nil && page.JSON200 != nil, "iter", err)
		for _, record := range page.JSON200.Results {
			names = append(names, record.Key)
		}
		query.Cursor = page.JSON200.NextCursor
		more = query.Cursor != nil
	}
	check(reflect.DeepEqual(names, []string{key(0), key(1), key(2)}), "names", names)
}
