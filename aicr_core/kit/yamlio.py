"""Read YAML and JSON into plain values, with positions, limits and one-line errors.

What a plain scalar means is said in ``kit.scalars``. Input is untrusted:
its size, its nesting and the expansion of its aliases are bounded. This module does not know any document
type (``kit.schema`` checks shapes) and does not write (``kit.emit`` does).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.limits import MAX_BYTES
from aicr_core.kit.scalars import CONSTANTS, number, plain_value
from aicr_core.kit.surrogates import joined, whole_json

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 100
# Nodes reachable after alias expansion. The largest real file (a CRD) has about 30,000.
MAX_NODES = 1_000_000

SCALAR, LIST, MAP = "scalar", "list", "map"

_TAG = "tag:yaml.org,2002:"


class Node:
    """One value of a document with its place.

    ``kind`` is SCALAR, LIST or MAP; ``value`` is the scalar's text as written, the list of items, or the
    list of (key, value) pairs; ``plain`` tells that a scalar had no quotes; ``tag`` is an explicit tag.
    ``line`` and ``column`` count from 1.
    """

    __slots__ = ("column", "kind", "line", "plain", "tag", "value", "weight")

    def __init__(
        self, kind: str, value: Any, line: int, column: int, plain: bool = False, tag: str = ""
    ) -> None:
        self.kind = kind
        self.value = value
        self.line = line
        self.column = column
        self.plain = plain
        self.tag = tag
        self.weight = 1

    def is_null(self) -> bool:
        """Tell whether this is an absent value (``null``, ``~``, nothing)."""
        return self.kind == SCALAR and scalar(self) is None

    def items(self) -> Iterator[tuple[str, Node]]:
        """Give the pairs of a map, keys as text."""
        for key, value in self.value:
            yield key.value, value


class JsonNode(Node):
    """A value of a JSON document: keys match in any case, and a number is never text (spec/recipe.md 3.2)."""

    __slots__ = ()


def fail(source: str, node: Node | None, message: str, hint: str | None = None) -> AicrError:
    """Make the error for a fault at ``node`` of the file ``source``."""
    where = f"{source}:{node.line}:{node.column}" if node is not None else source
    return AicrError(Code.INVALID_REQUEST, message, where=where, hint=hint)


def scalar(node: Node) -> Any:
    """Give the typed value of a scalar node."""
    text: str = node.value
    if node.tag and node.tag != "!":
        return _tagged(node, text)
    if not node.plain or node.tag:
        return text
    return plain_value(text)


def _tagged(node: Node, text: str) -> Any:
    name = node.tag.removeprefix(_TAG)
    if name == "str":
        return text
    if name == "null":
        return None
    if name == "binary":
        import base64

        return base64.b64decode(text).decode("utf-8")
    value = CONSTANTS.get(text, number(text) if text else None)
    if name == "float" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    wanted = {"int": int, "bool": bool}.get(name)
    if wanted is None or not isinstance(value, wanted):
        raise ValueError(f"{text!r} is no {name}")
    return value


def plain(node: Node, source: str) -> Any:
    """Give the plain value (dict, list, str, int, float, bool, None) of a node tree."""
    if node.kind == SCALAR:
        try:
            return scalar(node)
        except ValueError as error:
            raise fail(source, node, f"the value does not fit its tag: {error}") from None
    if node.kind == LIST:
        return [plain(item, source) for item in node.value]
    return {key.value: plain(value, source) for key, value in node.value}


def text_of(data: bytes | str, source: str) -> str:
    """Decode ``data`` as UTF-8 and hold it to the size limit."""
    if isinstance(data, str):
        return data
    if len(data) > MAX_BYTES:
        raise fail(source, None, f"{len(data)} bytes are over the limit of {MAX_BYTES} (10 MiB)")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise AicrError(
            Code.INVALID_REQUEST,
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            where=f"{source}:{line}",
            hint="save the file as UTF-8",
        ) from None


def load(data: bytes | str, source: str) -> Any:
    """Give the plain value of the first YAML document; None for an empty stream."""
    node = compose(data, source)
    return None if node is None else plain(node, source)


def load_all(data: bytes | str, source: str) -> list[Any]:
    """Give the plain values of all YAML documents of a stream."""
    return [plain(node, source) for node in _documents(data, source)]


def compose_all(data: bytes | str, source: str) -> Iterator[Node]:
    """Give the node trees of all YAML documents of a stream, one by one."""
    return _documents(data, source)


def compose(data: bytes | str, source: str) -> Node | None:
    """Give the node tree of the first YAML document; None for an empty stream."""
    return next(_documents(data, source), None)


def compose_first(data: bytes | str, source: str) -> tuple[Node | None, bool]:
    """Give the first YAML document of a stream, and whether anything but emptiness follows it."""
    documents = _documents(data, source)
    first = next(documents, None)
    try:
        second = next(documents, None)
    except AicrError:
        return first, True
    return first, second is not None and not second.is_null()


def _documents(data: bytes | str, source: str) -> Iterator[Node]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError

    text = text_of(data, source)
    try:
        # Never the C parser, which ruamel takes when it happens to be installed: it refuses, accepts and
        # places other things, and an answer must not depend on that.
        yield from _Composer(source).documents(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        problem = " ".join(str(error.problem or error.context or "not YAML").split())
        raise AicrError(Code.INVALID_REQUEST, f"not valid YAML: {problem}", where=where) from None
    except (YAMLError, YAMLStreamError) as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        reason = " ".join(str(getattr(error, "reason", "") or error).split())
        raise AicrError(
            Code.INVALID_REQUEST, f"not valid YAML: {reason}", where=f"{source}:{line}"
        ) from None
    except RecursionError:
        raise fail(source, None, f"nested deeper than {MAX_DEPTH} levels") from None
    except (ValueError, IndexError, AttributeError, TypeError, NotImplementedError) as error:
        # The parser library itself stumbles over some hostile inputs; that is still bad input.
        raise fail(source, None, f"not valid YAML: {error}") from None


class _Composer:
    """Turn parser events into nodes: own code, because positions, limits and dialect are ours."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.anchors: dict[str, Node] = {}
        self.total = 0

    def documents(self, events: Any) -> Iterator[Node]:
        stack: list[tuple[Node, str]] = []
        root: Node | None = None
        for event in events:
            name = type(event).__name__
            if name == "DocumentStartEvent":
                self.anchors, root, self.total = {}, None, 0
                continue
            if name == "DocumentEndEvent":
                if root is not None:
                    yield root
                continue
            if name in ("StreamStartEvent", "StreamEndEvent", "CommentEvent"):
                continue
            if name in ("MappingEndEvent", "SequenceEndEvent"):
                node, anchor = stack.pop()
                self._close(node)
                if anchor:
                    self.anchors[anchor] = node
            else:
                node, anchor, opens = self._open(event, name)
                if opens:
                    stack.append((node, anchor))
                    if len(stack) > MAX_DEPTH:
                        message = f"nested deeper than {MAX_DEPTH} levels"
                        raise fail(self.source, node, message)
                    continue
                if anchor:
                    self.anchors[anchor] = node
            if stack:
                stack[-1][0].value.append(node)
            else:
                root = node

    def _open(self, event: Any, name: str) -> tuple[Node, str, bool]:
        mark = event.start_mark
        line, column = mark.line + 1, mark.column + 1
        if name == "AliasEvent":
            known = self.anchors.get(event.anchor)
            if known is None:
                at = Node(SCALAR, "", line, column)
                raise fail(self.source, at, f"no anchor &{event.anchor} above this alias")
            self._count(known.weight, known)
            return known, "", False
        tag = str(event.tag) if event.tag else ""
        if name == "ScalarEvent":
            self._count(1, None)
            node = Node(
                SCALAR, event.value, line, column, event.implicit[0] and not event.style, tag
            )
            try:
                node.value = joined(event.value)
            except ValueError:
                message = "an escape names half of a character (a surrogate alone)"
                raise fail(self.source, node, message, "write the whole character") from None
            self._check_tag(node, ("str", "int", "float", "bool", "null", "binary"))
            return node, event.anchor or "", False
        kind, tags = (MAP, ("map",)) if name == "MappingStartEvent" else (LIST, ("seq",))
        node = Node(kind, [], line, column, tag=tag)
        self._check_tag(node, tags)
        self._count(1, None)
        return node, event.anchor or "", True

    def _check_tag(self, node: Node, known: tuple[str, ...]) -> None:
        if node.tag and node.tag != "!" and node.tag.removeprefix(_TAG) not in known:
            raise fail(
                self.source, node, f"unknown tag {node.tag}", "write the value without a tag"
            )

    def _count(self, weight: int, node: Node | None) -> None:
        self.total += weight
        if self.total > MAX_NODES:
            message = f"more than {MAX_NODES} values after expanding aliases"
            raise fail(self.source, node, message)

    def _close(self, node: Node) -> None:
        """Finish a collection: pair up keys, refuse duplicates, expand merge keys."""
        if node.kind == LIST:
            node.weight = 1 + sum(item.weight for item in node.value)
            return
        flat = node.value
        pairs: list[tuple[Node, Node]] = []
        merges: list[Node] = []
        seen: dict[str, Node] = {}
        for index in range(0, len(flat), 2):
            key, value = flat[index], flat[index + 1]
            if key.kind != SCALAR:
                raise fail(self.source, key, "a mapping key must be text")
            if key.value == "<<" and key.plain:
                merges.append(value)
                continue
            if key.value in seen:
                first = seen[key.value].line
                message = f'duplicate key "{key.value}" (first on line {first})'
                raise fail(self.source, key, message, "keep one of the two")
            seen[key.value] = key
            pairs.append((key, value))
        for value in merges:
            for source in value.value if value.kind == LIST else [value]:
                if source.kind != MAP:
                    raise fail(self.source, value, "<< needs a mapping or a list of mappings")
                for key, item in source.value:
                    if key.value not in seen:
                        seen[key.value] = key
                        pairs.append((key, item))
        node.value = pairs
        node.weight = 1 + sum(value.weight for _, value in pairs)


def compose_json(data: bytes | str, source: str) -> Node:
    """Give the node tree of the first JSON value; the last of duplicate keys wins (spec 3.2)."""
    import json

    text = whole_json(text_of(data, source))
    start = len(text) - len(text.lstrip())
    try:
        # Pairs, not dictionaries: of keys that differ in case alone the last one counts, wherever it stands.
        decoder = json.JSONDecoder(object_pairs_hook=_Pairs, parse_float=_json_float)
        value, _ = decoder.raw_decode(text, start)
        return _json_node(value)
    except json.JSONDecodeError as error:
        raise AicrError(
            Code.INVALID_REQUEST,
            f"not valid JSON: {error.msg}",
            where=f"{source}:{error.lineno}:{error.colno}",
        ) from None
    except RecursionError:
        raise fail(source, None, f"nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise fail(source, None, f"not valid JSON: {error}") from None


def _json_float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is larger than any 64-bit number")
    return value


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object, in order, duplicates included."""


def _json_node(value: Any, depth: int = 0) -> Node:
    # JSON readers give no positions: nodes stand at line 1 of the file, the field path names the place.
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, _Pairs):
        pairs = [(JsonNode(SCALAR, key, 1, 1), _json_node(item, depth + 1)) for key, item in value]
        return JsonNode(MAP, pairs, 1, 1)
    if isinstance(value, list):
        return JsonNode(LIST, [_json_node(item, depth + 1) for item in value], 1, 1)
    if isinstance(value, str):
        return JsonNode(SCALAR, value, 1, 1)
    if value is None:
        return JsonNode(SCALAR, "null", 1, 1, plain=True)
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return JsonNode(
        SCALAR, {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text), 1, 1, plain=True
    )
