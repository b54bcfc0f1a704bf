"""A progress line for people who wait at a terminal; a few plain lines where nobody watches."""

from __future__ import annotations

import time
from typing import Final, TextIO

WIDTH: Final = 30


class Progress:
    """One line that grows. Shown again at most ten times a second, or at each tenth when the output is a file."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.lively = out.isatty()
        self.title, self.total, self.began, self.shown, self.tenth = "", 0, 0.0, 0.0, -1

    def start(self, title: str, total: int) -> None:
        self.title, self.total, self.began, self.shown, self.tenth = title, max(total, 1), time.monotonic(), 0.0, -1
        self.show(0)

    def show(self, done: int) -> None:
        """Say how much is done."""
        now = time.monotonic()
        tenth = done * 10 // self.total
        if self.lively and (now - self.shown > 0.1 or done >= self.total):
            self.shown = now
            self.out.write("\r" + self._line(done, now))
            self.out.flush()
        elif not self.lively and tenth > self.tenth and tenth in (0, 5, 10):
            self.tenth = tenth
            self.out.write(self._line(done, now) + "\n")
            self.out.flush()

    def end(self) -> None:
        """The work is done: leave the line as it is and go on below it."""
        if self.lively:
            self.show(self.total)
            self.out.write("\n")
            self.out.flush()

    def _line(self, done: int, now: float) -> str:
        share = min(done / self.total, 1)
        bar = "#" * round(share * WIDTH)
        return f"{self.title}  [{bar:<{WIDTH}}] {share:4.0%}  {now - self.began:.0f} s"
