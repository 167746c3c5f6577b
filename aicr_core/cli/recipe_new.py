"""``aicr recipe new``: the beginning of an overlay, with its test."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.options import SingleDash, single
from aicr_core.cli.output import note, write_result
from aicr_core.engine.criteria import TEXT_DIMENSIONS

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment


@click.command(
    "new",
    cls=SingleDash,
    epilog="""\b
Examples:
  aicr recipe new --service eks --accelerator h100 --intent training --os rhel -o catalogue
  aicr recipe new --service my-cloud --new-values --name my-cloud -o catalogue""",
)
@click.option("--service", multiple=True, metavar="VALUE", help="service that the overlay is for")
@click.option("--accelerator", "--gpu", "accelerator", multiple=True, metavar="VALUE",
              help="accelerator that the overlay is for")  # fmt: skip
@click.option("--intent", multiple=True, metavar="VALUE", help="intent that the overlay is for")
@click.option("--os", multiple=True, metavar="VALUE", help="os that the overlay is for")
@click.option("--platform", multiple=True, metavar="VALUE", help="platform that the overlay is for")
@click.option("--name", multiple=True, metavar="NAME",
              help="name of the overlay; default: its criteria, as h100-eks-ubuntu-training")  # fmt: skip
@click.option("--base", multiple=True, metavar="OVERLAY",
              help="overlay to begin from; default: the nearest one")  # fmt: skip
@click.option("--new-values", is_flag=True, help="take criteria values that nobody declares")
@click.option("--data", multiple=True, metavar="DIR",
              help="further catalogue directory to look for a base in (repeatable)")  # fmt: skip
@click.option("--output", "-o", multiple=True, metavar="DIR",
              help="data directory to write to; default: catalogue")  # fmt: skip
@click.pass_obj
def new_command(environment: Environment, /, **options: Any) -> None:
    """Write the beginning of an overlay and a test of what it resolves to.

    The nearest base is looked for: the most specific overlay that is for some of the criteria and nothing else. What is
    there is kept: of several overlays in one directory each has its files. Prints the files that were written.
    """
    from aicr_core.app.recipe_new import NewRequest
    from aicr_core.kit.errors import AicrError, Code
    from aicr_core.session import Session

    texts = {name: single(name, options[name], "") for name in TEXT_DIMENSIONS}
    folder = single("output", options["output"], "catalogue").strip()
    if not folder or folder == "-" or "://" in folder:
        raise AicrError(
            Code.INVALID_REQUEST, "an overlay is written to a directory", where="--output",
            hint="name a directory",
        )  # fmt: skip
    request = NewRequest(
        flags={name: text for name, text in texts.items() if text.strip()},
        folder=folder,
        name=single("name", options["name"], ""),
        base=single("base", options["base"], ""),
        data=tuple(one for one in options["data"] if one),
        new_values=options["new_values"],
    )
    made = Session.of(environment).begin_overlay(request)
    folder = made.folder.rstrip("/")
    write_result("".join(f"{folder}/{path}\n" for path in made.written))
    flags = " ".join(f"--{name} {value}" for name, value in made.criteria.items())
    note(
        f"the overlay begins from {made.base}; see aicr recipe {flags} --data {shlex.quote(folder)}"
    )
