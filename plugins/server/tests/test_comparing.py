"""Uploaded documents: recipes of snapshots, validations without a cluster, differences; and what there is to choose."""

from __future__ import annotations

import itertools
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from http_ask import Got, ask
from http_server import running
from snapshots import snapshot

from aicr_core.api import Session, load, to_yaml

Document = dict[str, Any]
JSON, YAML = "application/vnd.aicr.snapshot+json", "application/vnd.aicr.snapshot+yaml"
QUERY = "service=eks&accelerator=h100&intent=training&os=ubuntu"
CRITERIA = dict(pair.split("=") for pair in QUERY.split("&"))
GOOD = snapshot(
    {
        "K8s.server": {"version": "v1.33.5-eks-113cf36"},
        "K8s.node": {"provider": "eks"},
        "OS.release": {"ID": "ubuntu", "VERSION_ID": "24.04"},
        "OS.sysctl": {"/proc/sys/kernel/osrelease": "6.14.0-1015-aws"},
        "GPU.smi": {"gpu.model": "NVIDIA H100 80GB HBM3"},
    }
)
OLD = snapshot({**{f"{m['type']}.{s['subtype']}": s["data"] for m in GOOD["measurements"] for s in m["subtypes"]},
                "K8s.server": {"version": "v1.28.0"}})  # fmt: skip


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running("uvicorn", AICR_RATE_LIMIT="0", LOG_LEVEL="error") as (port, process):
        yield port
        assert not [event for event in process.events() if event["msg"] == "defect"]


def _post(
    port: int, path: str, document: Any, content_type: str = "application/json", **headers: str
) -> Got:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return ask(port, path, "POST", data, Content_Type=content_type, **headers)


# --- a snapshot in, a recipe out ------------------------------------------------------------------


def test_a_recipe_of_a_snapshot_is_that_of_its_criteria(port: int) -> None:
    found = _post(port, "/v1/recipe?intent=training", GOOD, JSON)
    assert found.status == 200, found.body
    assert found.headers["cache-control"] == "no-store"
    assert found.json == ask(port, f"/v1/recipe?{QUERY}").json
    as_yaml = ask(
        port, "/v1/recipe?intent=training", "POST", to_yaml(GOOD).encode(), Content_Type=YAML
    )
    assert as_yaml.json == found.json


def test_what_the_query_states_decides_over_the_snapshot(port: int) -> None:
    found = _post(port, "/v1/recipe?service=gke&intent=training", GOOD, JSON)
    assert found.json["criteria"]["service"] == "gke"
    assert found.json["criteria"]["accelerator"] == "h100"
    assert "overrides eks" in found.headers["x-aicr-warning"]


def test_what_the_snapshot_does_not_meet_is_left_out_and_told(port: int) -> None:
    found = _post(port, "/v1/recipe?intent=training", OLD, JSON)
    metadata = found.json["metadata"]
    assert "h100-eks-training" in metadata["excludedOverlays"]
    assert metadata["constraintWarnings"][0]["constraint"] == "K8s.server.version"
    assert "h100-eks-training" not in metadata["appliedOverlays"]
    explained = _post(port, "/v1/recipe?intent=training&explain=true", OLD, JSON).json
    assert explained["recipe"] == found.json
    assert any("excludes" in text for text in explained["warnings"])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Invalid snapshot"), (b"{", "Invalid snapshot"), (b"[1]", "Invalid snapshot"),
        (b'{"kind":"RecipeResult"}', "Invalid snapshot"), (b'"file:///etc/passwd"', "Invalid snapshot"),
    ],
)  # fmt: skip
def test_what_is_no_snapshot_is_refused(port: int, body: bytes, message: str) -> None:
    found = _post(port, "/v1/recipe", body, JSON)
    assert found.status == 400
    assert found.json["message"] == message


# --- validate -------------------------------------------------------------------------------------


def _tests(report: Document) -> dict[str, str]:
    return {test["name"]: test["status"] for test in report["results"]["tests"]}


def test_a_validation_is_the_report_of_the_command(port: int, tmp_path: pathlib.Path) -> None:
    from aicr_core.cli.root import run

    recipe = ask(port, f"/v1/recipe?{QUERY}").json
    found = _post(port, "/v1/validate", {"recipe": recipe, "snapshot": GOOD})
    assert found.status == 200, found.body
    assert found.headers["cache-control"] == "no-store"
    (tmp_path / "r.json").write_text(json.dumps(recipe))
    (tmp_path / "s.json").write_text(json.dumps(GOOD))
    words = ["-r", str(tmp_path / "r.json"), "-s", str(tmp_path / "s.json"), "--no-cluster"]
    assert run(["validate", *words, "-t", "ctrf", "-o", str(tmp_path / "out.json")]) == 0
    assert _tests(found.json) == _tests(json.loads((tmp_path / "out.json").read_text()))
    by_criteria = _post(port, "/v1/validate", {"criteria": CRITERIA, "snapshot": GOOD})
    assert _tests(by_criteria.json) == _tests(found.json)
    as_yaml = to_yaml({"criteria": CRITERIA, "snapshot": GOOD}).encode()
    assert _tests(_post(port, "/v1/validate", as_yaml, "application/yaml").json) == _tests(
        found.json
    )


def test_what_does_not_pass_is_an_answer_all_the_same(port: int) -> None:
    found = _post(port, "/v1/validate", {"criteria": CRITERIA, "snapshot": OLD})
    assert found.status == 200
    assert found.json["results"]["summary"]["failed"] > 0
    assert "failed" in _tests(found.json).values()


def test_phases_can_be_chosen(port: int) -> None:
    every = _post(port, "/v1/validate", {"criteria": CRITERIA, "snapshot": GOOD}).json
    one = _post(
        port, "/v1/validate", {"criteria": CRITERIA, "snapshot": GOOD, "phases": ["deployment"]}
    ).json
    assert set(_tests(one)) < set(_tests(every))
    wrong = _post(port, "/v1/validate", {"criteria": CRITERIA, "snapshot": GOOD, "phases": "nope"})
    assert wrong.status == 400
    assert "nope" in wrong.json["details"]["error"]


@pytest.mark.parametrize(
    "body",
    [
        {}, [], "x", 1, None, {"snapshot": GOOD}, {"criteria": CRITERIA},
        {"recipe": {}, "criteria": {}, "snapshot": GOOD}, {"criteria": CRITERIA, "snapshot": []},
        {"criteria": {"service": "nope"}, "snapshot": GOOD}, {"criteria": {"servce": "eks"}, "snapshot": GOOD},
        {"criteria": [], "snapshot": GOOD}, {"criteria": CRITERIA, "snapshot": GOOD, "phases": 1},
        {"criteria": CRITERIA, "snapshot": GOOD, "phase": "deployment"}, {"recipe": {"kind": "x"}, "snapshot": GOOD},
        {"recipe": "https://127.0.0.1:1/r.yaml", "snapshot": GOOD}, {"criteria": CRITERIA, "snapshot": {"kind": "x"}},
        b"", b"{", b"\xff\xfe", b'{"criteria":' + b"[" * 100_000,
    ],
    ids=lambda body: repr(body)[:40],
)  # fmt: skip
def test_a_validation_of_nothing_sensible_is_refused(port: int, body: Any) -> None:
    found = _post(port, "/v1/validate", body)
    assert found.status == 400, found.body
    assert found.json["code"] == "INVALID_REQUEST"


# --- diff -----------------------------------------------------------------------------------------


def test_differences_of_criteria_and_of_recipes(port: int) -> None:
    other = {**CRITERIA, "platform": "kubeflow"}
    found = _post(port, "/v1/diff", {"from": {"criteria": CRITERIA}, "to": {"criteria": other}})
    assert found.status == 200, found.body
    assert [row["name"] for row in found.json["components"]["added"]] == ["kubeflow-trainer"]
    recipes = [
        ask(port, "/v1/recipe?" + "&".join(f"{k}={v}" for k, v in one.items())).json
        for one in (CRITERIA, other)
    ]
    same = _post(port, "/v1/diff", {"from": {"recipe": recipes[0]}, "to": {"recipe": recipes[1]}})
    assert same.json == found.json
    mixed = _post(port, "/v1/diff", {"from": {"recipe": recipes[0]}, "to": {"criteria": CRITERIA}})
    assert mixed.json["equal"]
    # Everything but warnings is what the engine says.
    assert {**found.json, "warnings": []} == {**Session().diff(CRITERIA, other)[0], "warnings": []}


def test_differences_with_what_a_recipe_does_not_honour_are_told(port: int) -> None:
    side = {"criteria": {"service": "eks", "accelerator": "h100"}}
    found = _post(port, "/v1/diff", {"from": side, "to": {"criteria": {}}})
    assert "accelerator=h100 has no effect" in found.json["warnings"][0]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"from": {"criteria": {}}}, {"from": {}, "to": {}}, {"from": {"criteria": {}}, "to": {"recipe": []}},
        {"from": {"criteria": {}}, "to": {"recipe": {"kind": "Snapshot"}}}, {"from": 1, "to": 2},
        {"from": {"criteria": {}}, "to": {"recipe": {
            "kind": "RecipeResult", "apiVersion": "aicr.nvidia.com/v1alpha1",
            "componentRefs": [{"name": "a", "valuesFile": "/etc/passwd"}]}}},
        {"from": {"criteria": {}}, "to": {"criteria": {"nodes": -1}}}, b"",
    ],
    ids=lambda body: repr(body)[:40],
)  # fmt: skip
def test_sides_that_are_none_are_refused(port: int, body: Any) -> None:
    found = _post(port, "/v1/diff", body)
    assert found.status == 400, found.body
    assert "root:" not in found.body.decode()


# --- allowlists -----------------------------------------------------------------------------------


def test_allowlists_hold_on_every_route() -> None:
    with running(
        "uvicorn", AICR_ALLOWED_SERVICES="gke", AICR_RATE_LIMIT="0", LOG_LEVEL="error"
    ) as (port, _):
        eks = {"kind": "RecipeResult", "apiVersion": "aicr.nvidia.com/v1alpha1", "criteria": {"service": "eks"},
               "componentRefs": [{"name": "a"}]}  # fmt: skip
        refused = [
            ask(port, "/v1/criteria?service=eks"),
            ask(port, "/v1/recipe?service=eks&explain=true"),
            _post(port, "/v1/recipe", GOOD, JSON),
            _post(port, "/v1/validate", {"criteria": {"service": "eks"}, "snapshot": GOOD}),
            _post(port, "/v1/validate", {"recipe": eks, "snapshot": GOOD}),
            _post(
                port, "/v1/diff", {"from": {"criteria": {"service": "eks"}}, "to": {"criteria": {}}}
            ),
            _post(port, "/v1/diff", {"from": {"criteria": {}}, "to": {"recipe": eks}}),
        ]
        for found in refused:
            assert found.status == 400, found.body
            assert found.json["message"] == "service type not allowed", found.body
        offered = ask(port, "/v1/criteria").json["dimensions"]
        services = {row["value"]: row for row in offered["service"]}
        assert services["gke"]["allowed"]
        assert services["gke"]["possible"]
        assert not services["eks"]["allowed"]
        assert not services["eks"]["possible"]
        # Covered on services that are not allowed alone.
        assert not {row["value"]: row["possible"] for row in offered["os"]}["amazonlinux"]


# --- what there is --------------------------------------------------------------------------------


def test_criteria_that_are_offered_end_in_a_recipe_that_covers_them(port: int) -> None:
    """Whoever picks only what is offered, in any order, is never stuck and never refused."""
    picks = 0
    for order in itertools.permutations(("service", "accelerator", "intent", "os")):
        chosen: dict[str, str] = {}
        for dimension in order:
            found = ask(
                port, "/v1/criteria?" + "&".join(f"{k}={v}" for k, v in chosen.items())
            ).json
            possible = [row["value"] for row in found["dimensions"][dimension] if row["possible"]]
            if possible:
                chosen[dimension] = possible[len(order[0]) % len(possible)]
                picks += 1
        # What is still missing can be completed.
        found = ask(port, "/v1/criteria?" + "&".join(f"{k}={v}" for k, v in chosen.items())).json
        while not found["covered"]:
            dimension = next(
                name
                for name, rows in found["dimensions"].items()
                if name not in chosen and any(row["possible"] for row in rows)
            )
            rows = found["dimensions"][dimension]
            chosen[dimension] = next(row["value"] for row in rows if row["possible"])
            found = ask(
                port, "/v1/criteria?" + "&".join(f"{k}={v}" for k, v in chosen.items())
            ).json
        recipe = ask(port, "/v1/recipe?" + "&".join(f"{k}={v}" for k, v in chosen.items()))
        assert "x-aicr-warnings" not in recipe.headers, chosen
    assert picks > 40


def test_the_catalogue_names_what_recipes_are_made_from_and_no_path(port: int) -> None:
    found = ask(port, "/v1/catalogue")
    body = found.json
    operator = next(row for row in body["components"] if row["name"] == "gpu-operator")
    assert operator["versions"][0]["overlays"]
    assert {row["name"] for row in body["deployers"]} >= {"helm", "argocd", "flux"}
    assert any(row["name"] == "h100-eks-training" for row in body["overlays"])
    assert any(row["name"] == "eks" and row["version"] for row in body["plugins"])
    assert str(pathlib.Path.cwd()) not in found.body.decode()
    assert str(pathlib.Path(__file__).parents[3]) not in found.body.decode()
    version = ask(port, "/v1/version").json
    assert version["version"] == body["version"]
    assert version["catalogue"] == body["fingerprint"]


def test_a_recipe_explained_names_who_set_each_value(port: int) -> None:
    found = ask(port, f"/v1/recipe?{QUERY}&explain=true").json
    assert found["recipe"] == ask(port, f"/v1/recipe?{QUERY}").json
    operator = found["components"]["gpu-operator"]
    enabled = operator["values"]["cdi.enabled"]
    assert enabled["overlay"] == "h100-eks-training"
    assert enabled["file"] == "overlays/h100-eks-training.yaml"
    assert enabled["line"] > 1
    assert ask(port, f"/v1/recipe?{QUERY}&explain=maybe").status == 400
    as_yaml = ask(port, f"/v1/recipe?{QUERY}&explain=true", Accept="application/yaml")
    assert load(as_yaml.body, "answer") == found
