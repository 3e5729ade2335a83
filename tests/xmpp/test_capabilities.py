"""XEP-0115 section 5, by its own examples."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.capabilities import Capabilities, read_capabilities
from conversehost.xmpp.xml import parse

IDENTITY = "<identity category='client' type='pc' name='Exodus 0.9.1'/>"
FEATURES = "".join(
    f"<feature var='{each}'/>" for each in (ns.MUC_USER.partition("#")[0], ns.CAPS, ns.DISCO_ITEMS, ns.DISCO_INFO)
)
FORM = """
<x xmlns='jabber:x:data' type='result'>
  <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>
  <field var='software_version'><value>0.11</value></field>
  <field var='ip_version' type='text-multi'><value>ipv6</value><value>ipv4</value></field>
  <field var='os'><value>Mac</value></field>
  <field var='os_version'><value>10.5.1</value></field>
  <field var='software'><value>Psi</value></field>
</x>"""


def read(content: str) -> Capabilities:
    return read_capabilities(parse(f"<query xmlns='{ns.DISCO_INFO}'>{content}</query>".encode()))


def test_the_simple_example():
    assert read(IDENTITY + FEATURES).verification("sha-1") == "QgayPKawpkPSDYmwT/WM94uAlu0="


def test_the_complex_example():
    psi = (
        "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
        "<identity xml:lang='el' category='client' name='\u03a8 0.11' type='pc'/>"
    )
    found = read(psi + FEATURES + FORM)
    assert found.is_sound
    assert found.verification("sha-1") == "q07IKJEyjvHSyhy//CH0CxmKi8w="


def test_another_hash_function():
    found = read(IDENTITY + FEATURES)
    assert len({found.verification(each) for each in ("sha-1", "sha-256", "sha-512")}) == 3


def test_a_form_of_no_type_is_ignored():
    plain = FORM.replace(" type='hidden'", "")
    assert read(IDENTITY + FEATURES + plain) == read(IDENTITY + FEATURES)


@pytest.mark.parametrize("content", [2 * IDENTITY, 2 * "<feature var='a'/>", 2 * FORM])
def test_what_stands_there_twice(content: str):
    assert not read(content).is_sound


def test_two_types_of_one_form():
    two = FORM.replace("softwareinfo</value>", "softwareinfo</value><value>urn:x</value>")
    assert read(two) != read(FORM)


def test_a_name_cannot_pretend_to_be_a_feature():
    honest = read("<identity category='client' type='pc' name='A'/><feature var='urn:x'/>")
    forged = read("<identity category='client' type='pc' name='A&lt;urn:x'/>")
    assert honest.verification("sha-1") != forged.verification("sha-1")
