"""What `floorwise solve` says on stderr while it works: why the first answer of a machine takes long, and how far a search is."""

import signal
import threading
import time
from contextlib import ExitStack

from floorwise.cli.output import LINE_EVERY_S, QUIET_S, note, progress

LOOK_EVERY_S = 0.25
STOPPING = "stopping, with the best plan so far; Ctrl-C once more leaves without it"
COMPILING = "compiling for this kind of problem, once on this machine: about 10 to 60 s, then it starts at once"


class Watch:
    """Hears what `solving.Clock` tells; quiet for QUIET_S. Loading that lasts longer is compiling: what is cached takes less."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._phase, self._since = "", time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="solve-watch", daemon=True)
        self.is_stopped = False

    def __enter__(self) -> "Watch":
        from floorwise.optimizer.patience import patience

        self._stack = ExitStack()
        self._stack.enter_context(patience())
        if threading.current_thread() is threading.main_thread():
            self._stack.callback(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, self._stop))
        self._thread.start()
        return self

    def __exit__(self, *what: object) -> None:
        self._over.set()
        self._thread.join()
        self._stack.close()

    def _stop(self, *what: object) -> None:
        """End the search at the first Ctrl-C; where nothing is searched yet, and at the second, everything."""
        from floorwise.optimizer.patience import hurry
        from floorwise.optimizer.solving import SEARCHING

        if self._phase != SEARCHING or self.is_stopped:
            raise KeyboardInterrupt
        self.is_stopped = True
        hurry()

    def told(self, phase: str) -> None:
        self._since = time.monotonic()
        self._phase = phase

    def _watch(self) -> None:
        from floorwise.optimizer.solving import LOADING, SEARCHING

        said = 0.0  # seconds of loading that have been spoken of
        with ExitStack() as shown:
            bar, told_so = None, False
            while not self._over.wait(LOOK_EVERY_S):
                phase, lasted = self._phase, time.monotonic() - self._since
                if phase == LOADING and not said and lasted >= QUIET_S:
                    said = lasted
                    note(COMPILING)
                elif phase == LOADING and said and lasted >= said + LINE_EVERY_S:
                    said = lasted
                    note(f"still compiling, {lasted:.0f} s")
                elif self.is_stopped:
                    if not told_so:
                        note(STOPPING)
                    told_so = True
                elif phase == SEARCHING and self.seconds > QUIET_S:
                    bar = bar or shown.enter_context(progress("solve", round(self.seconds), "s"))
                    bar.reach(min(round(lasted), round(self.seconds)))
