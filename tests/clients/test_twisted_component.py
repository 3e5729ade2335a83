"""Twisted's own component protocol, which nobody here wrote, as the program at the other end of XEP-0114."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conversehost.testing import TestBed
from tests.clients.bosh import CLIENT, BoshClient

PROGRAM = """
import sys
from twisted.internet import reactor
from twisted.words.protocols.jabber import component, xmlstream

def answer(message):
    if message.body and message.getAttribute("type") != "error":
        reply = xmlstream.toResponse(message, message.getAttribute("type"))
        reply.addElement("body", content=str(message.body)[::-1])
        stream.send(reply)

def connected(made):
    global stream
    stream = made
    made.addObserver("/message", answer)
    print("connected", flush=True)

def failed(failure):
    print(failure.value.condition, flush=True)
    reactor.stop()

name, secret, port = sys.argv[1:]
factory = component.componentFactory(name, secret)
factory.addBootstrap(xmlstream.STREAM_AUTHD_EVENT, connected)
factory.addBootstrap(xmlstream.STREAM_ERROR_EVENT, failed)
factory.noisy = False
reactor.connectTCP("127.0.0.1", int(port), factory)
reactor.run()
"""


@pytest.fixture(scope="module")
def bed():
    with TestBed.start("--component-secret", "mirror.localhost:hush", "--component-port", "0") as bed:
        yield bed


def run(bed: TestBed, name: str, secret: str) -> subprocess.Popen[str]:
    assert bed.component is not None
    command = [sys.executable, "-c", PROGRAM, name, secret, bed.component.rpartition(":")[2]]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def first_word(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    return program.stdout.readline().strip()


def test_it_serves_its_domain(bed):
    program = run(bed, "mirror.localhost", "hush")
    try:
        assert first_word(program) == "connected"
        alice = BoshClient(bed.bosh, "localhost")
        alice.log_in("alice", "secret")
        said = "<message xmlns='jabber:client' to='me@mirror.localhost' type='chat'><body>&lt;rorrim</body></message>"
        found = alice.send(said).find(f"{{{CLIENT}}}message")
        message = alice.wait_for("message") if found is None else found
        assert (message.get("from"), message.findtext(f"{{{CLIENT}}}body")) == ("me@mirror.localhost", "mirror<")
    finally:
        program.kill()
        program.wait()


@pytest.mark.parametrize(
    ("name", "secret", "condition"),
    [("mirror.localhost", "guess", "not-authorized"), ("other.localhost", "hush", "host-unknown")],
)
def test_it_is_told_what_is_wrong(bed, name, secret, condition):
    program = run(bed, name, secret)
    try:
        assert first_word(program) == condition
    finally:
        program.kill()
        program.wait()
