"""``aicr plugins new``: a complete package of a plugin, with tests, README and CI."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import SingleDash, choice, single
from aicr_core.cli.output import note, write_result
from aicr_core.engine.criteria import TEXT_DIMENSIONS

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment

_FORMATS = ("text", "json", "yaml")


@click.command(
    "new",
    cls=SingleDash,
    epilog="""\b
Examples:
  aicr plugins new my-storage --kind data --kind bundler --intent training
  aicr plugins new my-nodes --kind collector --kind matcher -o plugins/my-nodes""",
)
@click.argument("name")
@click.option("--kind", "kinds", multiple=True, metavar="KIND",
              help="what it brings (repeatable): bundler, check, collector, command, data, deployer, lint, "
              "matcher, policy")  # fmt: skip
@click.option("--output", "-o", multiple=True, metavar="DIR",
              help="directory to write, empty or not there; default: aicr-NAME")  # fmt: skip
@click.option("--distribution", multiple=True, metavar="NAME",
              help="name for pip; default: aicr-NAME")  # fmt: skip
@click.option("--component", multiple=True, metavar="NAME",
              help="component that its data and bundler are about; default: NAME")  # fmt: skip
@click.option("--service", multiple=True, metavar="VALUE", help="service of its overlay")
@click.option("--accelerator", "--gpu", "accelerator", multiple=True, metavar="VALUE",
              help="accelerator of its overlay")  # fmt: skip
@click.option("--intent", multiple=True, metavar="VALUE", help="intent of its overlay")
@click.option("--os", multiple=True, metavar="VALUE", help="os of its overlay")
@click.option("--platform", multiple=True, metavar="VALUE", help="platform of its overlay")
@click.option("--author", multiple=True, metavar="TEXT", help='"Name <mail>"; default: nobody')
@click.option(
    "--contact",
    multiple=True,
    metavar="TEXT",
    help="whom users turn to; default: the author's mail",
)
@click.option("--license", "license_", multiple=True, metavar="SPDX",
              help="licence; default: Apache-2.0")  # fmt: skip
@click.option(
    "--format", "fmt", multiple=True, metavar="FORMAT", help="text, json, yaml; default: text"
)
@click.pass_obj
def new_command(environment: Environment, /, name: str, **options: Any) -> None:
    """Write the package of a new plugin: what it brings, its tests, README and CI.

    As written it installs, passes its tests and the test kit, and is clean for ruff and mypy --strict: grow it from
    there. A criteria value that nobody declares is declared by the plugin. Without criteria the overlay is for a
    platform value of the plugin's own name. Prints the files that were written; nothing is ever overwritten.
    """
    from aicr_core.app.plugins_new import NewPlugin
    from aicr_core.session import Session

    fmt = choice("format", single("format", options["fmt"], "text"), _FORMATS)
    texts = {dimension: single(dimension, options[dimension], "") for dimension in TEXT_DIMENSIONS}
    request = NewPlugin(
        name=name,
        kinds=options["kinds"],
        criteria={dimension: text for dimension, text in texts.items() if text.strip()},
        folder=single("output", options["output"], ""),
        distribution=single("distribution", options["distribution"], ""),
        component=single("component", options["component"], ""),
        author=single("author", options["author"], ""),
        contact=single("contact", options["contact"], ""),
        license=single("license", options["license_"], "Apache-2.0"),
    )
    made = Session.of(environment).new_plugin(request)
    if fmt != "text":
        from aicr_core.cli.output import render

        write_result(render(made.document(), fmt))
        return
    write_result("".join(f"{made.folder}/{path}\n" for path in made.files))
    place = shlex.quote(made.folder)
    note(f"next: cd {place} && pip install -e '.[test]' && pytest && aicr plugins test {name}")
