// The key-value store and the exchange in a few lines of Node, to compare with: each request checks the token's signature
// and its capability and makes one storage call. Environment: PORT, ENDPOINT (of DynamoDB), IDENTITY_TABLE, KV_TABLE.
import { createHash, generateKeyPairSync, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { DynamoDBClient, GetItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { SignJWT, jwtVerify } from "jose";

const { PORT, ENDPOINT, IDENTITY_TABLE, KV_TABLE } = process.env;
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const rules = { algorithms: ["EdDSA"], issuer: "peer", audience: "peer" };
const storage = new DynamoDBClient({
  endpoint: ENDPOINT,
  region: "us-east-1",
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
  requestHandler: { httpAgent: { keepAlive: true, maxSockets: 64 } },
});

class Refused extends Error {
  constructor(status) {
    super(`status ${status}`);
    this.status = status;
  }
}

// The API key is "<id>.<secret>"; its row holds the secret's hash and the capabilities.
async function exchange(bearer) {
  const [id, secret] = bearer.split(".");
  const key = { pk: { S: `key#${id}` }, sk: { S: "key" } };
  const { Item: row } = await storage.send(new GetItemCommand({ TableName: IDENTITY_TABLE, Key: key }));
  const hash = createHash("sha256").update(secret ?? "").digest();
  if (!row || !timingSafeEqual(hash, row.secret_hash.B)) throw new Refused(403);
  const claims = { capabilities: row.capabilities.S.split(" "), installation: row.installation.S };
  const token = new SignJWT(claims).setProtectedHeader({ alg: "EdDSA" }).setIssuer("peer").setAudience("peer");
  return { token: await token.setIssuedAt().setExpirationTime("60s").sign(privateKey) };
}

async function authorize(bearer, installation, capabilities) {
  const { payload } = await jwtVerify(bearer, publicKey, rules).catch(() => { throw new Refused(403); });
  const held = capabilities.every((capability) => payload.capabilities.includes(capability));
  if (!held || payload.installation !== installation) throw new Refused(403);
}

async function read(Key, key) {
  const { Item: row } = await storage.send(new GetItemCommand({ TableName: KV_TABLE, Key }));
  if (!row) throw new Refused(404);
  return { key, data: JSON.parse(row.data.S), version: Number(row.version.N) };
}

// `condition` is undefined for a write without one. The version of a new record is 0.
async function write(Key, key, { data, version }, compare) {
  const values = { ":data": { S: JSON.stringify(data) }, ":one": { N: "1" }, ":new": { N: "-1" } };
  let condition;
  if (compare) condition = version === undefined ? "attribute_not_exists(pk)" : "version = :expected";
  if (compare && version !== undefined) values[":expected"] = { N: String(version) };
  const update = { TableName: KV_TABLE, Key, ExpressionAttributeNames: { "#data": "data" }, ReturnValues: "ALL_NEW" };
  update.UpdateExpression = "SET #data = :data, version = if_not_exists(version, :new) + :one";
  Object.assign(update, { ExpressionAttributeValues: values, ConditionExpression: condition });
  const { Attributes: row } = await storage.send(new UpdateItemCommand(update)).catch((error) => {
    throw error.name === "ConditionalCheckFailedException" ? new Refused(412) : error;
  });
  return { key, data: null, version: Number(row.version.N) };
}

async function answer(request, body) {
  const bearer = (request.headers.authorization ?? "").replace("Bearer ", "");
  if (request.url === "/api/v1/access-token/refresh") return exchange(bearer);
  const path = /^\/api\/v1\/github\/kv\/(\d+)\/(cas\/)?key\/(.*)$/.exec(request.url);
  if (!path) throw new Refused(404);
  const [, installation, compare, rest] = path;
  const key = decodeURIComponent(rest);
  const Key = { pk: { S: `github#${installation}` }, sk: { B: Buffer.from(key) } };
  const capabilities = { GET: ["kv_store_read"], PUT: ["kv_store_write"] }[request.method] ?? [];
  await authorize(bearer, installation, compare ? ["kv_store_read", "kv_store_write"] : capabilities);
  return request.method === "GET" ? read(Key, key) : write(Key, key, JSON.parse(body), compare);
}

createServer(async (request, response) => {
  let status = 200;
  let text;
  try {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    text = JSON.stringify(await answer(request, Buffer.concat(chunks).toString()));
  } catch (error) {
    status = error.status ?? 500;
    text = JSON.stringify({ error: error.message });
  }
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}).listen(Number(PORT), "127.0.0.1");
