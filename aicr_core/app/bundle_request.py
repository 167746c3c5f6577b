"""What a user asks of ``aicr bundle``, and what its texts mean."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.app import sources
from aicr_core.engine import deployers, setflags
from aicr_core.engine.order import is_disabled
from aicr_core.engine.overrides import Setting
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.yamlio import compose_first, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

Document = dict[str, Any]


class BundleRequest(NamedTuple):
    """What a user asks for; texts as given, parsed here."""

    recipe: str | sources.Source
    output: str = "."
    deployer: str = "helm"
    repo: str = ""
    app_name: str = ""
    serial: bool = False
    set_values: tuple[str, ...] = ()
    set_strings: tuple[str, ...] = ()
    set_files: tuple[str, ...] = ()
    set_jsons: tuple[str, ...] = ()
    dynamic: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    """The components to deploy, where not all: every other one is switched off."""
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    system_node_selector: tuple[str, ...] = ()
    system_node_tolerations: tuple[str, ...] = ()
    accelerated_node_selector: tuple[str, ...] = ()
    accelerated_node_tolerations: tuple[str, ...] = ()
    workload_gate: str = ""
    workload_selector: tuple[str, ...] = ()
    nodes: int = 0
    data: tuple[str, ...] = ()
    external_only: bool = False
    strict_values: bool = False
    lenient: bool = False
    force: bool = False
    jobs: int = 0
    kubeconfig: str = ""
    literal_commas: bool = False
    plain_http: bool = False
    insecure_tls: bool = False
    image_refs: str = ""
    attest: bool = False
    signing_key: str = ""
    identity_token: str = ""
    signing_config: str = ""
    certificate_identity_regexp: str = ""
    yes: bool = False
    vendor_charts: bool = False
    charts: tuple[str, ...] = ()
    offline: bool = False
    sbom: tuple[str, ...] = ()
    allow_partial: bool = False

    @property
    def says_who_signs(self) -> bool:
        """Whether any option about signatures is given."""
        texts = (self.signing_key, self.identity_token, self.signing_config)
        return self.attest or any(texts) or bool(self.certificate_identity_regexp)


def parse_options(request: BundleRequest) -> Document:
    """Parse selectors, tolerations, gate, node count and repository. Raises AicrError naming the flag."""
    if request.nodes < 0:
        raise AicrError(Code.INVALID_REQUEST, "a number of nodes is not negative", where="--nodes")
    split = list if request.literal_commas else setflags.split_commas
    return {
        "system_node_selector": setflags.selectors(
            split(request.system_node_selector), "--system-node-selector"
        ),
        "accelerated_node_selector": setflags.selectors(
            split(request.accelerated_node_selector), "--accelerated-node-selector"
        ),
        "system_node_tolerations": setflags.tolerations(
            split(request.system_node_tolerations), "--system-node-toleration"
        ),
        "accelerated_node_tolerations": setflags.tolerations(
            split(request.accelerated_node_tolerations), "--accelerated-node-toleration"
        ),
        "workload_gate": setflags.gate(request.workload_gate) if request.workload_gate else "",
        "workload_selector": setflags.selectors(
            split(request.workload_selector), "--workload-selector"
        ),
        "nodes": request.nodes,
        "repo": deployers.repository(request.repo),
        "strict_values": request.strict_values,
    }


def value_settings(request: BundleRequest, set_values: Sequence[str]) -> list[Setting]:
    """Parse what sets values and switches components; files of ``--set-file`` are read. Raises AicrError."""
    texts = [("--set", text, False) for text in set_values]
    texts += [("--set-string", text, True) for text in request.set_strings]
    found = [
        Setting(flag, text, setflags.override(text, flag), literal) for flag, text, literal in texts
    ]
    found += [_from_file(text) for text in request.set_files]
    found += [_from_json(text) for text in request.set_jsons]
    for flag, names, value in (
        ("--enable", request.enable, "true"),
        ("--disable", request.disable, "false"),
    ):
        found += [Setting(flag, name, (name, "enabled", value)) for name in names]
    return found


def only(names: Sequence[str], recipe: Document) -> list[Setting]:
    """Give what switches off every component but ``names``; nothing where there are none.

    Raises AicrError(INVALID_REQUEST) for a name that the recipe does not deploy (spec/server.md 17, D10).
    """
    if not names:
        return []
    deployed = [ref["name"] for ref in recipe.get("componentRefs") or () if not is_disabled(ref)]
    for name in names:
        if name not in deployed:
            listed = ", ".join(deployed)
            raise AicrError(
                Code.INVALID_REQUEST,
                f'"{name}" is no component that the recipe deploys, which are: {listed}',
            )
    return [
        Setting("--disable", name, (name, "enabled", "false"))
        for name in deployed
        if name not in names
    ]


def _from_file(text: str) -> Setting:
    component, path, name = setflags.override(text, "--set-file")
    if not os.path.isfile(name):
        # No device and no URL either: a value comes from a file that a reviewer can read.
        there = os.path.exists(name)
        raise AicrError(
            Code.INVALID_REQUEST if there else Code.NOT_FOUND,
            f"{name} is {'no regular file' if there else 'not there'}",
            where=f"--set-file {component}:{path}",
        )
    node, _ = compose_first(sources.read_bytes(os.path.abspath(name)), name)
    value = None if node is None else plain(node, name)
    return Setting("--set-file", text, (component, path, value), typed=True)


def _from_json(text: str) -> Setting:
    import json

    component, path, body = setflags.override(text, "--set-json")
    try:
        value = json.loads(body, parse_constant=_no_number, object_pairs_hook=_no_twins)
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise AicrError(
            Code.INVALID_REQUEST, f"not valid JSON: {reason}",
            where=f"--set-json {component}:{path}",
            hint="quote texts with double quotes, and the whole for your shell with single ones",
        ) from None  # fmt: skip
    return Setting("--set-json", text, (component, path, value), typed=True)


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")


def _no_twins(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f'key "{next(key for key in names if names.count(key) > 1)}" stands twice')
    return found
