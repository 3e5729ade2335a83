"""The control API as a page for people, made of its OpenAPI document."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from twisted.web.server import NOT_DONE_YET, Request

from conversehost.testbed.noun import API, JSON
from conversehost.web.resource import base_of
from conversehost.web.site import HEADERS, templates

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Told:
    """A field of a call: where it stands, what it takes, what it means."""

    name: str
    place: str
    kind: str
    about: str
    needed: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One of the API's calls."""

    method: str
    path: str
    text: str
    fields: list[Told]
    answers: list[tuple[str, str]]
    curl: str


def manual(request: Request, document: Mapping[str, Any]) -> bytes | int:
    """Answer with the page."""
    for field, value in HEADERS.items():
        request.setHeader(field, value)
    nouns: dict[str, list[Call]] = {}
    for tag, call in calls(document, base_of(request)):
        nouns.setdefault(tag, []).append(call)
    page: str = templates().get_template("manual.html").render(nouns=nouns, info=document["info"], api=API)
    body = page.encode()
    if request.method != b"HEAD":
        return body
    request.setHeader(b"content-length", str(len(body)).encode())
    request.finish()
    return NOT_DONE_YET


def calls(document: Mapping[str, Any], base: str) -> Iterator[tuple[str, Call]]:
    """All of them, each with its noun."""
    responses = document["components"]["responses"]
    for path, item in document["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            operation = item[method]
            parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
            fields = [
                Told(each["name"], each["in"], _kind(each["schema"]), each["description"], "required" in each)
                for each in parameters
            ]
            content = operation.get("requestBody", {}).get("content", {}).get(JSON)
            if content and "example" in content:
                needed = content["schema"].get("required", ())
                fields += [
                    Told(name, "body", _kind(each), each["description"], name in needed)
                    for name, each in content["schema"]["properties"].items()
                ]
            answers = [
                (status, each.get("description") or responses[each["$ref"].rpartition("/")[2]]["description"])
                for status, each in operation["responses"].items()
            ]
            media = list(operation.get("requestBody", {}).get("content", ()))
            if media and not (content and "example" in content):
                fields.append(Told("", "body", " or ".join(media), "the whole document", needed=True))
            curl = _curl(method.upper(), f"{base}{API}{path}", parameters, content)
            yield operation["tags"][0], Call(method.upper(), path, operation["description"], fields, answers, curl)


def _kind(schema: Mapping[str, Any]) -> str:
    """In a word or two."""
    kind = schema.get("type", "anything")
    word = str(kind if isinstance(kind, str) else kind[0])
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"] if each is not None)
    if word == "array":
        return f"list of {_kind(schema['items'])}"
    if word == "object" and "properties" in schema:
        return f"object: {', '.join(schema['properties'])}"
    low, high = schema.get("minimum"), schema.get("maximum")
    limits = f" from {low:.15g} to {high:.15g}" if low is not None and high is not None else ""
    return {"string": "text", "integer": "whole number", "boolean": "true | false"}.get(word, word) + limits


def _curl(method: str, url: str, parameters: list[Mapping[str, Any]], content: Mapping[str, Any] | None) -> str:
    """To be typed in a shell."""
    query = []
    for each in parameters:
        example = str(each.get("example", "..."))
        if each["in"] == "path":
            url = url.replace(f"{{{each['name']}}}", example.replace("/", "%2F"))
        elif each.get("required"):
            query.append(f"{each['name']}={example}")
    words = ["curl", *(["-X", method] if method != "GET" else [])]
    if content and content.get("example"):
        words += ["-H", "Content-Type: application/json", "-d", json.dumps(content["example"])]
    return shlex.join([*words, url + ("?" + "&".join(query) if query else "")])
