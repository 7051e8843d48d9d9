"""Uses the client that openapi-python-client generates: exchange, set, get, compare-and-set, list."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(sys.argv[1])))

from terrapi_client import AuthenticatedClient
from terrapi_client.api.kv import cas_record, get_record, iter_records, set_record
from terrapi_client.api.tokens import exchange_api_key
from terrapi_client.models import (
    CapabilityWord,
    ErrorBody,
    KvRecord,
    KvRecordList,
    KvWrite,
    RefreshRequest,
    TokenGrant,
    Vcs,
)

URL = os.environ["TERRAPI_URL"]
INSTALLATION = os.environ["TERRAPI_INSTALLATION"]

key = AuthenticatedClient(base_url=URL, token=os.environ["TERRAPI_API_KEY"])
words = [CapabilityWord.KV_STORE_READ, CapabilityWord.KV_STORE_WRITE]
grant = exchange_api_key.sync(client=key, body=RefreshRequest(capabilities=words))
assert isinstance(grant, TokenGrant), grant

client = AuthenticatedClient(base_url=URL, token=grant.access_token)


def record(operation, name, **arguments):
    return operation.sync(Vcs.GITHUB, INSTALLATION, f"generated/python a/{name}", client=client, **arguments)


written = [record(set_record, number, body=KvWrite(data={"number": number})) for number in range(3)]
assert all(isinstance(it, KvRecord) and it.committed for it in written), written

found = record(get_record, 1)
assert isinstance(found, KvRecord) and found.data == {"number": 1} and found.version == written[1].version, found
assert found.created_at.tzinfo is not None, found.created_at

swapped = record(cas_record, 1, body=KvWrite(data="new", version=found.version))
assert isinstance(swapped, KvRecord) and swapped.version > found.version, swapped
refused = record(cas_record, 1, body=KvWrite(data="late", version=found.version))
assert isinstance(refused, ErrorBody) and refused.id == "VERSION_MISMATCH", refused

names, cursor = [], None
while True:
    more = {"cursor": cursor} if cursor else {}
    page = iter_records.sync(Vcs.GITHUB, INSTALLATION, "generated/python a/", client=client, prefix=True, limit=2, **more)
    assert isinstance(page, KvRecordList), page
    names += [it.key for it in page.results]
    cursor = page.next_cursor
    if not cursor:
        break
assert names == [f"generated/python a/{number}" for number in range(3)], names
