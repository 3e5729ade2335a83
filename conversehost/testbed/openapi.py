"""The API's description of itself, as OpenAPI 3.1: made of the very verbs and fields that calls are answered by."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from twisted.web.resource import IResource

import conversehost
from conversehost.testbed.fields import Field, object_schema
from conversehost.testbed.noun import API, JSON, Noun, Verb
from conversehost.testbed.shapes import ERROR, Shape

ALWAYS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.MISDIRECTED_REQUEST)
WITH_BODY = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
REASONS: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "Something is wrong with what was sent; the message names the field.",
    HTTPStatus.UNAUTHORIZED: "From another machine, or through a proxy, the token is needed; or it isn't that one.",
    HTTPStatus.FORBIDDEN: "Not for pages of other sites.",
    HTTPStatus.NOT_FOUND: "There is no such thing.",
    HTTPStatus.REQUEST_TIMEOUT: "It didn't happen in time; the message tells what came nearest.",
    HTTPStatus.CONFLICT: "That can't be done now, as things are.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is longer than 64 kB.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "A body needs Content-Type: application/json.",
    HTTPStatus.MISDIRECTED_REQUEST: "The server doesn't answer to that Host here.",
}
ABOUT = (
    "What a test does to a conversehost server, beside being its client. It is open to programs on the same machine, "
    "by the names that the server knows as its own; from another machine, or through a proxy, with its bearer token."
)


def describe(root: Noun) -> dict[str, Any]:
    """The document; it says all that is at `root` and below."""
    paths: dict[str, Any] = {}
    shapes = {each.name: each for each in ERROR.all()}
    for path, keys, noun in walk(root):
        verbs = noun.verbs()
        if not verbs:
            continue
        item: dict[str, Any] = {"parameters": [_parameter(each, "path") for each in keys]} if keys else {}
        for method, verb in verbs.items():
            item[method.lower()] = _operation(path, verb)
            shapes |= {each.name: each for each in (verb.answer.all() if verb.answer else ())}
        paths[path] = item
    return {
        "openapi": "3.1.0",
        "info": {"title": "conversehost's control API", "version": conversehost.__version__, "description": ABOUT},
        "servers": [{"url": API}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": {name: each.schema() for name, each in sorted(shapes.items())},
            "responses": {_code(each): _refusal(each) for each in REASONS},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def walk(noun: Noun, path: str = "", keys: Sequence[Field] = ()) -> Iterator[tuple[str, Sequence[Field], Noun]]:
    """All resources with their paths, in which items are templates, and what those stand for."""
    yield path or "/", keys, noun
    children: Mapping[bytes, IResource] = noun.children
    for name, child in children.items():
        if isinstance(child, Noun):
            yield from walk(child, f"{path}/{name.decode()}", keys)
    if noun.key is not None:
        template = f"{{{noun.key.name}}}"
        item = noun.item(template)
        assert item is not None
        yield from walk(item, f"{path}/{template}", (*keys, noun.key))


def summary(verb: Verb) -> str:
    """The first sentence of what it does, without the full stop."""
    return told(verb).partition(". ")[0].removesuffix(".")


def told(verb: Verb) -> str:
    """What it does, in one paragraph."""
    return " ".join((inspect.getdoc(verb.call) or "").split())


def _operation(path: str, verb: Verb) -> dict[str, Any]:
    names = [part.strip("{}") for part in path.split("/") if part]
    made: dict[str, Any] = {
        "operationId": ".".join((*names, verb.call.__name__)),
        "tags": [names[0] if names else "api"],
        "summary": summary(verb),
        "description": told(verb),
    }
    if verb.query:
        made["parameters"] = [_parameter(each, "query") for each in verb.query]
    if verb.body:
        content = {JSON: {"schema": object_schema(verb.body), "example": example(verb.body)}}
        made["requestBody"] = {"content": content, "required": any(each.required for each in verb.body)}
    if verb.document:
        made["requestBody"] = {"content": {each: {"schema": _whole(each)} for each in verb.document}, "required": True}
    errors = sorted({*ALWAYS, *(WITH_BODY if verb.body or verb.document else ()), *verb.errors})
    success = {str(int(status_of(verb))): _success(verb)}
    made["responses"] = success | {str(int(each)): {"$ref": f"#/components/responses/{_code(each)}"} for each in errors}
    return made


def status_of(verb: Verb) -> HTTPStatus:
    """When it goes well."""
    return HTTPStatus.NO_CONTENT if verb.answer is None else verb.status


def example(fields: Sequence[Field]) -> dict[str, Any]:
    """A body that is typical."""
    return {each.name: each.example for each in fields if each.example is not None}


def _parameter(one: Field, place: str) -> dict[str, Any]:
    made: dict[str, Any] = {"name": one.name, "in": place, "description": one.about, "schema": one.schema()}
    if place == "path" or one.required:
        made["required"] = True
    return made | ({} if one.example is None else {"example": one.example})


def _success(verb: Verb) -> dict[str, Any]:
    status = status_of(verb)
    if verb.answer is None:
        return {"description": "Done."}
    made: dict[str, Any] = {"description": verb.answer.about, "content": _content(verb.answer, verb.media)}
    if status == HTTPStatus.CREATED:
        made["headers"] = {"Location": {"description": "where it is", "schema": {"type": "string"}}}
    return made


def _refusal(status: HTTPStatus) -> dict[str, Any]:
    """The HTTP server itself refuses what is too long, and says so in text."""
    made: dict[str, Any] = {"description": REASONS[status]}
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return made
    if status == HTTPStatus.UNAUTHORIZED:
        made["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return made | {"content": _content(ERROR, (JSON,))}


def _content(shape: Shape, media: Sequence[str]) -> dict[str, Any]:
    return {each: {"schema": shape.reference() if each == JSON else _whole(each)} for each in media}


def _whole(media: str) -> dict[str, Any]:
    """Of a document that has a format of its own."""
    return {"type": "object" if media == JSON else "string"}


def _code(status: HTTPStatus) -> str:
    return status.phrase.lower().replace(" ", "-")
