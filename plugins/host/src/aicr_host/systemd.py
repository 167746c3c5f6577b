"""Collector ``systemd``: all properties of a few units (spec/snapshot.md 4).

Sources: the private socket of systemd, else the system bus, else ``systemctl show``, whose texts differ in form (so
the source is noted in the subtype's context). Secrets in ``Environment`` and ``ExecStart`` are taken out later, by the
core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code, Measurement, Subtype
from aicr_host.bus import PRIVATE, SYSTEM, Bus, Properties
from aicr_host.files import below
from aicr_host.goform import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aicr_core.api import Context

UNITS = ("containerd.service", "docker.service", "kubelet.service")
_KINDS = (
    "automount", "device", "mount", "path", "scope", "service", "slice", "socket", "swap", "target", "timer",
)  # fmt: skip
_EXCLUDED = frozenset(
    ["AllowedCPUs", "AllowedMemoryNodes", "Asserts", "BPFProgram", "BusName", "Id"]
)
_STATUS = {Code.UNAUTHORIZED: "forbidden", Code.TIMEOUT: "timeout", Code.NOT_FOUND: "skipped"}
_SHARE = 0.4
"""Part of the time left that one source may take; the rest is for those after it."""


def collect(ctx: Context) -> Measurement:
    """Read the fixed units and those of ``ctx.options["systemd_units"]``."""
    root = str(ctx.options.get("host_root") or "/")
    wanted = units(ctx.options.get("systemd_units") or ())
    sources: list[Callable[[], tuple[Subtype, ...]]] = [
        lambda: _from_bus(ctx, below(root, PRIVATE), wanted, hello=False),
        lambda: _from_bus(ctx, below(root, SYSTEM), wanted, hello=True),
    ]
    if root in ("", "/"):
        sources.append(lambda: _from_systemctl(ctx, wanted))
    tried = []
    for source in sources:
        try:
            return Measurement(type="SystemD", subtypes=source())
        except AicrError as error:
            tried.append(error)
    # Where neither socket is there systemd does not run, whatever systemctl says then. That one is not there says
    # less than that the other one refuses or hangs.
    telling = [error.code for error in tried[:2] if error.code is not Code.NOT_FOUND]
    status = _STATUS.get(telling[0], "failed") if telling else "skipped"
    reason = "; ".join(f"{error.where}: {error.message}" for error in tried)
    missing = tuple(Subtype(name=unit, data=None, status=status, reason=reason) for unit in wanted)
    return Measurement(type="SystemD", subtypes=missing)


def units(further: Iterable[str]) -> tuple[str, ...]:
    """Give the names of all units to read, each once; a name without a kind is a service, as for ``systemctl``."""
    named = (name if name.rpartition(".")[2] in _KINDS else f"{name}.service" for name in further)
    return tuple(dict.fromkeys([*UNITS, *named]))


def _from_bus(
    ctx: Context, path: str, wanted: tuple[str, ...], *, hello: bool
) -> tuple[Subtype, ...]:
    bus = Bus(path, ctx.remaining() * _SHARE, hello=hello)
    try:
        answers = bus.properties(wanted)
    finally:
        bus.close()
    faults = [answer for answer in answers.values() if isinstance(answer, AicrError)]
    if len(faults) == len(answers):
        raise faults[0]
    return tuple(_unit(unit, answer, path) for unit, answer in answers.items())


def _unit(name: str, answer: Properties | AicrError, path: str) -> Subtype:
    if isinstance(answer, AicrError):
        status = _STATUS.get(answer.code, "failed")
        return Subtype(name=name, data=None, status=status, reason=answer.message, source=path)
    try:
        data = {
            key: reading(signature, value)
            for key, (signature, value) in answer.items()
            if not _is_excluded(key)
        }
    except (ValueError, TypeError, IndexError, KeyError, RecursionError):
        text = "a property's value is not of its type"
        return Subtype(name=name, data=None, status="failed", reason=text, source=path)
    return _known(name, data, path)


def _known(name: str, data: dict[str, Any], source: str, **more: Any) -> Subtype:
    """Reduce a unit that is not installed to that fact: its other properties are systemd's defaults (14.14)."""
    if data.get("LoadState") == "not-found":
        more = {**more, "status": "ok", "reason": "the unit is not installed"}
        data = {"LoadState": "not-found"}
    return Subtype(name=name, data=data, source=source, **more)


def _is_excluded(name: str) -> bool:
    return name in _EXCLUDED or "Credential" in name


def _from_systemctl(ctx: Context, wanted: tuple[str, ...]) -> tuple[Subtype, ...]:
    subtypes = []
    for unit in wanted:
        try:
            done = ctx.run(
                ["systemctl", "show", "--all", "--no-pager", "--", unit],
                timeout=ctx.remaining() * _SHARE,
            )
        except AicrError as error:
            error.where = "systemctl show"
            raise
        data: dict[str, Any] = {}
        for line in done.stdout.decode("utf-8", "replace").split("\n"):
            name, equals, value = line.partition("=")
            if equals and not _is_excluded(name):
                data[name] = value
        degraded = "systemd's socket was not to be reached: texts are those of systemctl"
        subtypes.append(
            _known(
                unit,
                data,
                "systemctl show",
                context={"source": "systemctl"},
                status="degraded",
                reason=degraded,
            )
        )
    return tuple(subtypes)
