"""The pages, where this installation has them: files of gateway/web, served as they are."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse, Response

from floorwise.gateway.http.context import Text

WEB = Path(__file__).resolve().parent.parent / "web"
PAGES = {"/": "index.html", "/shipments": "shipments.html", "/handheld": "handheld.html"}
# Everything a page needs comes from here; nothing is loaded from elsewhere.
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False)


def add_pages(router: APIRouter, web: Path = WEB) -> None:
    """Give `router` a route for each page, for the service worker (which must stand at the root) and for /static."""
    for path, name in PAGES.items():
        router.add_api_route(path, _page(web / name), methods=["GET"], response_model=None)
    for name in ("sw.js", "manifest.webmanifest"):
        router.add_api_route(f"/{name}", _page(web / name), methods=["GET"], response_model=None)

    def static(name: Text) -> Response:
        return _file(web / "static" / name, web / "static")

    router.add_api_route("/static/{name:path}", static, methods=["GET"], response_model=None)


def _page(path: Path):
    def read() -> Response:
        return _file(path, path.parent)

    return read


def _file(path: Path, root: Path) -> Response:
    path = path.resolve()
    if not path.is_relative_to(root.resolve()) or not path.is_file():
        return PlainTextResponse("This installation has no such page; the interface is at /docs.\n", 404)
    # `no-cache` asks each time whether the file has changed: a page of yesterday must not talk to the gateway of today.
    return FileResponse(path, headers={"Cache-Control": "no-cache", "Content-Security-Policy": POLICY})


add_pages(router)
