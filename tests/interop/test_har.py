"""What is exported as an HTTP archive, judged by the schema of HAR 1.2 that others use."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from jsonschema import Draft6Validator
from referencing import Registry
from referencing.jsonschema import DRAFT6

from conversehost.testing import TestBed
from tests.pains.pages import Page

SCHEMAS = Path(__file__).parent / "node" / "node_modules" / "har-schema" / "lib"


def errors(archive: dict[str, Any]) -> list[str]:
    schemas = {each.name: json.loads(each.read_text(encoding="utf-8")) for each in SCHEMAS.glob("*.json")}
    known: Any = Registry().with_resources(
        (name, DRAFT6.create_resource(schema)) for file, schema in schemas.items() for name in (file, schema["$id"])
    )
    found = Draft6Validator(schemas["har.json"], registry=known).iter_errors(archive)
    return [f"{list(each.absolute_path)}: {each.message}" for each in found]


def test_all_that_can_happen(bed: TestBed) -> None:
    """Pages, BOSH, answers of a proxy, and those that never came."""
    page = Page(bed)
    page.enter()
    for method, path in (("GET", "/?token=hush"), ("HEAD", "/"), ("GET", "/nowhere"), ("OPTIONS", "/http-bind")):
        page.http(method, path)
    with bed.fault("status", path="/login", count=1):
        page.http("GET", "/login")
    with bed.fault("lost-request", path="/login"), suppress(ConnectionError):
        page.http("GET", "/login")
    archive = bed.export()
    assert {each["response"]["status"] for each in archive["log"]["entries"]} >= {0, 200, 303, 404, 503}
    assert errors(archive) == []
    assert errors({"log": {"version": "1.2"}})
