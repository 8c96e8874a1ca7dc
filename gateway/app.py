"""The HTTP application of a gateway: its routers behind one guard, its errors in one form."""

from fastapi import APIRouter, FastAPI

from floorwise.gateway.http import (
    commands,
    errors,
    figures,
    floor,
    interface,
    journal,
    orders,
    pages,
    process,
    readings,
    shipments,
    stock,
    tours,
    work,
)
from floorwise.gateway.http.asgi import ASGIApp
from floorwise.gateway.http.context import Gateway
from floorwise.gateway.http.guard import Guard
from floorwise.gateway.http.quick import Quick

API = (orders, stock, floor, figures, journal, tours, work, commands, shipments, readings)


def build(gateway: Gateway) -> FastAPI:
    """The application without its guard, as tests of routes use it."""
    told = "A warehouse floor; see docs/reference/http.md."
    app = FastAPI(title="floorwise", description=told, version="1", docs_url=None, redoc_url=None)
    app.state.gateway = gateway
    errors.install(app)
    api = APIRouter(prefix="/api")
    for module in API:
        api.include_router(module.router)
    api.include_router(process.clock_router)
    app.include_router(process.router)
    app.include_router(api)
    app.include_router(interface.router)
    app.include_router(pages.router)
    return app


def guarded(gateway: Gateway, port: int) -> ASGIApp:
    """The application as it faces the world, listening on `port`."""
    return Guard(Quick(build(gateway), gateway), gateway.settings.host, port, gateway.settings.hosts)
