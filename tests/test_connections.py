"""More connections than there are file descriptors for, on a server in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
from urllib.parse import urlsplit

from conversehost.net.gate import SPARE
from tests.test_launch import FREE, PYTHON, SOON, answers, program, ready_line, result

__all__ = ["program"]

LIMIT = 100


def test_it_refuses_and_lives_on(program):
    command = f"ulimit -n {LIMIT}; exec {PYTHON} -m conversehost --json {' '.join(FREE)}"
    process = program.start("sh", "-c", command)
    ready = ready_line(process)
    port = urlsplit(ready["site"]).port
    clients = [socket.create_connection(("127.0.0.1", port), SOON) for _ in range(2 * LIMIT)]
    for refused in clients[LIMIT - SPARE :]:
        while refused.recv(65536):  # in such a crowd perhaps without a word
            pass
    clients.append(socket.create_connection(("127.0.0.1", port), SOON))
    assert clients[-1].recv(65536).startswith(b"HTTP/1.1 503 ")
    for client in clients:
        client.close()
    assert answers(ready["site"])
    before = os.times()
    process.send_signal(signal.SIGTERM)
    code, _, log = result(process)
    assert code == 0
    assert log.count("no more are taken") == 1
    assert os.times().children_user - before.children_user < SOON


def test_descriptors_that_others_used_up_do_no_harm(program):
    """Twisted's own way out: it closes who comes then."""
    code = (
        "import os, sys; from conversehost.net import gate; gate.SPARE = -1000;"
        "from conversehost.__main__ import main; sys.argv = ['conversehost', *sys.argv[1:]]; main()"
    )
    process = program.start("sh", "-c", f'ulimit -n {LIMIT}; exec "$@"', "sh", PYTHON, "-c", code, "--json", *FREE)
    ready = ready_line(process)
    port = urlsplit(ready["site"]).port
    clients = [socket.create_connection(("127.0.0.1", port), SOON) for _ in range(2 * LIMIT)]
    assert clients[-1].recv(65536) == b""
    first, *others = clients
    for client in others:
        client.close()
    for _ in range(2):  # once it has answered, it has seen in the same turn who is gone
        first.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert first.recv(65536).startswith(b"HTTP/1.1 200")
    assert answers(ready["site"])
    first.close()
    process.send_signal(signal.SIGTERM)
    assert result(process)[0] == 0
