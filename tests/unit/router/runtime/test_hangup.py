"""SIGHUP asks for a reload, unless the terminal that a process ran in was closed."""

from __future__ import annotations

import os
import pty
import sys

SAYS_WHAT_IT_DOES = """
import os, signal, sys
from pointsman.router.runtime.hangup import hangup_handler
out = int(sys.argv[1])
def reload(): os.write(out, b"reload\\n")
def stop():
    os.write(out, b"stop\\n")
    sys.exit(0)
handle = hangup_handler(reload, stop)
signal.signal(signal.SIGHUP, lambda *_: handle())
os.write(out, b"ready\\n")
while True:
    signal.pause()
"""


def read_line(pipe: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(pipe, 1)
    return line


def test_a_signal_reloads_and_a_closed_terminal_ends() -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", SAYS_WHAT_IT_DOES, str(write)])
    try:
        assert read_line(read) == b"ready\n"
        os.kill(pid, 1)
        assert read_line(read) == b"reload\n"
    finally:
        os.close(terminal)
    assert read_line(read) == b"stop\n"
    os.waitpid(pid, 0)
    os.close(read)
    os.close(write)
