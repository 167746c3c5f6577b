"""The OpenAPI document as one page of HTML: no script, nothing from another host; the style is a file beside it."""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Node = dict[str, Any]
_CODE = re.compile(r"`([^`]+)`")


def render(document: Node) -> str:
    """Give the page of an OpenAPI document."""
    parts = document["components"]
    by_tag: dict[str, list[tuple[str, str, Node]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    info = document["info"]
    lines = [
        "<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(info['title'])}</title>", '<link rel="stylesheet" href="/docs.css">',
        "</head>", "<body>", "<header>", f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>",
        *(f"<p>{_prose(text)}</p>" for text in info["description"].split("\n\n")),
        '<p><a href="/openapi.json">openapi.json</a> · <a href="/openapi.yaml">openapi.yaml</a></p>',
        "</header>", '<nav aria-label="Operations">', *_contents(document["tags"], by_tag), "</nav>", "<main>",
    ]  # fmt: skip
    for tag in document["tags"]:
        lines += [f"<h2>{escape(tag['name'])}</h2>", f"<p>{_prose(tag['description'])}</p>"]
        for method, path, operation in by_tag.get(tag["name"], ()):
            lines += _operation(method, path, operation, parts)
    lines.append("<h2>Documents</h2>")
    for name, item in parts["schemas"].items():
        lines += [f'<h3 id="{_schema_id(name)}">{escape(name)}</h3>', *_schema(item)]
    return "\n".join([*lines, "</main>", "</body>", "</html>", ""])


def _contents(tags: list[Node], by_tag: Mapping[str, list[tuple[str, str, Node]]]) -> Iterator[str]:
    yield "<ul>"
    for tag in tags:
        for method, path, operation in by_tag.get(tag["name"], ()):
            yield (
                f'<li><a href="#{escape(operation["operationId"])}"><b>{method}</b> '
                f"<code>{escape(path)}</code></a> {escape(operation['summary'])}</li>"
            )
    yield "</ul>"


def _operation(method: str, path: str, operation: Node, parts: Node) -> Iterator[str]:
    yield f'<section id="{escape(operation["operationId"])}">'
    yield f"<h3><b>{method}</b> <code>{escape(path)}</code></h3>"
    yield f"<p>{_prose(operation['summary'])}.</p>"
    if operation.get("parameters"):
        yield from _table(
            ("parameter", "in", "type", "meaning"),
            [
                (
                    f"<code>{escape(item['name'])}</code>", escape(item["in"]), _type(item["schema"]),
                    _prose(item.get("description", "")) + _examples(item),
                )
                for item in operation["parameters"]
            ],
        )  # fmt: skip
    if "requestBody" in operation:
        yield f"<h4>Body</h4><p>{_content(operation['requestBody']['content'])}</p>"
    yield "<h4>Answers</h4>"
    rows = []
    for status, answer in operation["responses"].items():
        found = _resolved(answer, parts)
        rows.append(
            (
                f"<code>{escape(status)}</code>",
                _prose(found["description"]),
                _content(found.get("content", {})),
                " ".join(f"<code>{escape(name)}</code>" for name in found.get("headers", ())),
            )
        )
    yield from _table(("status", "when", "document", "headers"), rows)
    yield "</section>"


def _resolved(node: Node, parts: Node) -> Node:
    if "$ref" not in node:
        return node
    *_, kind, name = node["$ref"].split("/")
    found: Node = parts[kind][name]
    return found


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield '<div class="wide" tabindex="0" role="region" aria-label="table"><table><thead><tr>'
    yield "".join(f'<th scope="col">{text}</th>' for text in head)
    yield "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</tbody></table></div>"


def _content(content: Node) -> str:
    return "<br>".join(
        f"<code>{escape(media)}</code> {_type(item['schema'])}" for media, item in content.items()
    )


def _type(node: Node) -> str:
    """Give a schema in a few words."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return f'<a href="#{_schema_id(name)}">{escape(name)}</a>'
    if "anyOf" in node:
        return " or ".join(_type(item) for item in node["anyOf"])
    if "const" in node:
        return f"<code>{escape(json.dumps(node['const']))}</code>"
    if "enum" in node:
        shown = [item if isinstance(item, str) else json.dumps(item) for item in node["enum"]]
        return " ".join(f"<code>{escape(item)}</code>" for item in shown if item)
    kind = node.get("type", "any")
    text = " or ".join(kind) if isinstance(kind, list) else kind
    if text == "array":
        return f"list of {_type(node.get('items', {}))}"
    if "maximum" in node:
        text += f", {node.get('minimum', 0)} to {node['maximum']}"
    if "pattern" in node:
        text += f" like <code>{escape(node['pattern'])}</code>"
    return text


def _examples(item: Node) -> str:
    values = [example["value"] for example in item.get("examples", {}).values()]
    flat = [text for value in values for text in (value if isinstance(value, list) else [value])]
    return "".join(f"; as <code>{escape(str(text))}</code>" for text in flat)


def _schema(node: Node) -> Iterator[str]:
    """Give the fields of a document, those inside included, one row each."""
    required = set(node.get("required", ()))
    rows = [
        (
            f"<code>{escape(name)}</code>{'' if name in required else '?'}", _type(item),
            _prose(item.get("description", "")),
        )
        for name, item in _fields(node, "")
    ]  # fmt: skip
    if rows:
        yield from _table(("field", "type", "meaning"), rows)


def _fields(node: Node, prefix: str) -> Iterator[tuple[str, Node]]:
    for name, item in node.get("properties", {}).items():
        yield f"{prefix}{name}", item
        inner = item.get("items", item) if isinstance(item, dict) else item
        mark = "[]." if inner is not item else "."
        if "$ref" not in inner:
            yield from _fields(inner, f"{prefix}{name}{mark}")


def _schema_id(name: str) -> str:
    return f"schema-{name}"


def _prose(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))
