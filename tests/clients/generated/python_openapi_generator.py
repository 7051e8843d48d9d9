"""Uses the Python client that openapi-generator generates: exchange, set, get, compare-and-set, list."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(sys.argv[1])))

import terrapi_client
from terrapi_client import Capability, KvWrite, RefreshRequest, Vcs

URL = os.environ["TERRAPI_URL"]
INSTALLATION = os.environ["TERRAPI_INSTALLATION"]


def connect(token):
    return terrapi_client.ApiClient(terrapi_client.Configuration(host=URL, access_token=token))


words = [Capability("kv_store_read"), Capability("kv_store_write")]
with connect(os.environ["TERRAPI_API_KEY"]) as key:
    grant = terrapi_client.TokensApi(key).exchange_api_key(refresh_request=RefreshRequest(capabilities=words))

with connect(grant.access_token) as client:
    kv = terrapi_client.KvApi(client)

    def address(name):
        return Vcs.GITHUB, INSTALLATION, f"generated/python b/{name}"

    written = [kv.set_record(*address(number), KvWrite(data={"number": number})) for number in range(3)]
    assert all(it.committed for it in written), written

    found = kv.get_record(*address(1))
    assert found.data == {"number": 1} and found.version == written[1].version, found
    assert found.created_at.tzinfo is not None, found.created_at

    swapped = kv.cas_record(*address(1), KvWrite(data="new", version=found.version))
    assert swapped.version > found.version, swapped
    try:
        kv.cas_record(*address(1), KvWrite(data="late", version=found.version))
        raise AssertionError("a late comparison succeeded")
    except terrapi_client.exceptions.BadRequestException as refused:
        assert refused.data.id == "VERSION_MISMATCH", refused

    names, cursor = [], None
    while True:
        page = kv.iter_records(Vcs.GITHUB, INSTALLATION, "generated/python b/", prefix=True, limit=2, cursor=cursor)
        names += [it.key for it in page.results]
        cursor = page.next_cursor
        if not cursor:
            break
    assert names == [address(number)[2] for number in range(3)], names
