"""``--app-name`` is short for a setting of deployers that make an application; any other refuses it."""

from __future__ import annotations

import pytest

from aicr_core.engine.deployers import with_app_name
from aicr_core.kit.errors import AicrError, Code
from aicr_core.plugins.providers import DeployerOption

OPTIONS = (DeployerOption(name="appName", description="x", default="stack"),)
OTHERS = (DeployerOption(name="ink", description="x"),)


def test_it_is_a_setting() -> None:
    assert with_app_name("paper", OPTIONS, ["deployer:ink=red"], "gpu") == [
        "deployer:ink=red",
        "deployer:appName=gpu",
    ]


@pytest.mark.parametrize("options", [OPTIONS, OTHERS, ()])
def test_nobody_asks_for_it(options: tuple[DeployerOption, ...]) -> None:
    assert with_app_name("paper", options, ["a"], "") == ["a"]


@pytest.mark.parametrize("options", [OTHERS, ()])
def test_a_deployer_without_one_refuses_it(options: tuple[DeployerOption, ...]) -> None:
    with pytest.raises(AicrError, match="deployer paper makes no application") as caught:
        with_app_name("paper", options, [], "gpu")
    assert (caught.value.code, caught.value.where) == (Code.INVALID_REQUEST, "--app-name")


def test_two_names_are_refused_and_the_same_twice_is_not() -> None:
    twice = ["deployer:appName=gpu"]
    assert with_app_name("paper", OPTIONS, twice, "gpu")
    with pytest.raises(AicrError, match="given two names"):
        with_app_name("paper", OPTIONS, [*twice, "deployer:appName=x"], "gpu")
