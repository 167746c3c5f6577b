"""Send golden exchanges to a running server, bytes as they are, and list what differs."""

from __future__ import annotations

import base64
import json
import re
import socket
import zipfile
from io import BytesIO
from typing import Any, NamedTuple

Row = dict[str, Any]
ABSENT = ("allow", "location", "cache-control", "retry-after", "content-encoding")
"""Headers that are absent where a golden does not list them; ``etag`` and ``vary`` are additions of ours."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


def send(port: int, request: Row, host: str = "127.0.0.1") -> Answer:
    """Send a request with its target untouched; give the answer."""
    body = (
        base64.b64decode(request["body_b64"])
        if "body_b64" in request
        else request.get("body", "").encode()
    )
    lines = [
        f"{request['method']} {request['target']} HTTP/1.1",
        f"Host: {host}:{port}",
        "Connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in request["headers"].items()]
    if body or request["method"] in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body)}")
    return exchange(port, "\r\n".join(lines).encode() + b"\r\n\r\n" + body, host)


def exchange(port: int, data: bytes, host: str = "127.0.0.1", timeout: float = 30) -> Answer:
    """Send raw bytes and read until the server closes."""
    with socket.create_connection((host, port), timeout=timeout) as connection:
        connection.sendall(data)
        received = b""
        while part := connection.recv(65536):
            received += part
    return parse(received)


def parse(received: bytes) -> Answer:
    """Give status, headers and body of a whole answer; chunks are joined."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in rest:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        whole = b""
        while body:
            size, _, body = body.partition(b"\r\n")
            count = int(size.partition(b";")[0], 16)
            whole, body = whole + body[:count], body[count + 2 :]
            if not count:
                break
        body = whole
    return Answer(int(first.split()[1]), headers, body)


_NORMAL = {
    "requestId": "<uuid>", "timestamp": "<timestamp>",
}  # fmt: skip
_UUID = re.compile(r"[0-9a-f-]{36}\Z", re.IGNORECASE)


def _plain(value: Any, version: str) -> Any:
    if isinstance(value, dict):
        return {
            key: _NORMAL[key] if key in _NORMAL and isinstance(item, str) else _plain(item, version)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_plain(item, version) for item in value]
    return "<version>" if value == version else value


def _drop(value: Any, pointer: str) -> None:
    *parents, last = pointer.strip("/").split("/")
    for step in parents:
        value = value.get(step, {}) if isinstance(value, dict) else {}
    if isinstance(value, dict):
        value.pop(last, None)


def _subset(want: Any, got: Any) -> bool:
    if isinstance(want, dict):
        return isinstance(got, dict) and all(
            k in got and _subset(v, got[k]) for k, v in want.items()
        )
    return bool(want == got)


def differences(row: Row, answer: Answer, version: str) -> list[str]:
    """List what differs from the golden; nothing when its ``better`` answer is met."""
    better = row.get("better")
    if better and _is_better(better, answer, version):
        return []
    want = row["response"]
    found = []
    if answer.status != want["status"]:
        return [f"status {answer.status}, expected {want['status']}: {answer.body[:300]!r}"]
    for name, value in want["headers"].items():
        got = answer.headers.get(name)
        if not _header_fits(value, got):
            found.append(f"header {name}: {got!r}, expected {value!r}")
    found += [
        f"header {name}: {answer.headers[name]!r}, expected none"
        for name in ABSENT
        if name not in want["headers"] and name in answer.headers
    ]
    if "json" in want:
        got = _plain(json.loads(answer.body), version)
        expected = json.loads(json.dumps(want["json"]))
        for pointer in row.get("opaque", ()):
            _drop(got, pointer)
            _drop(expected, pointer)
        if got != expected:
            found.append(f"json {json.dumps(got)[:700]}, expected {json.dumps(expected)[:700]}")
    elif want.get("empty") and answer.body:
        found.append(f"body {answer.body[:100]!r}, expected none")
    elif "text" in want and answer.body.decode() != want["text"]:
        found.append(f"text {answer.body[:200]!r}, expected {want['text']!r}")
    elif "zip" in want:
        with zipfile.ZipFile(BytesIO(answer.body)) as archive:
            assert archive.testzip() is None
            ours = {
                item.filename: (item.external_attr >> 16) & 0o7777 for item in archive.infolist()
            }
        found += [
            f"zip entry {entry['name']}: absent"
            for entry in want["zip"]["entries"]
            if entry["name"] not in ours
        ]
    elif "metric_families" in want:
        text = answer.body.decode()
        found += [
            f"metric {name}: absent"
            for name, kind in (family.rsplit(" ", 1) for family in want["metric_families"])
            if name.startswith("aicr_") and f"# TYPE {name} {kind}" not in text
        ]
    return found


def _header_fits(want: str, got: str | None) -> bool:
    if got is None:
        return False
    if want in ("<int>", "<uuid>", "<duration>"):
        pattern = {"<int>": r"-?\d+", "<uuid>": r"[0-9a-fA-F-]{36}", "<duration>": r".+"}[want]
        return re.fullmatch(pattern, got) is not None
    return want == got


def _is_better(better: Row, answer: Answer, version: str) -> bool:
    if answer.status != better["status"]:
        return False
    if any(
        not _header_fits(value, answer.headers.get(name))
        for name, value in better.get("headers", {}).items()
    ):
        return False
    if "json" not in better:
        return True
    return _subset(better["json"], _plain(json.loads(answer.body), version))
