"""Flags and variables of ``aicr snapshot`` become one request for an agent, or one clear refusal."""

from __future__ import annotations

from typing import Any

import click
import pytest

from aicr_core.app.snapshot import SnapshotRequest
from aicr_core.cli.agent_options import Duration, agent_options, agent_request
from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.agent import AgentRequest


def parse(*arguments: str, env: dict[str, str] | None = None) -> AgentRequest:
    found: dict[str, Any] = {}

    @click.command()
    @click.option("--require-gpu", is_flag=True)
    @agent_options
    def command(**options: Any) -> None:
        found["request"] = agent_request(env or {}, options, SnapshotRequest(redaction_key="k"))

    command.main(list(arguments), standalone_mode=False)
    request: AgentRequest = found["request"]
    return request


def test_defaults() -> None:
    request = parse()
    assert request.namespace == "default"
    assert request.tolerations == ({"operator": "Exists"},)
    assert (request.timeout, request.concurrency, request.profile) == (300.0, 32, "auto")
    assert request.arguments == ("--redact", "standard", "--redaction-key", "k")
    assert request.cleanup
    assert not request.all_nodes


def test_flags_win_over_variables() -> None:
    env = {"AICR_NAMESPACE": "a", "AICR_IMAGE": "i", "AICR_RUNTIME_CLASS": "nvidia"}
    request = parse("-n", "b", env=env)
    assert (request.namespace, request.image, request.runtime_class) == ("b", "i", "nvidia")


def test_nodes_and_placement() -> None:
    request = parse(
        "--all-nodes", "--node-selector", "pool=gpu", "--node-selector", "a/b=c",
        "--toleration", "k=v:NoSchedule", "--toleration", "k:NoExecute", "--concurrency", "8",
    )  # fmt: skip
    assert request.all_nodes
    assert request.node_selector == {"pool": "gpu", "a/b": "c"}
    assert request.tolerations == (
        {"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"},
        {"key": "k", "operator": "Exists", "effect": "NoExecute"},
    )
    assert parse("--toleration", "*").tolerations == ({"operator": "Exists"},)


@pytest.mark.parametrize(
    ("words", "profile"),
    [
        ((), "auto"),
        (("--privileged",), "privileged"),
        (("--privileged=false",), "plain"),
        (("--profile", "gpu"), "gpu"),
    ],
)
def test_profiles(words: tuple[str, ...], profile: str) -> None:
    assert parse(*words).profile == profile


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (("--node-selector", "foo"), "--node-selector"),
        (("--toleration", "foo"), "--toleration"),
        (("--toleration", "k=v:Bad"), "--toleration"),
        (("--toleration", "a:b:NoSchedule"), "--toleration"),
        (("--requests", "cpu"), "--requests"),
        (("--limits", "cpu=-1"), "--limits"),
        (("--limits", "cpu=1,cpu=2"), "--limits"),
        (("--profile", "root"), "--profile"),
        (("--require-gpu", "--runtime-class", "x"), "--runtime-class"),
        (("-n", "a", "-n", "b"), "--namespace"),
        (("--timeout", "1s", "--timeout", "2s"), "--timeout"),
    ],
)
def test_bad_flags_are_named(words: tuple[str, ...], flag: str) -> None:
    with pytest.raises(AicrError) as caught:
        parse(*words)
    assert caught.value.code is Code.INVALID_REQUEST
    assert flag in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("90s", 90.0),
        ("1.5s", 1.5),
        ("250ms", 0.25),
        ("0", 0.0),
        ("+1s", 1.0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "m", "5m ", "-5m", "1d", "5m3", "1h 5m"])
def test_what_is_no_duration_is_a_usage_error(text: str) -> None:
    with pytest.raises(click.UsageError):
        Duration().convert(text, None, None)
