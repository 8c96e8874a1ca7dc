"""/docs: the interface as one page, made from its own description; nothing is loaded from anywhere else."""

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

DEPTH = 4  # levels of a body that are spelled out
STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif } body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem } h3 { margin: 1.6rem 0 0; font: 600 1rem ui-monospace, monospace } h3 b { display: inline-block; width: 3.5rem }
pre, code { font-family: ui-monospace, monospace; font-size: .9em } pre { overflow-x: auto; padding: .6rem; border: 1px solid #8886 }
table { border-collapse: collapse } td { padding: .1rem 1rem .1rem 0; vertical-align: top }
"""
INTRO = """
<h1>floorwise: the interface</h1><p>JSON over HTTP. An error is <code>{"error", "detail"}</code>; a <code>POST</code> may bear an
<code>Idempotency-Key</code>. Answers field by field: docs/reference/http.md. For programs: <a href=/openapi.json>/openapi.json</a>.
Commands with their fields: <a href=/api/commands>/api/commands</a>.</p>
"""
TOLD = ("minimum", "maximum", "maxLength", "default", "enum")  # of a parameter


@router.get("/docs", response_class=HTMLResponse)
async def show(request: Request) -> str:
    """Every route with its parameters and body."""
    described = request.app.openapi()
    by_tag: dict[str, list[str]] = {}
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            by_tag.setdefault(route.get("tags", ["other"])[0], []).append(_route(path, method.upper(), route, described))
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(routes)}" for tag, routes in by_tag.items())
    return f"<!doctype html><html lang=en><meta charset=utf-8><title>floorwise: the interface</title><style>{STYLE}</style>{INTRO}{body}"


def _route(path: str, method: str, route: dict[str, Any], described: dict[str, Any]) -> str:
    rows = "".join(_parameter(parameter) for parameter in route.get("parameters", ()))
    content = route.get("requestBody", {}).get("content", {}).get("application/json")
    body = f"<pre>{escape(_shape(content['schema'], described, 0))}</pre>" if content else ""
    table = f"<table>{rows}</table>" if rows else ""
    return f"<h3><b>{method}</b> {escape(path)}</h3><p>{escape(route.get('description', ''))}</p>{table}{body}"


def _parameter(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    kind = schema.get("type") or " or ".join(one.get("type", "") for one in schema.get("anyOf", ()))
    limits = [f"{name} {schema[name]}" for name in TOLD if schema.get(name) not in (None, "")]
    where = "" if parameter["in"] == "query" else f" ({parameter['in']})"
    return f"<tr><td><code>{escape(parameter['name'])}</code>{where}<td>{escape(kind)}<td>{escape(', '.join(limits))}</tr>"


def _shape(schema: dict[str, Any], described: dict[str, Any], level: int) -> str:
    """The body as it would be written, types in the place of values."""
    if "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    indent = "  " * (level + 1)
    if schema.get("properties") and level < DEPTH:
        needed = schema.get("required", ())
        lines = [
            f'{indent}"{name}": {_shape(inner, described, level + 1)}' + ("" if name in needed else f"   = {inner.get('default')!r}")
            for name, inner in schema["properties"].items()
        ]
        return "{\n" + ",\n".join(lines) + "\n" + "  " * level + "}"
    if schema.get("type") == "array":
        return f"[{_shape(schema.get('items', {}), described, level)}, …]"
    return schema.get("type", "any")
