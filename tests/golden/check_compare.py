"""What of a recorded check is compared, and how: verdict, code, names and numbers, bodies, what is left, requests.

Wording is never compared. Random suffixes, the labels of our runs, and shell scripts are normalised.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aicr_core.model.target import MANAGED, RUN_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from check_lab import Ran
    from emulated_cluster import Asked

    Item = dict[str, Any]

SCRIPT = "<shell script, see the specification>"
_SUFFIX = re.compile(r"(?<=-)[0-9a-f]{8}(?![0-9a-z])")
_KEPT = ("container", "fieldSelector", "labelSelector", "limit", "query", "watch")
_TOKEN = re.compile(r"[A-Za-z0-9_<][\w./:<>-]*[\w>]|\d")
_URL = re.compile(r"https?://\S+")
_PROXY = re.compile(r"/api/v1/namespaces/[^/]+/services/([^/]+)/proxy")
_WORDS = ("fork/exec", "usr/local/bin/chainsaw", "strconv.ParseFloat")
"""Parts of the reference's own wording that look like names."""


def differences(case: Item, ran: Ran) -> dict[str, str]:
    """Say where a run differs from its recording, by aspect; empty where nothing does."""
    expect, result = case["expect"], ran.result
    found: dict[str, str] = {}
    if result.status != expect["status"]:
        found["status"] = f"{result.status} ({result.message}), expected {expect['status']}"
    message = expect["message"] or ""
    code = re.match(r"\[([A-Z_]+)\]", message)
    if code and (result.code is None or result.code.value != code[1]):
        found["code"] = f"{result.code}, expected {code[1]}: {result.message}"
    said = " ".join((result.message, result.expected, result.actual))
    wanted = names(message or expect["skip_reason_log_only"] or "", case)
    missing = [name for name in wanted if not _in(name, no_suffix(said))]
    if missing:
        found["words"] = f"{missing} not in: {said}"
    for aspect, ours, theirs in (
        ("created", _bodies(ran.created, expect["created"]), _bodies(expect["created"])),
        ("left", ran.left, _left(expect)),
        ("requests", *_requests(ran.requests, expect["requests"])),
        ("rights", ran.denied, []),
        ("residue", list(ran.residue), []),
    ):
        if ours != theirs:
            more = [item for item in ours if item not in theirs]
            less = [item for item in theirs if item not in ours]
            found[aspect] = f"ours alone: {more}\nrecorded alone: {less}"
    return found


def _left(expect: Item) -> list[str]:
    """Give what may stay: not the namespaces that the reference makes and leaves (spec/beyond.md F15, F16)."""
    return sorted(name for name in expect["objects_left"] if not name.startswith("Namespace "))


# --- names and numbers of a message ---------------------------------------------------------------


def names(message: str, case: Item) -> list[str]:
    """Give what a message names: numbers, quoted texts, compound names, and objects of the case."""
    own = set(_own_names(case))
    found = []
    for url in _URL.findall(message):
        host, _, path = url.split("://")[1].partition("/")
        server, _, port = host.partition(":")
        found += [*server.removesuffix(".svc").split("."), port, path.partition("?")[0]]
    text = re.sub(r"\[[A-Z_]+\]", " ", _URL.sub(" ", message))
    found += re.findall(r'"([^"]*)"', text)
    for token in _TOKEN.findall(re.sub(r'"[^"]*"', " ", text)):
        token = token.rstrip(".:")
        compound = re.search(r"[0-9/_]", token) or "<suffix>" in token
        if token not in _WORDS and (compound or token in own):
            found.append(token)
    return [name for name in dict.fromkeys(found) if name]


def _own_names(case: Item) -> Iterable[str]:
    for item in case["api"].get("objects") or ():
        yield item["metadata"]["name"]
        yield item["metadata"].get("namespace", "")
    yield from re.findall(r"(?:name|namespace): (\S+)", case["recipe"])


def _in(name: str, text: str) -> bool:
    """Tell whether a text names something; a number or word has to stand alone."""
    edge = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
    return re.search(f"{edge[0]}{re.escape(name)}{edge[1]}", text) is not None


def no_suffix(text: str) -> str:
    """Replace the random suffix of names."""
    return _SUFFIX.sub("<suffix>", text)


# --- bodies ---------------------------------------------------------------------------------------


def _bodies(bodies: list[Item], like: list[Item] | None = None) -> list[str]:
    """Give bodies in comparable form; scripts are taken from ``like`` where the recording has none."""
    plain = [_plain(json.loads(no_suffix(json.dumps(body)))) for body in bodies]
    if like is not None:
        by_name = {_key(body): body for body in like}
        plain = [_scripts(body, by_name.get(_key(body))) for body in plain]
    return sorted(json.dumps(body, sort_keys=True) for body in plain)


def _key(body: Item) -> tuple[str, str]:
    return body.get("kind", ""), (body.get("metadata") or {}).get("name", "")


def _plain(body: Item) -> Item:
    body = {key: value for key, value in body.items() if key != "status"}
    if not body.get("spec"):
        body.pop("spec", None)
    elif body["spec"].get("strategy") == {}:
        del body["spec"]["strategy"]
    # What the server gave to an object that is sent back to it.
    given = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
    metadata = {k: v for k, v in (body.get("metadata") or {}).items() if k not in given}
    found: Item = _no_labels({**body, "metadata": metadata})
    return found


def _no_labels(value: Any) -> Any:
    if isinstance(value, list):
        return [_no_labels(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, inner in value.items():
        if key == "labels" and isinstance(inner, dict):
            ours = {**MANAGED, RUN_LABEL: ""}
            inner = {k: v for k, v in inner.items() if k not in ours}
            if not inner:
                continue
        if not (key == "creationTimestamp" and inner is None):
            found[key] = _no_labels(inner)
    return found


def _scripts(ours: Any, theirs: Any) -> Any:
    """Put the recording's marker in the place of a script of ours."""
    if theirs == SCRIPT and isinstance(ours, str):
        return SCRIPT
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return {key: _scripts(value, theirs.get(key)) for key, value in ours.items()}
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        if ours[1:2] == theirs[1:2] == ["-c"]:
            return (
                theirs[: len(ours)] if ours[0] == theirs[0] else ours
            )  # a short script, also our own
        return [_scripts(one, other) for one, other in zip(ours, theirs, strict=True)]
    return ours


# --- requests -------------------------------------------------------------------------------------


def lines(asked: Iterable[Asked]) -> list[str]:
    """Write requests as the recordings do."""
    found = []
    for request in asked:
        query = {k: v for k, v in sorted(request.query.items()) if k in _KEPT and v != "500"}
        path = _PROXY.sub(_service, unquote(request.path))
        text = "&".join(f"{key}={value}" for key, value in query.items())
        found.append(no_suffix(f"{request.method} {path}" + (f"?{text}" if text else "")))
    return found


def _service(match: re.Match[str]) -> str:
    return "<dcgm-exporter>" if match[1] == "nvidia-dcgm-exporter:9400" else "<prometheus>"


def _requests(ours: list[str], theirs: list[str]) -> tuple[list[str], list[str]]:
    """Give both as sorted sets, less what :data:`check_differences.REQUESTS` explains."""
    from check_differences import REQUESTS

    one, other = set(ours), set(theirs)
    if any(line.startswith("<polled") for line in theirs):
        return [], []
    alone = {f"+{line}" for line in one - other} | {f"-{line}" for line in other - one}
    explained = {
        line[1:] for line in alone if any(re.fullmatch(pattern, line) for pattern in REQUESTS)
    }
    return sorted(one - explained), sorted(other - explained)
