"""XEP-0004: Data Forms, made, filled in and read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.xml import Element, child, clean, element

FieldType = Literal[
    "boolean",
    "fixed",
    "hidden",
    "jid-multi",
    "jid-single",
    "list-multi",
    "list-single",
    "text-multi",
    "text-private",
    "text-single",
]
FORM_TYPE = "FORM_TYPE"
X = f"{{{ns.DATA}}}x"
_FIELD, _VALUE = f"{{{ns.DATA}}}field", f"{{{ns.DATA}}}value"
_TRUTH = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True, slots=True)
class Field:
    """A question, or in a result an answer. `values` are the default ones then; `options` are (value, label)."""

    var: str
    type: FieldType = "text-single"
    label: str = ""
    values: tuple[str, ...] = ()
    required: bool = False
    options: tuple[tuple[str, str], ...] = ()
    desc: str = ""

    def check(self, values: tuple[str, ...]) -> None:
        """Whether they answer it (section 3.3). Raises StanzaError(not-acceptable), which names the field."""
        if self.required and not any(values):
            raise self._refusal("is needed")
        if len(values) > 1 and not self.type.endswith("-multi"):
            raise self._refusal("takes one value")
        if self.type == "boolean" and any(each not in _TRUTH for each in values):
            raise self._refusal("is 1 or 0")
        if self.options and any(each and each not in dict(self.options) for each in values):
            raise self._refusal(f"is one of {', '.join(value for value, _ in self.options)}")
        if self.type.startswith("jid-"):
            self._check_addresses(values)

    def _check_addresses(self, values: tuple[str, ...]) -> None:
        for each in values:
            try:
                parse(each) if each else None
            except JIDError as error:
                raise self._refusal(f"is an address, such as romeo@localhost ({error})") from None

    def _refusal(self, what: str) -> StanzaError:
        return StanzaError("not-acceptable", f"{self.label or self.var} {what}")


class Answers:
    """What was filled in, by field; checked, so that the right questions to it raise nothing."""

    def __init__(self, values: Mapping[str, tuple[str, ...]]) -> None:
        self._values = values

    def texts(self, var: str) -> tuple[str, ...]:
        """All values; the lines, of text-multi."""
        return self._values.get(var, ())

    def text(self, var: str) -> str:
        """The value; "" when nothing was filled in."""
        return "\n".join(self.texts(var))

    def flag(self, var: str) -> bool:
        """Of a boolean; False when nothing was filled in."""
        return _TRUTH.get(self.text(var), False)

    def jids(self, var: str) -> tuple[JID, ...]:
        """The addresses, each once."""
        return tuple(dict.fromkeys(parse(each) for each in self.texts(var) if each))

    def jid(self, var: str) -> JID | None:
        """The address, if one was filled in."""
        return next(iter(self.jids(var)), None)


@dataclass(frozen=True, slots=True)
class Form:
    """Some fields; `form_type` says what they mean (XEP-0068)."""

    fields: tuple[Field, ...]
    form_type: str = ""
    title: str = ""
    instructions: str = ""

    def question(self) -> Element:
        """To be filled in: `<x type='form'/>`."""
        made = self._begin("form")
        for field in self.fields:
            written = write(made, field, {"type": field.type})
            if field.desc:
                child(written, ns.DATA, "desc").text = clean(field.desc)
            if field.required:
                child(written, ns.DATA, "required")
            for value, label in field.options:
                option = child(written, ns.DATA, "option", {"label": clean(label)} if label else {})
                child(option, ns.DATA, "value").text = clean(value)
        return made

    def result(self) -> Element:
        """What there is to tell: `<x type='result'/>`."""
        made = self._begin("result")
        for field in self.fields:
            write(made, field, {})
        return made

    def read(self, x: Element) -> Answers:
        """A submission of this form; fields that it doesn't have are ignored. Raises StanzaError(not-acceptable)."""
        if x.get("type") != "submit":
            raise StanzaError("not-acceptable", "a form is sent back with the type submit")
        given = values_of(x)
        said = given.get(FORM_TYPE, (self.form_type,))
        if self.form_type and said != (self.form_type,):
            raise StanzaError("not-acceptable", f"FORM_TYPE is {self.form_type}")
        for field in self.fields:
            field.check(given.get(field.var, ()))
        return Answers({field.var: given[field.var] for field in self.fields if field.var in given})

    def _begin(self, type: str) -> Element:
        made = element(ns.DATA, "x", {"type": type})
        for name, text in (("title", self.title), ("instructions", self.instructions)):
            if text:
                child(made, ns.DATA, name).text = clean(text)
        if self.form_type:
            write_form_type(made, self.form_type)
        return made


@dataclass(frozen=True, slots=True)
class Table:
    """A result of several items (section 3.4): each row has a value for each field."""

    fields: tuple[Field, ...]
    rows: Sequence[Sequence[str]]
    form_type: str = ""
    title: str = ""

    def result(self) -> Element:
        """`<x type='result'/>`."""
        made = Form((), self.form_type, self.title).result()
        reported = child(made, ns.DATA, "reported")
        for field in self.fields:
            write(reported, field, {"type": field.type})
        for row in self.rows:
            item = child(made, ns.DATA, "item")
            for field, value in zip(self.fields, row, strict=True):
                write(item, Field(field.var, values=(value,)), {})
        return made


def write(parent: Element, field: Field, attributes: dict[str, str]) -> Element:
    """`<field/>`, with its values."""
    named = {"var": field.var} if field.var else {}
    if field.label:
        named["label"] = clean(field.label)
    made = child(parent, ns.DATA, "field", named | attributes)
    for value in field.values:
        child(made, ns.DATA, "value").text = clean(value)
    return made


def write_form_type(parent: Element, form_type: str) -> None:
    """The hidden field that says what the others mean."""
    write(parent, Field(FORM_TYPE, values=(form_type,)), {"type": "hidden"})


def values_of(x: Element) -> dict[str, tuple[str, ...]]:
    """The values in a form of any type, by field; the first of two fields of one name counts."""
    found: dict[str, tuple[str, ...]] = {}
    for field in x.iterchildren(_FIELD):
        found.setdefault(field.get("var", ""), tuple(each.text or "" for each in field.iterchildren(_VALUE)))
    return found


def form_in(parent: Iterable[Element], form_type: str = "") -> Element | None:
    """The form among some elements; the one of that type, where it is asked for."""
    for each in parent:
        if each.tag == X and form_type in ("", *values_of(each).get(FORM_TYPE, ())):
            return each
    return None
