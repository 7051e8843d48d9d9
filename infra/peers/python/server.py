"""The key-value store and the exchange in a few lines of Python, to compare with.

Each request checks the token's signature and its capability and makes one storage call. Environment: PORT, ENDPOINT (of
DynamoDB), IDENTITY_TABLE, KV_TABLE.
"""

import hashlib
import hmac
import json
import os
import re
import time

import boto3
import jwt
import waitress
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

IDENTITY_TABLE, KV_TABLE = os.environ["IDENTITY_TABLE"], os.environ["KV_TABLE"]
PATH = re.compile(r"/api/v1/github/kv/(\d+)/(cas/)?key/(.*)")
PRIVATE_KEY = Ed25519PrivateKey.generate()
PUBLIC_KEY = PRIVATE_KEY.public_key()
THREADS = 8
storage = boto3.client(
    "dynamodb", endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1", aws_access_key_id="local",
    aws_secret_access_key="local", config=Config(max_pool_connections=THREADS))


class Refused(Exception):
    """The request is answered with this status."""


def exchange(bearer):
    """The API key is "<id>.<secret>"; its row holds the secret's hash and the capabilities."""
    identity, _, secret = bearer.partition(".")
    key = {"pk": {"S": f"key#{identity}"}, "sk": {"S": "key"}}
    row = storage.get_item(TableName=IDENTITY_TABLE, Key=key).get("Item")
    if row is None or not hmac.compare_digest(hashlib.sha256(secret.encode()).digest(), row["secret_hash"]["B"]):
        raise Refused(403)
    now = int(time.time())
    claims = {"capabilities": row["capabilities"]["S"].split(), "installation": row["installation"]["S"]}
    times = {"iss": "peer", "aud": "peer", "iat": now, "exp": now + 60}
    return {"token": jwt.encode(claims | times, PRIVATE_KEY, algorithm="EdDSA")}


def authorize(bearer, installation, capabilities):
    try:
        claims = jwt.decode(bearer, PUBLIC_KEY, algorithms=["EdDSA"], audience="peer", issuer="peer")
    except jwt.InvalidTokenError as error:
        raise Refused(403) from error
    if not capabilities <= set(claims["capabilities"]) or claims["installation"] != installation:
        raise Refused(403)


def read(identity, key):
    row = storage.get_item(TableName=KV_TABLE, Key=identity).get("Item")
    if row is None:
        raise Refused(404)
    return {"key": key, "data": json.loads(row["data"]["S"]), "version": int(row["version"]["N"])}


def write(identity, key, body, compare):
    """The version of a new record is 0."""
    values = {":data": {"S": json.dumps(body["data"])}, ":one": {"N": "1"}, ":new": {"N": "-1"}}
    condition = {}
    if compare and "version" in body:
        values[":expected"] = {"N": str(body["version"])}
        condition = {"ConditionExpression": "version = :expected"}
    elif compare:
        condition = {"ConditionExpression": "attribute_not_exists(pk)"}
    try:
        row = storage.update_item(
            TableName=KV_TABLE, Key=identity, ExpressionAttributeNames={"#data": "data"}, ReturnValues="ALL_NEW",
            UpdateExpression="SET #data = :data, version = if_not_exists(version, :new) + :one",
            ExpressionAttributeValues=values, **condition)["Attributes"]
    except ClientError as error:
        raise Refused(412 if error.response["Error"]["Code"] == "ConditionalCheckFailedException" else 500) from error
    return {"key": key, "data": None, "version": int(row["version"]["N"])}


def answer(environ):
    bearer = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
    path, method = environ["PATH_INFO"].encode("latin-1").decode(), environ["REQUEST_METHOD"]
    if path == "/api/v1/access-token/refresh":
        return exchange(bearer)
    found = PATH.fullmatch(path)
    if not found:
        raise Refused(404)
    installation, compare, key = found.groups()
    needed = {"GET": {"kv_store_read"}, "PUT": {"kv_store_write"}}[method]
    authorize(bearer, installation, {"kv_store_read", "kv_store_write"} if compare else needed)
    identity = {"pk": {"S": f"github#{installation}"}, "sk": {"B": key.encode()}}
    if method == "GET":
        return read(identity, key)
    return write(identity, key, json.loads(environ["wsgi.input"].read()), compare)


def application(environ, start_response):
    try:
        status, text = "200 OK", json.dumps(answer(environ)).encode()
    except Refused as refused:
        status, text = f"{refused.args[0]} Refused", b"{}"
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    return [text]


waitress.serve(application, host="127.0.0.1", port=int(os.environ["PORT"]), threads=THREADS)
