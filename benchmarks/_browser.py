"""Debian's chromium for benchmarks of pages, and whatever its console complained of."""

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

FLAGS = [
    "--no-sandbox", "--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DESK = {"viewport": {"width": 1440, "height": 900}}


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A headless chromium, driven by playwright."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    assert path, "chromium is not on the PATH"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield opened
        finally:
            opened.close()


class Profile:
    """A fresh browser profile and what its pages complained of; while `may_fail`, a request that fails is no complaint."""

    def __init__(self, opened: Any, url: str, patience_s: float, **options: Any) -> None:
        self.complaints: list[str] = []
        self.may_fail = False
        self.context = opened.new_context(base_url=url, **options)
        self.context.set_default_timeout(patience_s * 1000)

    def page(self, path: str, script: str = "") -> Any:
        """A new page at `path`; `script` runs in it before its own."""
        page = self.context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        if script:
            page.add_init_script(script)
        page.goto(path)
        return page

    def _console(self, message: Any) -> None:
        is_network = "Failed to load resource" in message.text or "net::ERR" in message.text
        if message.type in ("error", "warning") and not (self.may_fail and is_network):
            self.complaints.append(f"{message.type}: {message.text}")
