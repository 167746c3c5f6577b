"""Collector ``systemd``: all properties of a few units (spec/snapshot.md 4).

Sources: the private socket of systemd, else the system bus, else ``systemctl show``, whose texts differ in form (so
the source is noted in the subtype's context). Secrets in ``Environment`` and ``ExecStart`` are taken out later, by the
core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code, Measurement, Subtype
from aicr_host.bus import PRIVATE, SYSTEM, Bus
from aicr_host.files import below
from aicr_host.goform import reading

if TYPE_CHECKING:
    from aicr_core.api import Context

UNITS = ("containerd.service", "docker.service", "kubelet.service")
_EXCLUDED = frozenset(
    ["AllowedCPUs", "AllowedMemoryNodes", "Asserts", "BPFProgram", "BusName", "Id"]
)
_STATUS = {Code.UNAUTHORIZED: "forbidden", Code.TIMEOUT: "timeout", Code.NOT_FOUND: "skipped"}


def collect(ctx: Context) -> Measurement:
    """Read the fixed units and those of ``ctx.options["systemd_units"]``."""
    root = str(ctx.options.get("host_root") or "/")
    wanted = (*UNITS, *(unit for unit in ctx.options.get("systemd_units", ()) if unit not in UNITS))
    tried = []
    for path, hello in ((below(root, PRIVATE), False), (below(root, SYSTEM), True)):
        try:
            return Measurement(type="SystemD", subtypes=_from_bus(ctx, path, hello, wanted))
        except AicrError as error:
            tried.append(error)
    if root in ("", "/"):
        try:
            return Measurement(type="SystemD", subtypes=_from_systemctl(ctx, wanted))
        except AicrError as error:
            tried.append(error)
    # That a socket is not there says less than that one refuses or hangs; systemctl only repeats it.
    telling = [error.code for error in tried[:2] if error.code is not Code.NOT_FOUND]
    status = _STATUS.get(telling[0], "failed") if telling else "skipped"
    reason = "; ".join(
        f"{error.where}: {error.message}" if error.where else error.message for error in tried
    )
    missing = tuple(Subtype(name=unit, data=None, status=status, reason=reason) for unit in wanted)
    return Measurement(type="SystemD", subtypes=missing)


def _from_bus(ctx: Context, path: str, hello: bool, wanted: tuple[str, ...]) -> tuple[Subtype, ...]:
    bus = Bus(path, ctx.remaining, hello=hello)
    subtypes = []
    try:
        for unit in wanted:
            try:
                properties = bus.properties(unit)
            except AicrError as error:
                if error.code is not Code.INTERNAL:
                    raise
                subtypes.append(
                    Subtype(
                        name=unit, data=None, status="failed", reason=error.message, source=path
                    )
                )
                continue
            data = {
                name: reading(signature, value)
                for name, (signature, value) in properties.items()
                if not _is_excluded(name)
            }
            subtypes.append(Subtype(name=unit, data=data, source=path))
    finally:
        bus.close()
    if all(subtype.data is None for subtype in subtypes):
        raise AicrError(Code.INTERNAL, subtypes[0].reason, where=path)
    return tuple(subtypes)


def _is_excluded(name: str) -> bool:
    return name in _EXCLUDED or "Credential" in name


def _from_systemctl(ctx: Context, wanted: tuple[str, ...]) -> tuple[Subtype, ...]:
    subtypes = []
    for unit in wanted:
        done = ctx.run(["systemctl", "show", "--all", "--no-pager", "--", unit])
        data: dict[str, Any] = {}
        for line in done.stdout.decode("utf-8", "replace").split("\n"):
            name, equals, value = line.partition("=")
            if equals and not _is_excluded(name):
                data[name] = value
        subtypes.append(
            Subtype(
                name=unit,
                data=data,
                context={"source": "systemctl"},
                status="degraded",
                reason="systemd's socket was not to be reached: texts are those of systemctl",
                source="systemctl show",
            )
        )
    return tuple(subtypes)
