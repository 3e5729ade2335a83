"""What is taken of XPath, as a filter of stanzas."""

from __future__ import annotations

import pytest
from lxml import etree

from conversehost.testbed import xpath
from tests.testbed.conftest import Caller

MESSAGE = etree.fromstring(
    "<message to='bob' id='div'><body>hi there</body><x n='2'><item><div/></item><item n='3'/></x></message>"
)


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ("message[@to='bob' and (thread or @id='div')]/body", True),
        ("//item[@n]", True),
        ("message[.//or or body='x']", False),
        ("message[.//div]//item[@n=3]", True),
        ("//body | //subject", True),
        ("message/x[@n * 2 = 4]/*", True),
        ("/message/descendant::*[@n=3]", True),
        ("message[contains(body, '../')]", False),
        ("(//item)[div div 2]", False),
        ("(//item)[2]/@n", True),
    ],
)
def test_what_is_asked_of_stanzas(expression: str, matches: bool) -> None:
    assert xpath.compiled(expression)(MESSAGE) is matches


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("//*[count(//*[count(//*)>0])>0]", r"a path within \[\] can't begin with //"),
        ("x[2 * /y]", r"a path within \[\] can't begin with /"),
        ("x[y and //z]", r"a path within \[\] can't begin with //"),
        ("//*//*", "// is in it too often"),
        ("a//b[c]//d", "// is in it too often"),
        ("(//a)//b", "// is in it too often"),
        ("a[b[.//c]]", "// is in it too often"),
        ("a/descendant::b/descendant :: c", "descendant:: is in it too often"),
        ("(//a | //b | //c | //d | //e)", "// is in it too often"),
        ("x[../y]", r"\.\. isn't taken"),
        ("//x/following::*", "following:: isn't taken"),
        ("x[ancestor-or-self::y]", "ancestor-or-self:: isn't taken"),
        ("x" * 1_001, "1001 characters"),
    ],
)
def test_what_could_take_too_long_is_refused(expression: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        xpath.check(expression)


def test_names_and_texts_are_no_axes() -> None:
    for expression in ("descendant//following", "x[.='//a//b//c']", "div/and[or]//mod", "muc-user:x/muc-user:*"):
        xpath.check(expression)


@pytest.mark.parametrize("method_and_path", ["POST /expectations", "POST /traffic/wait", "POST /stubs", "POST /faults"])
def test_whoever_asks_for_it_is_told_why(api: Caller, method_and_path: str) -> None:
    method, path = method_and_path.split()
    fields = {"/stubs": {"answer": "<x/>"}, "/faults": {"fault": "drop"}}.get(path, {})
    status, code, message = api(method, path, {"xpath": "//*//*", **fields}).error
    assert (status, code) == (400, "bad-request")
    assert message == "xpath '//*//*': // is in it too often: that can take too long; a//b//c is a//b[.//c]"


@pytest.mark.parametrize(
    ("expression", "root"),
    [
        ("message", "message"),
        ("/message[body='hi' or .//iq]/body", "message"),
        ("message[(a | b) = 'x']//c", "message"),
        ("//message", ""),
        ("message | presence", ""),
        ("not(message)", ""),
        ("-message", ""),
        ("(message)", ""),
        ("*", ""),
        ("self::message", ""),
        ("muc-user:x", ""),
        ("message or presence", ""),
        ("", ""),
    ],
)
def test_which_element_it_must_be(expression: str, root: str) -> None:
    assert xpath.root_of(expression) == root
