"""What a user asks of ``aicr bundle``, and what its texts mean. Nothing is read but the request itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine import plan, setflags
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Sequence

Document = dict[str, Any]


class BundleRequest(NamedTuple):
    """What a user asks for; texts as given, parsed here."""

    recipe: str
    output: str = "."
    deployer: str = "helm"
    repo: str = ""
    serial: bool = False
    set_values: tuple[str, ...] = ()
    set_strings: tuple[str, ...] = ()
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
    plain_http: bool = False
    insecure_tls: bool = False
    image_refs: str = ""


def parse_options(request: BundleRequest) -> Document:
    """Parse selectors, tolerations, gate and node count. Raises AicrError naming the flag."""
    if request.nodes < 0:
        raise AicrError(Code.INVALID_REQUEST, "a number of nodes is not negative", where="--nodes")
    split = setflags.split_commas
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
        "repo": request.repo,
        "strict_values": request.strict_values,
    }


def value_settings(request: BundleRequest, set_values: Sequence[str]) -> list[plan.Setting]:
    """Parse what sets values and switches components, in the order of application. Raises AicrError."""
    texts = [("--set", text, False) for text in set_values]
    texts += [("--set-string", text, True) for text in request.set_strings]
    found = [
        plan.Setting(flag, text, setflags.override(text, flag), literal)
        for flag, text, literal in texts
    ]
    for flag, names, value in (
        ("--enable", request.enable, "true"),
        ("--disable", request.disable, "false"),
    ):
        found += [plan.Setting(flag, name, (name, "enabled", value)) for name in names]
    return found
