"""What `floorwise solve` says on stderr while it works: why the first answer of a machine takes long, and how far a search is."""

import threading
import time
from contextlib import ExitStack

from floorwise.cli.output import LINE_EVERY_S, QUIET_S, note, progress

LOOK_EVERY_S = 0.25
COMPILING = "compiling for this kind of problem, once on this machine: about 10 to 60 s, then it starts at once"


class Watch:
    """Hears what `solving.Clock` tells; quiet for QUIET_S. Loading that lasts longer is compiling: what is cached takes less."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._phase, self._since = "", time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="solve-watch", daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *what: object) -> None:
        self._over.set()
        self._thread.join()

    def told(self, phase: str) -> None:
        self._since = time.monotonic()
        self._phase = phase

    def _watch(self) -> None:
        from floorwise.optimizer.solving import LOADING, SEARCHING

        said = 0.0  # seconds of loading that have been spoken of
        with ExitStack() as shown:
            bar = None
            while not self._over.wait(LOOK_EVERY_S):
                phase, lasted = self._phase, time.monotonic() - self._since
                if phase == LOADING and not said and lasted >= QUIET_S:
                    said = lasted
                    note(COMPILING)
                elif phase == LOADING and said and lasted >= said + LINE_EVERY_S:
                    said = lasted
                    note(f"still compiling, {lasted:.0f} s")
                elif phase == SEARCHING and self.seconds > QUIET_S:
                    bar = bar or shown.enter_context(progress("solve", round(self.seconds), "s"))
                    bar.reach(min(round(lasted), round(self.seconds)))
