"""Which calls the kit makes into a plugin, with which inputs, and what shape the answers must have.

Called is what needs neither a cluster nor a partner at the other end of a connection. What would create objects, sign
or publish is not called: that is for the plugin's own tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_testkit import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Call(NamedTuple):
    """One call: who is asked (``deployer helm: call``), the function, its inputs, and what the answer must be.

    ``inputs`` makes them afresh, by name of what they are; ``shape`` gives what is wrong with an answer, or nothing.
    ``timed`` calls get a context. ``varies``: the answer is about the host or the moment, not about the inputs.
    ``files``: the answer is files. ``beside``: it is about a bundle, and no part of it, so no value belongs there.
    """

    key: str
    function: Any
    inputs: Callable[[], dict[str, Any]]
    shape: Callable[[Any], Iterator[str]]
    timed: bool = False
    varies: bool = False
    files: bool = False
    beside: bool = False
    clusterless: bool = False


def _inputs(*names: str, **fixed: Any) -> Callable[[], dict[str, Any]]:
    makers: dict[str, Callable[[], Any]] = {
        "recipe": samples.recipe, "snapshot": samples.snapshot, "plan": samples.plan, "report": samples.report,
        "inventory": samples.inventory, "view": samples.view, "values": samples.values,
        "component": samples.component,
        "criteria": lambda: samples.recipe()["criteria"],
    }  # fmt: skip
    return lambda: {name: makers[name]() for name in names} | dict(fixed)


def _is(*kinds: type | str) -> Callable[[Any], Iterator[str]]:
    """Demand one of these types; a name stands for a class of ``aicr_core.api``."""

    def look(answer: Any) -> Iterator[str]:
        from aicr_core import api

        wanted = tuple(getattr(api, kind) if isinstance(kind, str) else kind for kind in kinds)
        if not isinstance(answer, wanted):
            names = " or ".join(kind.__name__ for kind in wanted)
            yield f"gives {type(answer).__name__}, not {names}"

    return look


def _many(*kinds: type | str) -> Callable[[Any], Iterator[str]]:
    def look(answer: Any) -> Iterator[str]:
        if isinstance(answer, str | bytes) or not hasattr(answer, "__iter__"):
            yield f"gives {type(answer).__name__}, which is no sequence"
            return
        for item in answer:
            yield from _is(*kinds)(item)

    return look


def _one_or_many(*kinds: type | str) -> Callable[[Any], Iterator[str]]:
    def look(answer: Any) -> Iterator[str]:
        yield from (_many if isinstance(answer, list | tuple) else _is)(*kinds)(answer)

    return look


def _texts_by_path(answer: Any) -> Iterator[str]:
    yield from _is(dict)(answer)
    for path, text in answer.items() if isinstance(answer, dict) else ():
        yield from _is(str)(path)
        yield from _is(str)(text)


def _measurement(answer: Any) -> Iterator[str]:
    yield from _one_or_many("Measurement")(answer)
    for one in answer if isinstance(answer, list | tuple) else [answer]:
        for part in getattr(one, "subtypes", ()):
            groups = [part.data or {}, *(item.data for item in part.items)]
            for key, value in [pair for group in groups for pair in group.items()]:
                if not isinstance(key, str) or not isinstance(value, bool | int | float | str):
                    yield f"reading {one.type}.{part.name}.{key} is a {type(value).__name__}, no scalar"


def _component_bundle(answer: Any) -> Iterator[str]:
    yield from _is("ComponentBundle")(answer)
    for item in getattr(answer, "manifests", ()):
        yield from _is("Artifact")(item)


def of_provider(kind: str, provider: Any) -> list[Call]:
    """Give the calls of a provider of class ``kind``; none for a class that cannot be called without a partner."""
    from aicr_core.api import DeployerOption

    name = str(
        getattr(provider, "name", "")
        or getattr(provider, "component", "")
        or getattr(provider, "scheme", "")
    )
    made: list[Call] = []

    def add(field: str, inputs: Any, shape: Any, **more: Any) -> None:
        function = getattr(provider, field, None)
        if isinstance(function, str) or callable(function):
            made.append(Call(f"{kind} {name}: {field}", function, inputs, shape, **more))

    if kind == "Collector":
        add(
            "call",
            _inputs(),
            _measurement,
            timed=True,
            varies=True,
            clusterless=provider.where == "cluster",
        )
    elif kind == "Dimension":
        add("matches", _inputs(recipe_value="a", query_value="b"), _is(bool))
        add("is_any", _inputs(value="any"), _is(bool))
    elif kind == "Matcher":
        add("detect", _inputs("snapshot"), _one_or_many("Detection", type(None)))
    elif kind == "Check":
        add("rights", _inputs("recipe"), _many("Right"))
        add(
            "call",
            _inputs("recipe", "snapshot", target=None),
            _is("CheckResult"),
            timed=True,
            clusterless=True,
        )
    elif kind == "ClusterAccess":
        add("connect", _inputs(), lambda _answer: iter(()), timed=True, clusterless=True)
    elif kind == "ReportWriter":
        add("write", _inputs("report"), _is(str))
    elif kind == "EvidenceWriter":
        facts = {"platform": "eks", "kubernetesVersion": "v1.33.5"}
        add("write", _inputs("report", facts=facts), _texts_by_path, files=True)
    elif kind == "Bundler":
        add("call", lambda: {
            "component": samples.component("sample-operator" if name == "*" else name), "values": samples.values(),
            "plan": samples.plan(),
        }, _component_bundle, timed=True, files=True)  # fmt: skip
    elif kind == "BundleCheck":
        add(
            "call",
            lambda: {"component": "sample-operator", "recipe": samples.recipe(), "conditions": {}},
            _many(str),
            beside=True,
        )
    elif kind == "Deployer":
        options = [item for item in provider.options if isinstance(item, DeployerOption)]
        settings = {item.name: item.default for item in options}
        add(
            "call",
            lambda: {"plan": samples.plan(settings)},
            _many("Artifact"),
            timed=True,
            files=True,
        )
        add(
            "steps",
            lambda: {"plan": samples.plan(settings), "directory": "bundle"},
            _many(str),
            beside=True,
        )
        add("notes", lambda: {"plan": samples.plan(settings)}, _many(str), beside=True)
    elif kind == "Store":
        add("check", _inputs(uri=f"{name}://sample/sample"), lambda _answer: iter(()))
        add(
            "read",
            _inputs(uri=f"{name}://sample/sample"),
            _is("StoredDocument"),
            timed=True,
            clusterless=True,
        )
    elif kind == "Publisher":
        add(
            "check",
            _inputs(uri=f"{name}://registry.example.com/sample:v1", version="1.0.0"),
            _is(str),
        )
        add(
            "pull",
            _inputs(uri=f"{name}://registry.example.com/sample:v1"),
            _many("Artifact"),
            timed=True,
        )
    elif kind == "ChartEngine":
        add("find", _chart, _is("PackagedChart"), timed=True)
    elif kind == "BundleLint":
        add("call", _inputs("view"), _many("Finding"), timed=True, beside=True)
    elif kind == "InventoryWriter":
        add("write", _inputs("inventory"), _is(str))
    return made


def _chart() -> dict[str, Any]:
    from aicr_core.api import ChartWanted

    wanted = ChartWanted(name="sample", repository="https://charts.example.com", version="v1.2.3")
    return {"wanted": wanted}


def of_hook(hook: str, function: Any) -> Call | None:
    """Give the call of a hook that answers by itself; None for a registration hook or an event."""
    table: dict[str, tuple[Any, Any]] = {
        "aicr_read_constraint": (_inputs("snapshot",
        "recipe", path="Sample.path.key"), _is(str, int, float, bool, type(None))),
        "aicr_patch_values": (_inputs("component", "values", "criteria"), _is(dict, type(None))),
        "aicr_extra_images": (_inputs("component", "values"), _many(str)),
        "aicr_policy": (_inputs(stage="bundle", subject=samples.recipe()), _many(dict)),
    }  # fmt: skip
    if hook not in table:
        return None
    inputs, shape = table[hook]
    return Call(f"hook {hook}", function, inputs, shape, beside=hook != "aicr_patch_values")
