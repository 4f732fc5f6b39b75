"""The wire: lines between the processes of a run, whatever is written to them, and wherever they lie."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from clinometer.harness import wire


@pytest.mark.parametrize("name", ["short", "l" * 120])
def test_a_line_is_found_by_its_address(tmp_path: Path, name: str) -> None:
    """A word arrives, also where the folder's name is longer than that of a socket may be."""
    folder = tmp_path / name
    folder.mkdir()
    door, address = wire.listener(folder)
    caller = wire.call(address, "token", 7)
    connection, _ = door.accept()
    line = wire.Line(connection)
    assert [(it.token, it.number) for it in line.receive() or () if isinstance(it, wire.Hello)] == [("token", 7)]
    caller.close()
    assert line.receive() is None
    for it in (line, door):
        it.close()


@pytest.mark.parametrize("garbage", [b"\xff\n", b"\n", b'{"kind":"nothing"}\n', b"[" * 100_000 + b"\n", b'{"kind":"idle"}x\n'])
def test_what_came_before_garbage_counts(garbage: bytes) -> None:
    """The words before it are heard, the line is garbled, and nothing that comes later is believed."""
    here, there = socket.socketpair()
    sender, line = wire.Line(there), wire.Line(here)
    sender.send(wire.Idle())
    there.sendall(garbage)
    sender.send(wire.Idle())
    assert line.receive() == [wire.Idle()]
    assert line.garbled
    sender.send(wire.Idle())
    assert line.receive() is None
    for it in (sender, line):
        it.close()
