"""Ctrl-C: when it may take effect, and when it has to wait."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Interrupts"]


class Interrupts:
    """Ctrl-C while training: the first one waits for the end of a step, a second one does not."""

    def __init__(self) -> None:
        self.waits, self.may_break_in = False, False

    def __call__(self, _number: int, _frame: object) -> None:
        if self.waits or self.may_break_in:
            raise KeyboardInterrupt
        self.waits = True

    @contextmanager
    def noticed(self) -> Iterator[Interrupts]:
        """Notice Ctrl-C, as long as a ``with`` lasts."""
        in_main = threading.current_thread() is threading.main_thread()
        if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield self  # somebody else's handler stays
            return
        signal.signal(signal.SIGINT, self)
        try:
            yield self
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def check(self) -> None:
        """Let a Ctrl-C that waits take effect."""
        if self.waits:
            raise KeyboardInterrupt

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let Ctrl-C take effect at once where it leaves nothing half done."""
        self.may_break_in = True
        try:
            self.check()
            yield
        finally:
            self.may_break_in = False
