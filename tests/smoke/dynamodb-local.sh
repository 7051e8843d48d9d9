#!/bin/sh
# dynamodb-local.sh <folder of DynamoDBLocal.jar> <command>…: runs the command with TERRAPI_TEST_DYNAMODB naming a fresh
# in-memory DynamoDB Local, which is stopped afterwards.
set -eu
folder=$1
shift
command -v java >/dev/null || { echo "java is not installed: DynamoDB Local needs Java 17 or later" >&2; exit 1; }

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
log=$(mktemp)
# In its own folder, since it writes a file to the working directory.
(cd "$folder" && exec java -Djava.library.path=./DynamoDBLocal_lib -jar DynamoDBLocal.jar \
    -inMemory -sharedDb -disableTelemetry -port "$port") >"$log" 2>&1 &
engine=$!
trap 'kill "$engine" 2>/dev/null || true; wait "$engine" 2>/dev/null || true; rm -f "$log"' EXIT
trap 'exit 130' INT TERM HUP

until python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)' "$port" 2>/dev/null; do
    kill -0 "$engine" 2>/dev/null || { echo "DynamoDB Local did not start:" >&2; cat "$log" >&2; exit 1; }
    sleep 0.2
done
TERRAPI_TEST_DYNAMODB=http://127.0.0.1:$port "$@"
