"""Writes openapi.json: the part of GitHub's API description that the GitHub test double needs.

    npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
    python3 extract.py package/generated/api.github.com.json > openapi.json

Keeps the operations below, the first example of each answer, and every schema and parameter that they reference, and drops
texts for readers. The description is OpenAPI 3.0, whose `nullable` the tests' validator does not support: it becomes a type.
"""

import json
import sys

OPERATIONS = [
    ("get", "/user"),
    ("get", "/user/installations"),
    ("get", "/installation/repositories"),
    ("post", "/app/installations/{installation_id}/access_tokens"),
    ("get", "/repos/{owner}/{repo}"),
    ("get", "/repos/{owner}/{repo}/contents/{path}"),
    ("get", "/orgs/{org}/memberships/{username}"),
    ("get", "/app/installations/{installation_id}"),
    ("get", "/user/{account_id}"),
]
WORDS = {"description", "summary", "title", "externalDocs", "tags", "deprecated", "discriminator", "example"}


def trimmed(node, names=False):
    """Removes texts for readers. Below `properties`, members are names, so all are kept."""
    if isinstance(node, list):
        return [trimmed(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {
        name: node[name] if name in ("enum", "default") else trimmed(node[name], name == "properties" and not names)
        for name in node
        if names or not (name in WORDS or name.startswith("x-"))
    }
    if names or not kept.pop("nullable", False):
        return kept
    if "enum" in kept:
        kept["enum"] = [*kept["enum"], None]
    if isinstance(kept.get("type"), str):
        return kept | {"type": [kept["type"], "null"]}
    return {"anyOf": [kept, {"type": "null"}]}


def found(document, reference):
    node = document
    for name in reference.removeprefix("#/").split("/"):
        node = node[name]
    return node


def operation(document, method, path):
    whole = document["paths"][path][method]
    responses = {}
    for status, response in whole["responses"].items():
        if "$ref" in response:
            response = found(document, response["$ref"])
        content = response.get("content", {}).get("application/json")
        responses[status] = {}
        if content is None:
            continue
        responses[status] = {"content": {"application/json": {"schema": trimmed(content["schema"])}}}
        for example in list(content.get("examples", {}).values())[:1]:
            example = found(document, example["$ref"]) if "$ref" in example else example
            if status.startswith("2"):
                responses[status]["content"]["application/json"]["example"] = example["value"]
    kept = {"operationId": whole["operationId"], "responses": responses}
    parameters = [found(document, each["$ref"]) if "$ref" in each else each for each in whole.get("parameters", [])]
    kept["parameters"] = [trimmed(each) for each in parameters]
    if "requestBody" in whole:
        body = whole["requestBody"]
        schema = trimmed(body["content"]["application/json"]["schema"])
        kept["requestBody"] = {
            "required": body.get("required", False),
            "content": {"application/json": {"schema": schema}},
        }
    return kept


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for member in node.values():
            yield from references(member)
    elif isinstance(node, list):
        for member in node:
            yield from references(member)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        document = json.load(file)
    paths, schemas = {}, {}
    for method, path in OPERATIONS:
        paths.setdefault(path, {})[method] = operation(document, method, path)
    open_references = list(references(paths))
    while open_references:
        name = open_references.pop().removeprefix("#/components/schemas/")
        if name not in schemas:
            schemas[name] = trimmed(document["components"]["schemas"][name])
            open_references.extend(references(schemas[name]))
    info = {name: document["info"][name] for name in ("title", "version", "license")}
    extract = {"openapi": document["openapi"], "info": info, "paths": paths, "components": {"schemas": schemas}}
    json.dump(extract, sys.stdout, indent=1, sort_keys=True)
    print()


main()
