"""Advice about constraints comes from the catalogue, the service's own before the general."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

from aicr_core.app.environment import Environment
from aicr_core.app.validation_inputs import remedies_of
from aicr_core.cli.root import run
from aicr_core.engine.remedies import by_constraint
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.errors import AicrError
from aicr_core.model.settings import Settings

GENERAL = b"remediations:\n- {constraint: A.b.c, text: general}\n- {constraint: A.b.c, service: x, text: of x}\n"


@pytest.mark.parametrize(("service", "text"), [("x", "of x"), ("y", "general"), ("", "general")])
def test_the_services_own_advice_goes_first(service: str, text: str) -> None:
    assert by_constraint([("f", GENERAL)], service) == {"A.b.c": text}


@pytest.mark.parametrize("data", [b"", b"remediations:\n- {constraint: A}\n", b"x: 1\n", b"[1"])
def test_a_malformed_file_is_named(data: bytes) -> None:
    with pytest.raises(AicrError, match=r"f\.yaml"):
        by_constraint([("f.yaml", data)], "x")


def test_every_shipped_constraint_has_advice() -> None:
    catalogue = Environment(Settings.from_env(os.environ)).catalogue()
    overlays = [catalogue.base(), *(catalogue.overlay(name) or {} for name in catalogue.names())]
    named = {item["name"] for overlay in overlays for item in overlay.get("constraints", ())}
    assert named
    for service in ("eks", "gke", "aks", "oke", "kind", ""):
        assert named <= set(remedies_of(catalogue, service))


def test_the_report_says_what_to_do(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    server = {"subtype": "server", "data": {"version": "v1.20.0"}}
    snapshot = {"kind": "Snapshot", "measurements": [{"type": "K8s", "subtypes": [server]}]}
    (tmp_path / "s.yaml").write_text(to_yaml(snapshot))
    for service, constraint, text in (
        ("eks", {}, "aws eks update-cluster-version"), ("eks", {"remediation": "ask Ann"}, "ask Ann"),
    ):  # fmt: skip
        item = {"name": "K8s.server.version", "value": ">= 1.30", **constraint}
        recipe = {"kind": "RecipeResult", "criteria": {"service": service}, "constraints": [item]}
        (tmp_path / "r.yaml").write_text(to_yaml(recipe))
        assert run(["validate", "-r", "r.yaml", "-s", "s.yaml", "--no-cluster"]) == 2
        out, err = capsys.readouterr()
        assert text in json.loads(out)["results"]["tests"][0]["extra"]["remediation"]
        assert text in err
