"""A small interpreter for the Go-template constructs that reference-style data files use (spec/bundle.md 2.6).

Actions, pipelines, variables, ``if/else if/else``, ``range``, ``with``, and the functions ``toYaml nindent indent
toString default quote printf print len index eq ne lt le gt ge and or not``. Nothing else: an unknown function is
an error. Falsy is nil, false, 0, and what is empty. A missing value that would be printed is an error (B-33).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aicr_core.kit.emit import as_text, to_yaml
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_ACTION = re.compile(r"\{\{(-\s)?((?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|[^\"`])*?)(\s-)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"\s*(\"(?:\\.|[^\"\\])*\"|`[^`]*`|:=|[|()=,]|\$?[A-Za-z_][\w]*(?:\.[\w]+)*|\$(?:\.[\w]+)*"
    r"|(?:\.[\w]+)+|\.|-?[0-9][0-9.]*)"
)


class _Missing:
    """What a missing key gives: nil that remembers its name."""

    def __init__(self, name: str) -> None:
        self.name = name


def _fail(message: str, hint: str | None = None) -> AicrError:
    return AicrError(Code.INVALID_REQUEST, f"template: {message}", hint=hint)


def _nil(value: Any) -> Any:
    return None if isinstance(value, _Missing) else value


def _truth(value: Any) -> bool:
    value = _nil(value)
    return not (value is None or value is False or value == 0 or value in ("", [], {}))


def _go_text(value: Any) -> str:
    """Give Go's ``%v``: nil is ``<nil>``, maps are ``map[a:1]`` with sorted keys."""
    value = _nil(value)
    if value is None:
        return "<nil>"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_go_text(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_go_text(item) for item in value) + "]"
    return as_text(value)


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = _nil(value)
        if isinstance(value, list) and isinstance(key, int):
            value = value[key] if 0 <= key < len(value) else _Missing(str(key))
        elif isinstance(value, dict):
            value = value.get(key, _Missing(str(key)))
        else:
            return _Missing(str(key))
    return value


def _indent(width: int, text: Any) -> str:
    pad = " " * width
    return "\n".join(pad + line if line else line for line in str(_nil(text)).split("\n"))


def _printf(form: str, *values: Any) -> str:
    items = iter(values)

    def one(match: re.Match[str]) -> str:
        verb = match.group(1)
        if verb == "%":
            return "%"
        value = next(items, None)
        return json.dumps(_go_text(value), ensure_ascii=False) if verb == "q" else _go_text(value)

    return re.sub(r"%([vsdqt%])", one, form)


def _order(left: Any, right: Any) -> int:
    left, right = _nil(left), _nil(right)
    try:
        return int(left > right) - int(left < right)
    except TypeError:
        raise _fail(f"cannot compare {_go_text(left)} with {_go_text(right)}") from None


def _default(fallback: Any, value: Any = None) -> Any:
    value = _nil(value)
    return fallback if value is None or value == "" else value


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "toYaml": lambda value: to_yaml(_nil(value), indent=4, sort_keys=True).rstrip("\n"),
    "nindent": lambda width, text: "\n" + _indent(width, text),
    "indent": _indent,
    "toString": _go_text,
    "quote": lambda value: json.dumps(_go_text(value), ensure_ascii=False),
    "default": _default,
    "printf": _printf,
    "print": lambda *values: "".join(_go_text(value) for value in values),
    "len": lambda value: len(_nil(value) or ()),
    "index": _index,
    "eq": lambda left, *others: any(_nil(left) == _nil(other) for other in others),
    "ne": lambda left, right: _nil(left) != _nil(right),
    "lt": lambda left, right: _order(left, right) < 0,
    "le": lambda left, right: _order(left, right) <= 0,
    "gt": lambda left, right: _order(left, right) > 0,
    "ge": lambda left, right: _order(left, right) >= 0,
    "not": lambda value: not _truth(value),
}

Node = tuple[Any, ...]


def _split(source: str) -> list[tuple[str, str]]:
    """Cut a template into ("text", …) and ("action", …) pieces, trim markers applied."""
    pieces: list[tuple[str, str]] = []
    position = 0
    trim = False
    for match in _ACTION.finditer(source):
        text = source[position : match.start()]
        if trim:
            text = text.lstrip()
        if match.group(1):
            text = text.rstrip()
        pieces.append(("text", text))
        pieces.append(("action", match.group(2).strip()))
        trim = bool(match.group(3))
        position = match.end()
    rest = source[position:]
    if "{{" in rest:
        raise _fail("an action {{ is not closed")
    pieces.append(("text", rest.lstrip() if trim else rest))
    return pieces


def _parse(pieces: list[tuple[str, str]], position: int, depth: int) -> tuple[list[Node], int, str]:
    """Parse up to a matching ``end`` or ``else``; give nodes, position, and the closing action."""
    nodes: list[Node] = []
    while position < len(pieces):
        kind, text = pieces[position]
        position += 1
        if kind == "text":
            nodes.append(("text", text))
            continue
        word = text.split(None, 1)[0] if text else ""
        if text.startswith("/*"):
            continue
        if word in ("end", "else"):
            if depth == 0:
                raise _fail(f"{{{{ {word} }}}} without a block")
            return nodes, position, text
        if word in ("if", "range", "with"):
            node, position = _block(word, text[len(word) :], pieces, position, depth)
            nodes.append(node)
        else:
            nodes.append(("action", text))
    if depth:
        raise _fail("a block has no {{ end }}")
    return nodes, position, ""


def _block(
    word: str, condition: str, pieces: list[tuple[str, str]], position: int, depth: int
) -> tuple[Node, int]:
    if depth > 50:
        raise _fail("blocks are nested too deeply")
    body, position, closing = _parse(pieces, position, depth + 1)
    other: list[Node] = []
    if closing.startswith("else"):
        rest = closing[4:].strip()
        if rest.startswith("if"):
            node, position = _block("if", rest[2:], pieces, position, depth + 1)
            return (word, condition, body, [node]), position
        other, position, closing = _parse(pieces, position, depth + 1)
    return (word, condition, body, other), position


class _Run:
    """One rendering: the root context and the variables in scope."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.variables: dict[str, Any] = {"$": root}
        self.steps = 0

    def render(self, nodes: Sequence[Node], dot: Any) -> str:
        out = []
        for node in nodes:
            self.steps += 1
            if self.steps > 200_000:
                raise _fail("the template runs too long")
            if node[0] == "text":
                out.append(node[1])
            elif node[0] == "action":
                out.append(self.action(node[1], dot))
            elif node[0] == "range":
                out.append(self.loop(node, dot))
            else:
                value = self.pipeline(node[1], dot)
                if _truth(value):
                    out.append(self.render(node[2], value if node[0] == "with" else dot))
                else:
                    out.append(self.render(node[3], dot))
        return "".join(out)

    def loop(self, node: Node, dot: Any) -> str:
        names: list[str] = []
        text = node[1]
        if ":=" in text:
            left, _, text = text.partition(":=")
            names = [name.strip() for name in left.split(",")]
        value = _nil(self.pipeline(text, dot))
        pairs: list[tuple[Any, Any]]
        if isinstance(value, dict):
            pairs = [(key, value[key]) for key in sorted(value)]
        else:
            pairs = list(enumerate(value or ()))
        if not pairs:
            return self.render(node[3], dot)
        out = []
        for key, item in pairs:
            for name, bound in zip(names, [key, item] if len(names) == 2 else [item], strict=False):
                self.variables[name] = bound
            out.append(self.render(node[2], item))
        return "".join(out)

    def action(self, text: str, dot: Any) -> str:
        match = re.match(r"(\$\w+)\s*:?=(?!=)(.*)$", text, re.DOTALL)
        if match:
            self.variables[match.group(1)] = self.pipeline(match.group(2), dot)
            return ""
        value = self.pipeline(text, dot)
        if isinstance(value, _Missing) or value is None:
            name = value.name if isinstance(value, _Missing) else text
            raise _fail(f'"{name}" has no value in {{{{ {text} }}}}')
        return _go_text(value)

    def pipeline(self, text: str, dot: Any) -> Any:
        tokens: list[str] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if not match:
                raise _fail(f"cannot read {text[position:].strip()!r} in {{{{ {text.strip()} }}}}")
            tokens.append(match.group(1))
            position = match.end()
        value, rest = self.commands(tokens, dot)
        if rest:
            raise _fail(f"unexpected {rest[0]!r} in {{{{ {text.strip()} }}}}")
        return value

    def commands(self, tokens: list[str], dot: Any) -> tuple[Any, list[str]]:
        """Evaluate ``command | command``, up to a closing parenthesis."""
        value, tokens = self.command(tokens, dot, ())
        while tokens and tokens[0] == "|":
            value, tokens = self.command(tokens[1:], dot, (value,))
        return value, tokens

    def command(self, tokens: list[str], dot: Any, last: tuple[Any, ...]) -> tuple[Any, list[str]]:
        if not tokens:
            raise _fail("an empty command")
        head = tokens[0]
        if head in ("and", "or"):
            return self.logic(head, tokens[1:], dot, last)
        if head in _FUNCTIONS:
            arguments: list[Any] = []
            tokens = tokens[1:]
            while tokens and tokens[0] not in ("|", ")"):
                value, tokens = self.operand(tokens, dot)
                arguments.append(value)
            return self.invoke(head, [*arguments, *last]), tokens
        return self.operand(tokens, dot)

    def invoke(self, name: str, arguments: list[Any]) -> Any:
        try:
            return _FUNCTIONS[name](*arguments)
        except TypeError:
            raise _fail(f"wrong arguments for {name}") from None

    def logic(
        self, name: str, tokens: list[str], dot: Any, last: tuple[Any, ...]
    ) -> tuple[Any, list[str]]:
        """Evaluate ``and``/``or`` with short circuit: later operands are skipped unread."""
        value: Any = None
        decided = False
        while tokens and tokens[0] not in ("|", ")"):
            if decided:
                tokens = _skip(tokens)
                continue
            value, tokens = self.operand(tokens, dot)
            decided = _truth(value) == (name == "or")
        for extra in last:
            if not decided:
                value = extra
        return value, tokens

    def operand(self, tokens: list[str], dot: Any) -> tuple[Any, list[str]]:
        head, rest = tokens[0], tokens[1:]
        if head == "(":
            value, rest = self.commands(rest, dot)
            if not rest or rest[0] != ")":
                raise _fail("a parenthesis is not closed")
            rest = rest[1:]
            if rest and rest[0].startswith(".") and len(rest[0]) > 1:
                return self.field(value, rest[0][1:].split(".")), rest[1:]
            return value, rest
        if head[0] == '"':
            return json.loads(head), rest
        if head[0] == "`":
            return head[1:-1], rest
        if head in ("true", "false", "nil"):
            return {"true": True, "false": False, "nil": None}[head], rest
        if head[0].isdigit() or head[0] == "-":
            return (float(head) if "." in head else int(head)), rest
        if head == ".":
            return dot, rest
        if head[0] == ".":
            return self.field(dot, head[1:].split(".")), rest
        if head[0] == "$":
            name, *parts = head.split(".")
            if name not in self.variables:
                raise _fail(f"variable {name} is not set")
            return self.field(self.variables[name], parts), rest
        if head in _FUNCTIONS:
            return self.invoke(head, []), rest
        raise _fail(
            f'unknown function "{head}"', f"known: {', '.join(sorted([*_FUNCTIONS, 'and', 'or']))}"
        )

    def field(self, value: Any, parts: list[str]) -> Any:
        for part in parts:
            if isinstance(value, dict):
                value = value.get(part, _Missing(part))
            elif _nil(value) is None:
                raise _fail(f'"{part}" is asked of a value that is not there')
            else:
                raise _fail(f'"{part}" is asked of {_go_text(value)}, which is no map')
        return value


def _skip(tokens: list[str]) -> list[str]:
    if tokens[0] != "(":
        return tokens[1:]
    depth = 0
    for number, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth == 0:
            rest = tokens[number + 1 :]
            return rest[1:] if rest and rest[0].startswith(".") and len(rest[0]) > 1 else rest
    raise _fail("a parenthesis is not closed")


def render(source: str, context: Mapping[str, Any]) -> str:
    """Render a Go template with ``context`` as dot. Raises AicrError(INVALID_REQUEST)."""
    try:
        nodes, _, _ = _parse(_split(source), 0, 0)
        return _Run(dict(context)).render(nodes, dict(context))
    except RecursionError:
        raise _fail("blocks are nested too deeply") from None
