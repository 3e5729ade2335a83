"""`/state`: all data, as a scenario file has it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from twisted.web.server import Request

from conversehost.testbed.fields import Fields
from conversehost.testbed.noun import JSON, ApiError, Noun, Reply, Verb, answer, fail
from conversehost.testbed.saving import Document, to_toml
from conversehost.testbed.shapes import Shape
from conversehost.testbed.xep0227 import of_xml, to_xml

TOML, XML = "application/toml", "application/xml"
STATE = Shape("State", "All data, as docs/scenario-files.md tells.", {})


class StateNoun(Noun):
    """GET tells it, PUT replaces it: as TOML; as JSON or XEP-0227 where that is asked for, or sent."""

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.tell, answer=STATE, media=(TOML, JSON, XML)),
            "PUT": Verb(self.replace, document=(TOML, JSON, XML)),
        }

    def tell(self, query: Fields, body: Fields) -> Reply:
        """All data, as a scenario file has it."""
        raise AssertionError("render does that")

    def replace(self, query: Fields, body: Fields) -> Reply:
        """Replace all data by those of a scenario file: all sessions end."""
        raise AssertionError("render does that")

    def render(self, request: Request) -> bytes | int:
        """In the form that the caller wants."""
        method = request.method.decode("ascii", "replace")
        if method not in ("GET", "HEAD", "PUT"):
            return super().render(request)
        try:
            if method != "PUT":
                return self._tell(request)
            self._replace(request)
            self.world.turn.end()
            return answer(request, Reply())
        except Exception as error:
            return fail(request, error)

    def _tell(self, request: Request) -> bytes:
        kind = wanted(request.getHeader(b"accept") or b"")
        data = WRITERS[kind](self.world.state.document())
        request.setHeader(b"content-type", f"{kind}; charset=utf-8".encode() if kind == TOML else kind.encode())
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"content-length", b"%d" % len(data))
        return b"" if request.method == b"HEAD" else data

    def _replace(self, request: Request) -> None:
        kind = (request.getHeader(b"content-type") or b"").partition(b";")[0].strip().lower().decode("latin-1")
        reader = READERS.get(kind)
        if reader is None:
            known = " or ".join(READERS)
            raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a body needs Content-Type: {known}")
        data: bytes = request.content.read()  # type: ignore[attr-defined]
        try:
            scenario = self.world.state.read(reader(data.decode()))
        except UnicodeDecodeError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"not UTF-8, at byte {error.start}") from None
        except RecursionError:
            raise ApiError(HTTPStatus.BAD_REQUEST, "nested too deeply") from None
        except ValueError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None
        self.world.state.replace(scenario)


def wanted(accept: bytes) -> str:
    """What the field Accept puts first of what there is; TOML where it is all the same."""
    for each in accept.decode("latin-1").lower().split(","):
        kind = each.partition(";")[0].strip()
        if kind in WRITERS:
            return kind
    return TOML


def to_json(document: Document) -> bytes:
    """Times are text."""

    def stamp(value: object) -> str:
        assert isinstance(value, datetime)
        return value.isoformat().replace("+00:00", "Z")

    return json.dumps(document, ensure_ascii=False, default=stamp).encode() + b"\n"


def of_json(text: str) -> Document:
    """Raises ValueError."""
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("must be an object")
    return document


WRITERS: Mapping[str, Callable[[Document], bytes]] = {
    TOML: lambda document: to_toml(document).encode(),
    JSON: to_json,
    XML: to_xml,
}
READERS: Mapping[str, Callable[[str], Document]] = {
    TOML: tomllib.loads,
    JSON: of_json,
    XML: lambda text: of_xml(text.encode(), datetime.now(UTC)),
}
