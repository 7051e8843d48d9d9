#!/usr/bin/env bash
# Keeps calling the service with a token that is valid for a minute: exchange the API key, call until the answer is 403,
# exchange again. Ends when a token has been refused and its successor was accepted; any other answer is a failure.
#
# Only TERRAPI_URL differs from one deployment to another.
set -euo pipefail
: "${TERRAPI_URL:?the address of the service}" "${TERRAPI_API_KEY:?an API key}"

fail() {
    echo "token-refresh: $*" >&2
    exit 1
}

refresh() {
    local answer
    answer=$(curl --silent --show-error --fail-with-body --max-time 30 --request POST \
        "$TERRAPI_URL/api/v1/access-token/refresh" --header "Authorization: Bearer $TERRAPI_API_KEY") ||
        fail "the key was not exchanged: $answer"
    TOKEN=$(printf '%s' "$answer" | python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])')
    echo "token-refresh: exchanged at ${SECONDS} s"
}

whoami() {
    curl --silent --show-error --max-time 30 --output "$body" --write-out '%{http_code}' \
        "$TERRAPI_URL/api/v1/whoami" --header "Authorization: Bearer $TOKEN"
}

body=$(mktemp)
trap 'rm -f "$body"' EXIT

refresh
first=$TOKEN refused=0 answered=0
while [ "$SECONDS" -lt 90 ]; do
    status=$(whoami)
    case $status in
    200)
        python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["vcs"] == ["github"]' "$body" ||
            fail "whoami says $(cat "$body")"
        answered=$((answered + 1))
        if [ "$refused" -eq 1 ]; then
            [ "$TOKEN" != "$first" ] || fail "the same token was refused and taken"
            echo "token-refresh: $answered answers, one refusal"
            exit 0
        fi
        ;;
    403)
        [ "$refused" -eq 0 ] || fail "a fresh token was refused: $(cat "$body")"
        [ "$answered" -gt 0 ] || fail "the first token was refused: $(cat "$body")"
        [ "$SECONDS" -ge 55 ] || fail "refused after ${SECONDS} s already: $(cat "$body")"
        refused=1
        refresh
        continue
        ;;
    *)
        fail "whoami answered $status: $(cat "$body")"
        ;;
    esac
    sleep 2
done
fail "the token of a minute was still taken after ${SECONDS} s"
