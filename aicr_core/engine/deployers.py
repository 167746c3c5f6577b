"""Settings of a deployer: ``--set deployer:NAME=VALUE`` among the overrides of components. Pure.

Which settings there are is said by each deployer; the core knows none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.kit.errors import AicrError, Code, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aicr_core.plugins.providers import DeployerOption

COMPONENT = "deployer"
"""What stands before the colon; no component can be called so."""
APP_NAME = "appName"
"""The setting that ``--app-name`` gives (spec/beyond.md 2.6)."""


_UNSAFE = frozenset("'\"`$\\<>")


def repository(text: str) -> str:
    """Hold ``--repo`` to what may stand in files, commands and READMEs; give it without blanks around it.

    Whether it is a form that the deployer's tool takes is for the deployer to say. Raises AicrError(INVALID_REQUEST).
    """
    url = text.strip()
    problem = hint = ""
    if url.startswith("-") or any(c in _UNSAFE or c.isspace() or not c.isprintable() for c in url):
        problem = "the URL holds a blank, quote, $, <, >, backslash or control character, or begins with -"
    elif url.startswith("oci://"):
        problem, hint = "a registry is no Git repository", "publish the bundle: --output oci://..."
    elif has_password(url):
        problem = "the URL holds a password, which would be in every file of the bundle"
        hint = "leave it out; what reads the repository has credentials of its own in the cluster"
    if problem:
        raise AicrError(Code.INVALID_REQUEST, problem, where="--repo", hint=hint)
    return url


def has_password(url: str) -> bool:
    """Whether a URL holds a password before its host."""
    if "@" not in url:
        return False
    from urllib.parse import urlsplit

    try:
        return "://" in url and urlsplit(url).password is not None
    except ValueError:
        return False


def split(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Part the texts of ``--set`` into those of components and those of the deployer."""
    mine: list[str] = []
    others: list[str] = []
    for text in texts:
        (mine if text.startswith(f"{COMPONENT}:") else others).append(text)
    return others, mine


def with_app_name(
    name: str, options: Sequence[DeployerOption], texts: Sequence[str], value: str
) -> Sequence[str]:
    """Give the texts with ``--app-name VALUE`` among them, as the setting that it is short for.

    Raises AicrError(INVALID_REQUEST) where the deployer ``name`` has no such setting, or the texts give another value.
    """
    if not value:
        return texts
    start = f"{COMPONENT}:{APP_NAME}="
    if not any(option.name == APP_NAME for option in options):
        raise AicrError(
            Code.INVALID_REQUEST, f"deployer {name} makes no application that could have a name",
            where="--app-name", hint="drop it, or choose another deployer",
        )  # fmt: skip
    other = [text for text in texts if text.startswith(start) and text != start + value]
    if other:
        raise AicrError(
            Code.INVALID_REQUEST, "the application is given two names",
            where=f"--app-name {value} and --set {other[-1]}", hint="drop one of the two",
        )  # fmt: skip
    return [*texts, start + value]


def settings(
    name: str, options: Sequence[DeployerOption], texts: Iterable[str]
) -> Mapping[str, str]:
    """Give every setting that the deployer ``name`` declares, as given or by default; the last one given counts.

    Raises AicrError(INVALID_REQUEST) with the nearest name for one that it does not have.
    """
    known = {option.name: option.default for option in options}
    for text in texts:
        key, equals, value = text.partition(":")[2].partition("=")
        if not equals or not key:
            raise AicrError(
                Code.INVALID_REQUEST,
                f'"{text}" is no setting',
                where="--set",
                hint="write deployer:NAME=VALUE",
            )
        if key not in known:
            close = nearest(key, known)
            listed = f"it has {', '.join(sorted(known))}" if known else "it has none"
            raise AicrError(
                Code.INVALID_REQUEST, f'deployer {name} has no setting "{key}"', where="--set",
                hint=f'did you mean "{close}"?' if close else listed,
            )  # fmt: skip
        known[key] = value
    return known
