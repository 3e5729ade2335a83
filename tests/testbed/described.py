"""Whether an answer of the control API is one that its own description has."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator


class Description:
    """An OpenAPI document, to hold answers against."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._paths = [(_pattern(path), item) for path, item in sorted(document["paths"].items())]

    def check(self, method: str, path: str, status: int, media: str, body: bytes) -> None:
        """`path` starts at the API. What isn't described is 404 or 405; and nothing is described that goes wrong in
        the server, or before the API is reached.
        """
        operations = self._at(path.partition("?")[0])
        if status in (413, 500) or operations is None:
            return
        operation = operations.get("get" if method == "HEAD" else method.lower())
        if operation is None:
            assert status in (401, 403, 405, 421), f"{method} {path}: {status}, and it isn't described"
            return
        answer = operation["responses"].get(str(status))
        assert answer is not None, f"{method} {path}: {status} isn't described"
        if "$ref" in answer:
            answer = self._document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        if "content" not in answer or method == "HEAD":
            assert body == b""
            return
        schema = answer["content"][media.partition(";")[0]]["schema"]
        if "$ref" in schema:
            self._validator(schema["$ref"]).validate(json.loads(body))

    def _at(self, path: str) -> Mapping[str, Any] | None:
        path = path.rstrip("/") or "/"
        return next((item for pattern, item in self._paths if pattern.fullmatch(path)), None)

    @functools.cache  # noqa: B019 - there is one
    def _validator(self, reference: str) -> Draft202012Validator:
        schema = {"$ref": reference, "components": self._document["components"]}
        return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(
        "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", path))
    )
