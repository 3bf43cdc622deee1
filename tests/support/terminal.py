"""A program on a pseudo-terminal of a given size."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from .service import PATIENCE, die_with_parent, environment, program

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    def __init__(self, name, args, env=(), columns=100, lines=40):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.master = master
        self.raw = ""
        self.process = subprocess.Popen([program(name), *args], env=environment({"TERM": "xterm", **dict(env)}),
                                        stdin=slave, stdout=slave, stderr=slave, preexec_fn=die_with_parent)
        os.close(slave)

    def read(self, span):
        """What comes within the span; False at the end."""
        if not select.select([self.master], [], [], span)[0]:
            return True
        try:
            part = os.read(self.master, 65536)
        except OSError:
            part = b""
        self.raw += part.decode(errors="replace")
        return bool(part)

    @property
    def text(self):
        """Without escape sequences."""
        return ESCAPE.sub("", self.raw)

    def wait_text(self, text, within=10.0):
        end = time.monotonic() + within * PATIENCE
        while text not in self.text:
            assert self.read(0.05) or text in self.text, f"'{text}' was not shown: {self.text}"
            assert time.monotonic() < end, f"'{text}' is not shown: {self.text}"

    def finish(self, within=10.0):
        end = time.monotonic() + within * PATIENCE
        while self.read(0.05):
            assert time.monotonic() < end, f"it goes on: {self.text}"
        return self.process.wait(within * PATIENCE)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
