"""The files of a new plugin package, made of templates. Pure: nothing is read but templates, nothing is written.

``scaffold/package`` has what every package has; each folder of ``scaffold/kinds`` is a kind: ``kind.toml.j2`` (what it
adds to manifest and hooks), ``hook.py.j2``, ``readme.md.j2``, and ``files`` with its own modules, data and tests. In
paths ``PACKAGE``, ``NAME`` and ``COMPONENT`` stand for what they say, and ``DOT_`` for a leading dot.
"""

from __future__ import annotations

import functools
import json
import re
import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core._version import HOOKSPEC, __version__
from aicr_core.engine.render import template
from aicr_core.kit.emit import to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from importlib.resources.abc import Traversable

Document = dict[str, Any]


class Package(NamedTuple):
    """What a new package is to be. ``criteria`` are those of its overlay, ``brings`` the values that it declares."""

    name: str
    distribution: str
    component: str
    kinds: tuple[str, ...]
    criteria: Mapping[str, str]
    brings: Sequence[tuple[str, str]]
    license: str
    contact: str
    api_version: str
    author: str = ""
    email: str = ""

    @property
    def package(self) -> str:
        """The name that it is imported by."""
        return package_name(self.name)

    @property
    def measurement(self) -> str:
        """The type of its measurements: ``fast-disk`` gives ``FastDisk``."""
        return "".join(word.capitalize() for word in self.name.split("-"))

    @property
    def rule(self) -> str:
        """The id of its rule of bundles."""
        return f"{re.sub('[^A-Z0-9]', '', self.name.upper())[:12]}001"


def package_name(name: str) -> str:
    """Give the import package of a plugin; the prefix keeps it apart from keywords and the standard library."""
    return f"aicr_{name.replace('-', '_')}"


@functools.cache
def kinds() -> tuple[str, ...]:
    """Give the kinds of plugins there are templates for, by name."""
    return tuple(
        sorted(one.name for one in _scaffold().joinpath("kinds").iterdir() if one.is_dir())
    )


def contents(wanted: Package) -> list[Document]:
    """Give what the package provides, as its manifest lists it: kind, name, perhaps more."""
    return _facts(wanted)["provides"]  # type: ignore[no-any-return]


def skeleton(wanted: Package) -> dict[str, str]:
    """Give the files of the package by path."""
    facts = _facts(wanted)
    places = [_scaffold().joinpath("package")]
    places += [_kind(name).joinpath("files") for name in facts["kinds"]]
    made = {}
    for place in places:
        for path, source in _walk(place, ""):
            text = source.read_text("utf-8")
            if path.endswith(".j2"):
                path, text = path.removesuffix(".j2"), template(text, **facts)
            made[_renamed(path, wanted)] = text
    return dict(sorted(made.items()))


def _facts(wanted: Package) -> Document:
    facts: Document = {
        **wanted._asdict(), "package": wanted.package, "measurement": wanted.measurement, "rule": wanted.rule,
        "matched": wanted.brings[0] if wanted.brings else ("", ""),
        "criteria": list(wanted.criteria.items()),
        "criteria_text": ", ".join(f"`{one}={value}`" for one, value in wanted.criteria.items()),
        "criteria_flags": " ".join(f"--{one} {value}" for one, value in wanted.criteria.items()),
        "author": _table({"name": wanted.author, "email": wanted.email}),
        "hookspec_range": f">={HOOKSPEC},<{int(HOOKSPEC.partition('.')[0]) + 1}",
        "core_range": _core_range(__version__),
        "literal": literal, "listed": _listed, "value_key": _key,
        "yaml": lambda value: to_yaml(value).rstrip("\n"),
    }  # fmt: skip
    parts = sorted(
        (tomllib.loads(template(_text(name, "kind.toml.j2"), **facts)) | {"name": name} for name in wanted.kinds),
        key=lambda part: part["order"],
    )  # fmt: skip
    facts["kinds"] = tuple(part["name"] for part in parts)
    facts["summary"] = f"{wanted.name}: {', '.join(part['summary'] for part in parts)}"
    values = [
        {"kind": "criteria", "name": f"{dimension}={value}"} for dimension, value in wanted.brings
    ]
    facts["provides"] = [*values, *(item for part in parts for item in part["provides"])]
    facts["hooks"] = [part["hook"] for part in parts if "hook" in part]
    # Classes come before functions where imports are sorted.
    facts["imports"] = [*_joined(parts, "imports"), "hookimpl"]
    for field in ("abc", "typing", "permissions", "dependencies"):
        facts[field] = _joined(parts, field)
    facts["hook_texts"] = [
        template(_text(name, "hook.py.j2"), **facts).rstrip("\n")
        for name in facts["kinds"]
        if _kind(name).joinpath("hook.py.j2").is_file()
    ]
    facts["readme"] = [
        template(_text(name, "readme.md.j2"), **facts).rstrip("\n") for name in facts["kinds"]
    ]
    return facts


def _joined(parts: Iterable[Document], field: str) -> list[str]:
    return sorted({item for part in parts for item in part.get(field, ())})


def literal(text: str) -> str:
    """Write a text as TOML, Python and JSON all read it: in double quotes, printable characters as they are."""
    return json.dumps(text, ensure_ascii=False)


def _listed(texts: Iterable[str]) -> str:
    return f"[{', '.join(literal(text) for text in texts)}]"


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else literal(text)


def _table(fields: Mapping[str, str]) -> str:
    """Write an inline table of those fields that hold something; empty for none."""
    inner = ", ".join(f"{name} = {literal(text)}" for name, text in fields.items() if text)
    return f"{{ {inner} }}" if inner else ""


def _core_range(version: str) -> str:
    major, minor, *_ = version.split(".")
    return f">={major}.{minor},<{int(major) + 1}"


def _scaffold() -> Traversable:
    return files("aicr_core").joinpath("scaffold")


def _kind(name: str) -> Traversable:
    return _scaffold().joinpath("kinds", name)


def _text(kind: str, name: str) -> str:
    return _kind(kind).joinpath(name).read_text("utf-8")


def _walk(place: Traversable, above: str) -> Iterator[tuple[str, Traversable]]:
    for one in place.iterdir():
        path = f"{above}{one.name}"
        if one.is_dir():
            yield from _walk(one, f"{path}/")
        else:
            yield path, one


def _renamed(path: str, wanted: Package) -> str:
    names = {"PACKAGE": wanted.package, "NAME": wanted.name, "COMPONENT": wanted.component}
    path = re.sub("PACKAGE|NAME|COMPONENT", lambda found: names[found[0]], path)
    return path.replace("DOT_", ".")
