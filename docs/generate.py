"""Write the reference pages that are made from the code: hooks, command line, components (``nox -s gen``).

``python docs/generate.py`` writes them; ``--check`` writes nothing and fails when one is not current. What is
explained in prose (errors, environment, tutorials) is written by hand and not touched here.
"""

from __future__ import annotations

import inspect
import os
import pathlib
import re
import sys
from typing import Any

import attrs
import click
from catalogue_page import catalogue_page
from conformance_page import conformance_page
from session_page import session_page

from aicr_core._version import HOOKSPEC
from aicr_core.app.environment import Environment
from aicr_core.cli.lazygroup import load_command
from aicr_core.cli.root import COMMANDS, EXAMPLES, root
from aicr_core.engine.lint_rules import RULES
from aicr_core.model.settings import Settings
from aicr_core.plugins import providers, specs

HERE = pathlib.Path(__file__).resolve().parent
CORE = HERE.parent / "aicr_core"
NOTE = "<!-- Made by docs/generate.py (nox -s gen) from {source}: change it there. -->\n"
# Where a hook's name stands without being called.
NO_CALLS = {"specs.py", "loading.py"}


def pages() -> dict[pathlib.Path, str]:
    """Give the text of every generated page by its path."""
    return {
        HERE / "plugins/hooks.md": hooks_page(),
        HERE / "plugins/conformance.md": conformance_page(
            NOTE.format(source="plugins/testkit/src/aicr_testkit")
        ),
        HERE / "user/cli.md": cli_page(),
        HERE / "user/lint-rules.md": rules_page(),
        HERE / "user/session.md": session_page(NOTE.format(source="aicr_core/session")),
        HERE / "user/components.md": catalogue_page(
            NOTE.format(source="the catalogue of the packages")
        ),
    }


# --- hooks ----------------------------------------------------------------------------------------


def hooks_page() -> str:
    """Give the reference of all hooks and providers."""
    lines = [
        NOTE.format(source="aicr_core/plugins/specs.py and providers.py"),
        "# Hooks",
        "",
        f"Hook API {HOOKSPEC}. " + prose(inspect.getdoc(specs)).partition("\n\n")[2],
        "",
        "[The tutorial](tutorial.md) builds a plugin; [the manifest](manifest.md) says how it is found.",
    ]
    for section, names in sections():
        lines += ["", f"## {section[:1].upper()}{section[1:]}"]
        for name in names:
            lines += ["", f"### `{signature(name)}`", "", *facts(name)]
            lines.append(prose(inspect.getdoc(getattr(specs.Specs, name))))
    lines += [
        "", "## Providers", "", prose(inspect.getdoc(providers)),
        "", "Fields without a default are required, and all are given by name.",
    ]  # fmt: skip
    for name, cls in vars(providers).items():
        if inspect.isclass(cls) and attrs.has(cls):
            lines += ["", f"### `{name}`", "", prose(inspect.getdoc(cls)), ""]
            lines += ["| field | type | default |", "|---|---|---|"]
            for field in attrs.fields(cls):
                default = "" if field.default is attrs.NOTHING else f"`{field.default!r}`"
                kind = str(field.type).replace("|", "\\|")
                lines.append(f"| `{field.name}` | `{kind}` | {default} |")
    return "\n".join(lines) + "\n"


def sections() -> list[tuple[str, list[str]]]:
    """Give the hooks below the section comments of the specifications' source."""
    found: list[tuple[str, list[str]]] = []
    for line in inspect.getsource(specs.Specs).splitlines():
        if title := re.match(r"    # --- (.*?) -*$", line):
            found.append((title[1], []))
        elif hook := re.match(r"    def (aicr_\w+)", line):
            found[-1][1].append(hook[1])
    return found


def signature(name: str) -> str:
    """Give a hook as an implementation writes it: without ``self``, types as plugins import them."""
    shown = inspect.signature(getattr(specs.Specs, name))
    arguments = ", ".join(
        f"{item.name}: {item.annotation}"
        for item in shown.parameters.values()
        if item.name != "self"
    )
    return f"{name}({arguments}) -> {shown.return_annotation}".replace("providers.", "")


def facts(name: str) -> list[str]:
    """Give what the marker says, and whether this version calls the hook."""
    options = getattr(getattr(specs.Specs, name), f"{specs.PROJECT}_spec")
    lines = []
    if options["firstresult"]:
        lines.append("The first answer that is not `None` is taken.")
    if name not in called():
        lines.append("**Not called by this version:** it is specified for what comes next.")
    return [" ".join(lines), ""] if lines else []


def called() -> set[str]:
    """Give the hooks that the core calls: their names stand in its code."""
    text = "".join(p.read_text("utf-8") for p in CORE.rglob("*.py") if p.name not in NO_CALLS)
    return {name for name in specs.HOOKS if f'"{name}"' in text}


def prose(text: str | None) -> str:
    """Give a docstring as Markdown."""
    return (text or "").replace("``", "`")


# --- rules of the lint ----------------------------------------------------------------------------


def rules_page() -> str:
    """Give the table of the rules of ``aicr recipe validate``."""
    lines = [
        NOTE.format(source="aicr_core/engine/lint_rules.py"),
        "# Rules of `aicr recipe validate`",
        "",
        "[Writing overlays](authoring.md) shows the command. A rule keeps its id and its meaning.",
        "",
        "| rule | severity | what it finds | what to do |",
        "|---|---|---|---|",
    ]
    for rule in RULES.values():
        texts = (text.replace("|", "\\|") for text in (rule.title, rule.help))
        lines.append(f"| `{rule.id}` | {rule.severity} | {' | '.join(texts)} |")
    return "\n".join(lines) + "\n"


# --- command line ---------------------------------------------------------------------------------


def cli_page() -> str:
    """Give the reference of all built-in commands and options."""
    lines = [
        NOTE.format(source="the commands in aicr_core/cli"),
        "# Command line",
        "",
        "Exit codes: [errors](errors.md). Variables and shell completion: [environment](environment.md).",
        "Plugins may add commands of their own; those of the packages in this repository are at the end.",
        "",
        "## `aicr`",
        "",
        *body(root),
        *examples(EXAMPLES),
    ]
    context = click.Context(root, info_name="aicr")
    for name in COMMANDS:
        command = root.get_command(context, name)
        assert command is not None
        lines += described(f"aicr {name}", command)
        for below, inner in subcommands(command).items():
            lines += described(f"aicr {name} {below}", inner)
    for name, command in of_plugins():
        lines += described(f"aicr {name}", command)
        for below, inner in subcommands(command).items():
            lines += described(f"aicr {name} {below}", inner)
    return "\n".join(lines) + "\n"


def of_plugins() -> list[tuple[str, click.Command]]:
    """Give the commands that the packages in this repository add, by their whole names."""
    environment = Environment(Settings.from_env({**os.environ, "AICR_INDEX": "off"}))
    found = environment.manager.named("aicr_commands", "name")
    return [(name, load_command(found[name][1].call)) for name in sorted(found)]


def subcommands(command: click.Command) -> dict[str, click.Command]:
    """Give the subcommands of a command by name, those too that are imported only when they are needed."""
    if not isinstance(command, click.Group):
        return {}
    context = click.Context(command)
    found = {name: command.get_command(context, name) for name in command.list_commands(context)}
    return {name: inner for name, inner in sorted(found.items()) if inner is not None}


def described(path: str, command: click.Command) -> list[str]:
    """Give the section of one command."""
    arguments = [str(p.name).upper() for p in command.params if isinstance(p, click.Argument)]
    lines = ["", f"## `{' '.join([path, *arguments])}`", "", *body(command)]
    options = [param for param in command.params if isinstance(param, click.Option)]
    if options:
        lines += ["", "| option | value | meaning |", "|---|---|---|"]
        lines += [row(option) for option in options]
    return lines + examples(command.epilog)


def body(command: click.Command) -> list[str]:
    """Give the help text; what click keeps as it is (after a form feed line) becomes a block."""
    lines = []
    for part in inspect.cleandoc(command.help or "").split("\n\n"):
        if part.startswith("\b"):
            head, *rest = part.removeprefix("\b\n").splitlines()
            lines += [head, "", "```text", *(line.removeprefix("  ") for line in rest), "```", ""]
        else:
            lines += [part, ""]
    return lines[:-1]


def row(option: click.Option) -> str:
    """Give the table row of one option."""
    names = ", ".join(f"`{name}`" for name in option.opts)
    value = "" if option.is_flag else str(option.metavar or "TEXT").replace("|", "\\|")
    meaning = (option.help or "").replace("|", "\\|")
    if option.required:
        meaning += " (required)"
    return f"| {names} | {value} | {meaning} |"


def examples(epilog: str | None) -> list[str]:
    """Give the examples of a command as a shell block, and what else stands below its options as text."""
    lines: list[str] = []
    for part in re.split(r"\n\n+", inspect.cleandoc(epilog or "").replace("\b\n", "")):
        head, *rest = part.strip("\n").splitlines() or [""]
        if head == "Examples:":
            lines += ["", "```sh", *(line.removeprefix("  ") for line in rest), "```"]
        elif head:
            lines += ["", head, *rest]
    return lines


def main(arguments: list[str]) -> int:
    """Write the pages, or check them; give the exit status."""
    stale: list[Any] = []
    for path, text in pages().items():
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(path.relative_to(HERE.parent))
            if "--check" not in arguments:
                path.write_text(text, "utf-8")
    verb = "not current, run nox -s gen" if "--check" in arguments else "written"
    sys.stdout.writelines(f"{path}: {verb}\n" for path in stale)
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
