"""Providers: the small frozen objects that registration hooks yield and the core runs later.

``call`` is a function, or an import string ``package.module:function`` that is resolved when it is run, so that
registering imports nothing. Times are seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aicr_core.kit import limits

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[..., Any] | str


@attrs.frozen(kw_only=True)
class Collector:
    """Measures one part of a host or cluster: ``call(ctx) -> Measurement``."""

    name: str
    produces: str
    call: Call
    timeout: float = limits.COLLECTOR
    isolation: str = "thread"
    order: int = 100
    where: str = "host"


@attrs.frozen(kw_only=True)
class Dimension:
    """A further criteria dimension: ``matches(recipe_value, query_value)``, ``is_any(value)``."""

    name: str
    flag: str
    matches: Call
    is_any: Call
    aliases: tuple[str, ...] = ()
    order: int = 100


@attrs.frozen(kw_only=True)
class Matcher:
    """Recognises one criteria value in a snapshot: ``detect(snapshot) -> confidence 0..1 or None``."""

    dimension: str
    value: str
    detect: Call
    aliases: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Phase:
    """A validation phase, run by ``order``."""

    name: str
    order: int
    needs: tuple[str, ...] = ()
    stop_after_failure: bool = False


@attrs.frozen(kw_only=True)
class Check:
    """One check of a phase: ``call(ctx, target) -> CheckResult``."""

    name: str
    phase: str
    description: str
    call: Call
    timeout: float = limits.CHECK
    exclusive: bool = True


@attrs.frozen(kw_only=True)
class Bundler:
    """Makes one component's part of a bundle: ``call(ctx, component, values, plan) -> ComponentBundle``.

    ``component`` is a name, or ``*`` for every component that has no bundler of its own. A ``pure`` bundler only
    computes and runs inline; any other gets a thread.
    """

    component: str
    call: Call
    pure: bool = False
    timeout: float = limits.COMPONENT


@attrs.frozen(kw_only=True)
class BundleCheck:
    """A validation named by registry entries: ``call(component, recipe, conditions) -> messages``.

    ``component`` is the name, ``recipe`` the document, ``conditions`` those of the registry entry.
    """

    name: str
    call: Call


@attrs.frozen(kw_only=True)
class Deployer:
    """Turns a plan into files: ``call(ctx, plan) -> artifacts``.

    ``steps(plan, directory)`` gives the commands a person runs next, ``notes(plan)`` what to mind first.
    """

    name: str
    title: str
    call: Call
    steps: Call
    notes: Call | None = None
    timeout: float = limits.DEPLOYER


@attrs.frozen(kw_only=True)
class Store:
    """Reads and writes documents of one URI scheme: ``read(ctx, uri)``, ``write(ctx, uri, data)``."""

    scheme: str
    read: Call
    write: Call


@attrs.frozen(kw_only=True)
class Signer:
    """Signs and verifies: ``sign(ctx, subject) -> bytes``, ``verify(ctx, subject, signature)``."""

    name: str
    sign: Call
    verify: Call


@attrs.frozen(kw_only=True)
class Command:
    """A further command of the command line; ``call`` is the import string of a click command."""

    name: str
    section: str
    summary: str
    call: str
