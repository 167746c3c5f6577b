"""Give of a registered provider what checks ask for, as builtins: names, texts for people, what its functions take."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def described(hook: str, kind: str, provider: Any) -> Document:
    """Give of a provider what checks ask for: its name, texts for people, what is wrong with its fields."""
    from aicr_core.api import provider_calls, resolve_call

    texts = {
        name: str(getattr(provider, name))
        for name in ("title", "description", "summary", "remediation", "section")
        if hasattr(provider, name)
    }
    options = [
        (item.name, item.description)
        for item in getattr(provider, "options", ())
        if hasattr(item, "description")
    ]
    problems, arguments, options_help = [], {}, []
    calls = [("call", provider.call)] if kind == "Command" else provider_calls(provider)
    for field, target in calls:
        try:
            function = resolve_call(target)
        except Exception as error:
            problems.append(getattr(error, "message", str(error)))
            continue
        if kind == "Command":
            texts["help"] = str(getattr(function, "help", "") or "")
            for item in getattr(function, "params", ()):
                if getattr(item, "param_type_name", "") == "option" and not getattr(
                    item, "help", None
                ):
                    options_help.append(item.name)
        elif not callable(function):
            problems.append(f"{field} is a {type(function).__name__}, which cannot be called")
        else:
            arguments[field] = _takes(function)
    name = str(
        getattr(provider, "name", "")
        or getattr(provider, "component", "")
        or getattr(provider, "scheme", "")
    )
    return {
        "hook": hook,
        "kind": kind,
        "name": name,
        "texts": texts,
        "options": options,
        "problems": problems,
        "takes": arguments,
        "where": getattr(provider, "where", ""),
        "dimension": getattr(provider, "dimension", ""),
        "module": type(provider).__module__.split(".")[0],
        "unhelped": options_help,
        "timeout": getattr(provider, "timeout", None),
    }


def _takes(function: Any) -> list[int] | None:
    """Give the least and the most positional arguments that a function takes; None when it does not say."""
    import inspect

    try:
        shown_parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    plain = [p for p in shown_parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    most = 99 if any(p.kind is p.VAR_POSITIONAL for p in shown_parameters) else len(plain)
    return [sum(1 for p in plain if p.default is p.empty), most]
