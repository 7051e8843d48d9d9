#!/usr/bin/env bash
# Uses the KV store as a deployment would: set, get, compare and set, list, count, stage, commit, delete. Each step's
# status and body are checked; the first deviation ends the script.
#
# Only TERRAPI_URL differs from one deployment to another.
set -euo pipefail
: "${TERRAPI_URL:?the address of the service}" "${TERRAPI_API_KEY:?an API key}"
: "${TERRAPI_INSTALLATION:?an installation}"
kv="$TERRAPI_URL/api/v1/github/kv/$TERRAPI_INSTALLATION"

body=$(mktemp)
trap 'rm -f "$body"' EXIT

# field <expression over the last answer b>
field() {
    python3 -c 'import json, sys; b = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$body" "$1"
}

# step <name> <status> <condition over the answer b> <arguments of curl>…
step() {
    local name=$1 expected=$2 condition=$3 status
    shift 3
    status=$(curl --silent --show-error --max-time 30 --output "$body" --write-out '%{http_code}' \
        --header "Authorization: Bearer $TOKEN" --header "Content-Type: application/json" "$@")
    if [ "$status" != "$expected" ] || [ "$(field "bool($condition)")" != True ]; then
        echo "kv: $name: expected $expected and $condition, got $status $(cat "$body")" >&2
        exit 1
    fi
    echo "kv: $name"
}

TOKEN=$(curl --silent --show-error --fail-with-body --max-time 30 --request POST \
    "$TERRAPI_URL/api/v1/access-token/refresh" --header "Authorization: Bearer $TERRAPI_API_KEY" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])')

step "set the timestamp" 200 "b['version'] > 0 and b['size'] == 10" \
    --request PUT "$kv/key/deploy.timestamp" --data '{"data": 1790000000}'
step "set the status" 200 "b['version'] > 0 and b['committed'] is True" \
    --request PUT "$kv/key/deploy.status" --data '{"data": "pending"}'
first=$(field "b['version']")
step "get the timestamp" 200 "b['data'] == 1790000000" "$kv/key/deploy.timestamp"
step "get the status" 200 "b['data'] == 'pending' and b['version'] == $first and b['idx'] == 0" "$kv/key/deploy.status"

step "cas without a version on what exists" 400 "b['id'] == 'VERSION_MISMATCH' and b['data'] == '$first'" \
    --request PUT "$kv/cas/key/deploy.status" --data '{"data": "mine"}'
step "cas with the version" 200 "b['version'] > $first" \
    --request PUT "$kv/cas/key/deploy.status" --data "{\"data\": \"running\", \"version\": $first}"
second=$(field "b['version']")
step "cas with a stale version" 400 "b['id'] == 'VERSION_MISMATCH' and b['data'] == '$second'" \
    --request PUT "$kv/cas/key/deploy.status" --data "{\"data\": \"late\", \"version\": $first}"
step "the winner's value stands" 200 "b['data'] == 'running' and b['version'] == $second" "$kv/key/deploy.status"
step "cas without a version on what is new" 200 "b['version'] > 0" \
    --request PUT "$kv/cas/key/deploy.lock" --data '{"data": "me"}'
step "give the lock back" 200 "b['result'] is True" --request DELETE "$kv/key/deploy.lock"

step "list by prefix" 200 "[r['key'] for r in b['results']] == ['deploy.status', 'deploy.timestamp']" \
    "$kv/iter/deploy.?prefix=true"
step "count" 200 "b == {'count': 1, 'max_idx': 0}" "$kv/count/key/deploy.status"
step "size" 200 "b['size'] == len('\"running\"')" "$kv/size/key/deploy.status"

step "stage" 200 "b['committed'] is False" \
    --request PUT "$kv/key/deploy.status" --data '{"data": "done", "committed": false}'
step "a staged value is hidden" 200 "b['data'] == 'running'" "$kv/key/deploy.status"
step "and there for who asks" 200 "b['data'] == 'done'" "$kv/key/deploy.status?committed=false"
step "commit" 200 "b == {'keys': [{'key': 'deploy.status', 'idx': 0}]}" \
    --request POST "$kv/commit" --data '{"keys": [{"key": "deploy.status"}]}'
step "a committed value is shown" 200 "b['data'] == 'done' and b['committed'] is True" "$kv/key/deploy.status"

for key in deploy.status deploy.timestamp; do
    step "delete $key" 200 "b['result'] is True" --request DELETE "$kv/key/$key"
    step "$key is gone" 404 "b['id'] == 'NOT_FOUND'" "$kv/key/$key"
    step "delete $key again" 200 "b['result'] is False" --request DELETE "$kv/key/$key"
done
step "nothing is left" 200 "b['results'] == []" "$kv/iter/deploy.?prefix=true"
