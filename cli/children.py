"""Child processes of one command: started on its main thread, started again when they die, gone when it is gone.

The kernel kills a child when the thread that started it ends (PR_SET_PDEATHSIG), so `kill -9` of the command leaves nobody behind.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2)
BACK_OFF_S = (0.2, 5.0)  # before a dead child is started again: first pause, then doubled up to the last
STEADY_S = 30.0  # a child that has lived so long begins with the first pause again
RESTARTS_MOST = 20  # of one child without being steady in between; then it is given up
STOP_S = 15.0  # for a good end after SIGTERM; then it is killed
LOG_BYTES = 16 * 1024 * 1024  # a log beyond this is begun anew when its child starts
LOG_TAIL = 600  # characters shown of a child that was given up

_libc = ctypes.CDLL(None, use_errno=True)


class GivenUp(Exception):
    """A child died too often; the text shows the end of its log."""


class Child:
    """One process with its log; `keep` starts it again when it has died."""

    def __init__(self, name: str, words: Sequence[str], log: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self._words, self._log, self._clock = name, list(words), log, clock
        self._process: subprocess.Popen | None = None
        self._born_s = self._due_s = 0.0
        self._pause_s = BACK_OFF_S[0]
        self._unsteady = 0
        self.restarts = 0

    @property
    def pid(self) -> int:
        """0 while there is none."""
        return self._process.pid if self._process else 0

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, on the main thread."""
        assert threading.current_thread() is threading.main_thread(), "the death signal follows the thread that starts a child"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            if self._log.stat().st_size > LOG_BYTES:
                self._log.unlink()
        parent = os.getpid()

        def die_with_parent() -> None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it was gone before the signal was set
                os._exit(1)

        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent
            )
        self._born_s, self._due_s = self._clock(), 0.0

    def keep(self) -> bool:
        """Look after it; True when it was found dead and will be started again. Raises GivenUp when it died too often."""
        if self.is_alive:
            if self._clock() - self._born_s >= STEADY_S:
                self._pause_s, self._unsteady = BACK_OFF_S[0], 0
            return False
        if not self._due_s:
            if self._unsteady >= RESTARTS_MOST:
                raise GivenUp(f"{self.name} died {self._unsteady + 1} times; its log {self._log} ends: {self.log_tail()}")
            self._due_s = self._clock() + self._pause_s
            self._pause_s = min(2 * self._pause_s, BACK_OFF_S[1])
            return True
        if self._clock() >= self._due_s:
            self.restarts, self._unsteady = self.restarts + 1, self._unsteady + 1
            self.start()
        return False

    def stop(self) -> None:
        """End it, in good order if it can; nothing happens when it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def log_tail(self) -> str:
        """The end of what it said."""
        try:
            return self._log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:].strip() or "nothing"
        except OSError:
            return "nothing"


def floorwise_words(*words: str) -> list[str]:
    """The command line that runs `floorwise WORDS` with this interpreter, whatever stands on the PATH or in the directory."""
    return [sys.executable, "-P", "-c", "from floorwise.cli.main import main; main()", *words]
