#!/bin/sh
# Fetches a version of npm's swagger-ui-dist and packs what the page needs: refresh.sh <version>
# Then put its version and the two sums into README.md, and look at /docs in a browser.
set -eu
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
npm pack --silent --pack-destination "$folder" "swagger-ui-dist@$1" > /dev/null
tar -xzf "$folder"/*.tgz -C "$folder"
for file in swagger-ui-bundle.js swagger-ui.css; do
    (cd "$folder/package" && sha256sum "$file")
    gzip -9nc "$folder/package/$file" > "$file.gz"
done
for file in LICENSE NOTICE swagger-ui-bundle.js.LICENSE.txt; do
    install -m 644 "$folder/package/$file" "$file"
done
