"""Read one chart's entry out of a repository's ``index.yaml``, without reading the rest of it.

An index lists every version of every chart; large ones have megabytes, which a YAML parser in Python takes minutes
for. In the block style that Helm writes, the lines of one version are cut out and only they are parsed; any other
style is parsed whole.
"""

from __future__ import annotations

import json
import re
from typing import Any

from aicr_core.api import AicrError, Code, load_all, nearest

Document = dict[str, Any]
_TOP = re.compile(r"(?m)^entries:[ \t]*(?:#.*)?$\n?")


def versions(text: str, name: str, version: str, source: str) -> list[Document]:
    """Give the entries of chart ``name`` that mention ``version``.

    Raises AicrError: INVALID_REQUEST for what is no index, NOT_FOUND with a near name when it has no such chart.
    """
    if not text.lstrip().startswith("{"):
        block = _block(text, name)
        if block is not None:
            found = load_all("\n".join(_mentioning(block, version)), source)
            return _entries(found[0] if found else [], source)
    names = _names(text)
    entries = dict.fromkeys(names) if names else _whole(text, source).get("entries") or {}
    if name not in entries:
        close = nearest(name, [str(known) for known in entries])
        raise AicrError(
            Code.NOT_FOUND, f'the repository has no chart "{name}"', where=source,
            hint=f'did you mean "{close}"?' if close else "check `source` and `chart` of the component",
        )  # fmt: skip
    return _entries(entries[name], source)


def _whole(text: str, source: str) -> Document:
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else load_all(text, source)[0]
    except (ValueError, IndexError) as error:
        raise _no_index(source, str(error)) from None
    except AicrError as error:
        raise _no_index(source, error.message) from None
    if not isinstance(found, dict) or not isinstance(found.get("entries") or {}, dict):
        raise _no_index(source, "it has no entries")
    return found


def _no_index(source: str, reason: str) -> AicrError:
    return AicrError(
        Code.INVALID_REQUEST, f"this is no index of a chart repository: {reason}", where=source,
        hint="check the repository's address: it is the folder that holds index.yaml",
    )  # fmt: skip


def _entries(found: Any, source: str) -> list[Document]:
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise _no_index(source, "the versions of a chart are no list")
    return found


def _block(text: str, name: str) -> list[str] | None:
    """Give the lines below the key ``name`` of ``entries``, None when the style is another or the key is absent."""
    top = _TOP.search(text)
    if top is None:
        return None
    key = re.compile(rf"""(?m)^(?P<indent> +)(?:{re.escape(name)}|"{re.escape(name)}"):[ \t]*$\n""")
    found = key.search(text, top.end())
    if found is None:
        return None
    first = re.match(r" +", text[top.end() :])
    if first is None or found["indent"] != first[0]:
        return None
    # Items of the list may stand as far left as the key itself.
    depth = len(first[0])
    beyond = re.compile(rf"(?m)^(?: {{0,{depth}}}[^ \n-]| {{0,{depth - 1}}}-)")
    end = beyond.search(text, found.end())
    return text[found.end() : end.start() if end is not None else len(text)].split("\n")


def _names(text: str) -> list[str]:
    """Give the charts' names of an index in block style; empty for any other style."""
    top = _TOP.search(text)
    first = re.match(r" +(?=[A-Za-z0-9])", text[top.end() :]) if top is not None else None
    if top is None or first is None:
        return []
    return re.findall(rf"(?m)^{first[0]}([A-Za-z0-9][\w.-]*):[ \t]*$", text[top.end() :])


def _mentioning(lines: list[str], version: str) -> list[str]:
    """Keep the list items whose ``version`` key is the one wanted, or any form of it with or without ``v``."""
    plain = re.escape(version.removeprefix("v"))
    wanted = re.compile(rf"""(?:- )?\s*version: ["']?v?{plain}["']?\s*$""")
    start = next((line for line in lines if line.strip()), "")
    if start and not start.lstrip().startswith("-"):
        return lines
    mark = " " * (len(start) - len(start.lstrip(" "))) + "-"
    items: list[list[str]] = []
    for line in lines:
        if line.startswith(mark) and line[len(mark) : len(mark) + 1] in ("", " "):
            items.append([])
        if items:
            items[-1].append(line)
    kept = [item for item in items if any(wanted.match(line.lstrip(" ")) for line in item)]
    return [line for item in kept for line in item] or ["[]"]
