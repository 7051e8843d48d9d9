// Uses the types that openapi-typescript generates, through openapi-fetch: exchange, set, get, compare-and-set, list.

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

const baseUrl = process.env["TERRAPI_URL"];
const installation_id = process.env["TERRAPI_INSTALLATION"] ?? "";

function connect(token: string | undefined) {
  return createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${token}` } });
}

const { data: grant } = await connect(process.env["TERRAPI_API_KEY"]).POST("/api/v1/access-token/refresh", {
  body: { capabilities: ["kv_store_read", "kv_store_write"] },
});
assert(grant);
const client = connect(grant.access_token);

function at(name: number | string) {
  return { path: { vcs: "github", installation_id, key: `generated/typescript/${name}` } } as const;
}

const written: components["schemas"]["KvRecord"][] = [];
for (const number of [0, 1, 2]) {
  const { data } = await client.PUT("/api/v1/{vcs}/kv/{installation_id}/key/{key}", {
    params: at(number),
    body: { data: { number } },
  });
  assert(data?.committed);
  written.push(data);
}

const { data: found } = await client.GET("/api/v1/{vcs}/kv/{installation_id}/key/{key}", { params: at(1) });
assert.deepEqual(found?.data, { number: 1 });
assert.equal(found?.version, written[1]?.version);

async function swap(data: string) {
  const body = { data, version: found?.version ?? 0 };
  return client.PUT("/api/v1/{vcs}/kv/{installation_id}/cas/key/{key}", { params: at(1), body });
}
const swapped = await swap("new");
assert(swapped.data && found && swapped.data.version > found.version);
const refused = await swap("late");
assert(refused.error && "id" in refused.error);
assert.equal(refused.error.id, "VERSION_MISMATCH");

const names: string[] = [];
let cursor: string | undefined;
do {
  const { data: page } = await client.GET("/api/v1/{vcs}/kv/{installation_id}/iter/{key}", {
    params: { ...at(""), query: { prefix: true, limit: 2, cursor } },
  });
  assert(page);
  names.push(...page.results.map((record) => record.key));
  cursor = page.next_cursor;
} while (cursor);
assert.deepEqual(names, [0, 1, 2].map((number) => at(number).path.key));
