"""``aicr validate`` against an emulated cluster, with a plugin whose checks do what can go wrong."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import threading
import time
from typing import Any

import pytest
from emulated_cluster import FakeCluster, Rule
from validation_lab import SNAPSHOT, Place, place

from aicr_core.app.environment import Environment
from aicr_core.cli.root import run
from aicr_core.kit import limits
from aicr_core.kit.emit import to_yaml
from aicr_core.model.settings import Settings

__all__ = ["place"]


def test_each_way_to_end_has_its_status(place: Place) -> None:
    place.recipe("good", "bad", "absent", "crash", "leave")
    status, tests, err = place.run("--phase", "deployment")
    assert status == 8
    found = {
        name: (test["status"], test.get("extra", {}).get("reason")) for name, test in tests.items()
    }
    assert found == {
        "good": ("passed", None), "bad": ("failed", "NothingThere"), "absent": ("skipped", "NoWidgets"),
        "crash": ("other", "Crashed"), "leave": ("other", "Crashed"),
    }  # fmt: skip
    assert tests["bad"]["message"] == "[NOT_FOUND] no widget is there"
    assert "recipe.yaml:" in tests["bad"]["extra"]["where"]
    assert "3 of 5 did not pass: bad, crash, leave" in err
    assert tests["good"]["stdout"][0] == "--- Namespaces ---"


def test_a_crash_alone_fails_the_run(place: Place) -> None:
    """F13: a check that gave no verdict is no success."""
    place.recipe("crash")
    assert place.run()[0] == 8


def test_what_a_check_made_is_gone_also_when_it_failed(place: Place) -> None:
    place.recipe("maker")
    before = {item["metadata"]["name"] for item in place.cluster.all("namespaces")}
    status, tests, _ = place.run("--phase", "deployment")
    assert (status, tests["maker"]["status"]) == (8, "failed")
    assert not place.cluster.all("configmaps", "made-here")
    assert {item["metadata"]["name"] for item in place.cluster.all("namespaces")} == before


def test_a_namespace_that_was_there_stays(place: Place) -> None:
    for name in ("made-here", "aicr-validation"):
        place.cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    place.recipe("maker")
    place.run("--phase", "deployment")
    names = {item["metadata"]["name"] for item in place.cluster.all("namespaces")}
    assert {"made-here", "aicr-validation"} <= names


def test_a_check_that_hangs_is_given_up_and_cleaned_up_after(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CHECK_MARGIN", 0.0)
    monkeypatch.setattr(limits, "CLEAN_UP", 1.0)
    place.recipe("hang", "good")
    status, tests, _ = place.run("--phase", "deployment")
    assert status == 8
    assert tests["good"]["status"] == "passed"
    assert tests["hang"]["status"] in ("other", "passed")
    assert not place.cluster.all("configmaps", "aicr-validation")


def test_objects_that_cannot_be_deleted_are_named(place: Place) -> None:
    """F15: residue makes the status 8 and comes with exact commands."""
    place.cluster.faults.add("DELETE", ".*/configmaps/made", status=500)
    place.recipe("maker")
    status, _, err = place.run("--phase", "deployment", "--fail-on-error=false")
    assert status == 8
    assert "kubectl delete configmaps made -n made-here --kubeconfig " in err


def test_no_cleanup_leaves_all_and_says_how_to_remove_it(place: Place) -> None:
    place.recipe("maker")
    status, _, err = place.run("--phase", "deployment", "--no-cleanup", "--fail-on-error=false")
    assert status == 0
    assert place.cluster.all("configmaps", "made-here")
    assert "kubectl delete namespaces made-here" in err


def test_checks_that_exclude_each_other_do_not_run_at_once(place: Place) -> None:
    place.recipe("alone-1", "alone-2", "good")
    status, tests, _ = place.run("--phase", "deployment", "--jobs", "8")
    assert status == 0, tests


def test_a_failed_phase_skips_what_needs_it(place: Place) -> None:
    place.recipe("bad", validation={"conformance": {"checks": ["later"]}})
    status, tests, _ = place.run()
    assert status == 8
    assert tests["later"]["status"] == "skipped"
    assert tests["later"]["message"] == "skipped due to previous phase failure"
    _, tests, _ = place.run("--keep-going")
    assert tests["later"]["status"] == "passed"


def test_fail_fast_starts_nothing_more(place: Place) -> None:
    place.recipe("bad", "good", "absent")
    _, tests, _ = place.run("--phase", "deployment", "--fail-fast", "--jobs", "1")
    ended = [
        name for name, test in tests.items() if test.get("extra", {}).get("reason") == "FailFast"
    ]
    assert tests["bad"]["status"] == "failed"
    assert ended == ["good"]  # in catalogue order "absent" stands before "bad"


def test_skip_check(place: Place) -> None:
    place.recipe("good", "bad")
    status, tests, _ = place.run("--phase", "deployment", "--skip-check", "bad")
    assert (status, tests["bad"]["status"]) == (0, "skipped")
    assert tests["bad"]["extra"]["reason"] == "NamedInSkipChecks"
    for words, told in (
        (["--skip-check", "badd"], 'did you mean "bad"?'),
        (["--skip-check", "bad,good"], "leave the phase out"),
        (["--skip-check", "bad", "--evidence-dir", "x"], "--evidence-dir"),
    ):
        status, _, err = place.run("--phase", "deployment", *words)
        assert status == 2
        assert told in err


def test_read_only_leaves_makers_out(place: Place) -> None:
    place.recipe("maker", "good")
    status, tests, _ = place.run("--phase", "deployment", "--read-only")
    assert (status, tests["maker"]["status"]) == (0, "skipped")
    assert not [asked for asked in place.cluster.requests if asked.method != "GET"]


def test_fail_on_skip(place: Place) -> None:
    place.recipe("absent", "good")
    assert place.run("--phase", "deployment")[0] == 0
    assert place.run("--phase", "deployment", "--fail-on-skip")[0] == 8
    assert place.run("--phase", "deployment", "--fail-on-skip=all")[0] == 0
    place.recipe("absent")
    status, _, err = place.run("--phase", "deployment", "--fail-on-skip=all")
    assert status == 8
    assert "1 of 1 checks were skipped: absent" in err


def test_missing_rights_are_found_before_anything_is_made(place: Place) -> None:
    user = place.cluster.user("reader", [Rule(("get", "list"), ("*",), ("*",))])
    place.kubeconfig = place.cluster.kubeconfig(place.folder / "reader", user)
    place.recipe("maker", "good")
    status, tests, _ = place.run("--phase", "deployment")
    assert status == 8
    assert tests["maker"]["extra"]["reason"] == "MissingRights"
    assert 'create configmaps in namespace "made-here"' in tests["maker"]["message"]
    assert tests["good"]["status"] == "passed"
    made = [asked for asked in place.cluster.requests if asked.method == "POST"]
    assert all(asked.path.endswith("/selfsubjectaccessreviews") for asked in made)


def test_a_namespace_that_cannot_be_made_concerns_only_who_works_in_it(place: Place) -> None:
    place.cluster.faults.add("POST", "/api/v1/namespaces", status=403, message="not you")
    place.recipe("hang", "good")
    status, tests, _ = place.run("--phase", "deployment")
    assert status == 8
    assert tests["good"]["status"] == "passed"
    assert tests["hang"]["extra"]["reason"] == "NoNamespace"
    assert "kubectl create namespace aicr-validation" in tests["hang"]["extra"]["remediation"]


def test_no_cluster_at_all_is_a_report_too(place: Place) -> None:
    place.recipe("good")
    place.cluster.stop()
    status, tests, err = place.run("--phase", "deployment")
    assert status == 8
    assert (tests["good"]["status"], tests["good"]["extra"]["reason"]) == ("other", "NotStarted")
    assert "cannot connect" in err


def test_an_api_that_goes_away_in_the_middle(place: Place) -> None:
    place.cluster.faults.add("GET", "/api/v1/namespaces", cut="before")
    place.recipe("good", "bad")
    status, tests, _ = place.run("--phase", "deployment")
    assert status == 8
    assert tests["good"]["status"] == "failed"
    assert tests["good"]["message"].startswith("[SERVICE_UNAVAILABLE]")
    assert tests["bad"]["extra"]["reason"] == "NothingThere"


def test_all_requests_go_to_the_named_cluster(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F14: with another default context, nothing of a run goes there: sources, checks, clean-up and report."""
    recipe = {"kind": "RecipeResult", "validation": {"deployment": {"checks": ["maker"]}}}
    data = {"recipe.yaml": to_yaml(recipe), "snapshot.yaml": SNAPSHOT, "format": "yaml"}
    for name in ("recipe", "snapshot"):
        place.cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"},
                           "data": {k: v for k, v in data.items() if k.startswith((name, "format"))}})  # fmt: skip
    with FakeCluster() as other:
        monkeypatch.setenv("KUBECONFIG", other.kubeconfig(place.folder / "other"))
        words = [
            "-r",
            "cm://default/recipe",
            "-s",
            "cm://default/snapshot",
            "-o",
            "cm://default/report",
        ]
        status = run(
            ["validate", *words, "-k", place.kubeconfig, "--phase", "deployment", "-t", "ctrf"]
        )
        assert not other.requests
    assert status == 8
    (report,) = [
        m for m in place.cluster.all("configmaps", "default") if m["metadata"]["name"] == "report"
    ]
    assert json.loads(report["data"]["report.json"])["results"]["summary"]["failed"] == 1


def test_one_client_for_the_whole_invocation(place: Place) -> None:
    environment = Environment(Settings.from_env({}))
    assert environment.cluster(place.kubeconfig) is environment.cluster(place.kubeconfig)


def test_an_interrupt_cleans_up_and_writes_what_there_is(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    place.recipe("good", "hang")
    waiting = threading.Event()

    def interrupt() -> None:
        while not place.cluster.all("configmaps", "aicr-validation"):
            time.sleep(0.01)
        waiting.set()
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(limits, "CHECK_MARGIN", 30.0)
    hooks = tmp_path / "site/aicr_widgets/hooks.py"
    hooks.write_text(hooks.read_text().replace("timeout=0.3", "timeout=30.0"))
    threading.Thread(target=interrupt, daemon=True).start()
    status, tests, _ = place.run("--phase", "deployment")
    assert waiting.is_set()
    assert status == 9
    assert tests["good"]["status"] == "passed"
    assert tests["hang"]["status"] == "other"
    assert not place.cluster.all("configmaps", "aicr-validation")


def test_waivers(place: Place) -> None:
    place.recipe("bad", "good")
    waiver = {
        "check": "bad",
        "match": "widget",
        "reason": "known",
        "owner": "me",
        "until": "2999-01-01",
    }
    (place.folder / "w.yaml").write_text(to_yaml({"waivers": [waiver]}))
    status, tests, _ = place.run("--phase", "deployment", "--waivers", "w.yaml")
    assert (status, tests["bad"]["status"]) == (0, "failed")
    assert "known (me, until 2999-01-01)" in tests["bad"]["extra"]["waiver"]
    (place.folder / "w.yaml").write_text(to_yaml({"waivers": [{**waiver, "until": "2020-01-01"}]}))
    status, tests, err = place.run("--phase", "deployment", "--waivers", "w.yaml")
    assert status == 8
    assert "ended on 2020-01-01" in tests["bad"]["message"]
    assert "w.yaml:" in err
    for change, told in (
        ({"check": "badd"}, 'did you mean "bad"?'), ({"until": "soon"}, "no day"), ({"owner": None}, "owner"),
    ):  # fmt: skip
        (place.folder / "w.yaml").write_text(to_yaml({"waivers": [{**waiver, **change}]}))
        status, _, err = place.run("--phase", "deployment", "--waivers", "w.yaml")
        assert status == 2
        assert told in err
        assert "w.yaml:" in err


def test_a_waived_constraint_does_not_close_the_gate(place: Place) -> None:
    place.recipe("good", "bad", constraints=[{"name": "K8s.server.version", "value": ">= 1.99"}])
    waiver = {"reason": "known", "owner": "me", "until": "2999-01-01"}
    both = [{"check": "K8s.server.version", **waiver}]
    (place.folder / "w.yaml").write_text(to_yaml({"waivers": both}))
    status, tests, _ = place.run("--phase", "deployment", "--waivers", "w.yaml")
    assert (status, tests["good"]["status"]) == (8, "passed")
    both.append({"check": "bad", **waiver})
    (place.folder / "w.yaml").write_text(to_yaml({"waivers": both}))
    assert place.run("--phase", "deployment", "--waivers", "w.yaml")[0] == 0


def test_everything_wrong_with_a_recipe_is_said_at_once(place: Place) -> None:
    """F8: unknown, twice, of another phase; with file, line and the nearest name."""
    place.recipe("god", "bad", "bad", "later", settings={
        "timeout": "soon", "infrastructure": "x", "constraints": [{"name": "Deployment.gpu-operator.versio", "value": "1"}],
    })  # fmt: skip
    status, _, err = place.run()
    assert status == 2
    for told in ('no check "god"', 'did you mean "good"?', "bad stands twice", "later is of phase conformance",
                 '"soon" is no duration', "infrastructure", "Deployment.gpu-operator.version"):  # fmt: skip
        assert told in err
    assert err.count("recipe.yaml:") >= 6


def test_a_misspelt_reading_names_the_nearest_and_its_place(place: Place) -> None:
    """F7."""
    place.recipe("good", constraints=[{"name": "K8s.server.verison", "value": ">= 1.30"}])
    status, _, err = place.run("--readiness-unknown", "warn")
    assert status == 2
    assert "K8s.server.verison" in err
    assert "recipe.yaml:" in err
    assert 'did you mean "version"?' in err


def test_an_unknown_constraint_may_be_a_warning(place: Place) -> None:
    place.recipe("good", constraints=[{"name": "OS.release.ID", "value": "ubuntu"}])
    status, tests, _ = place.run("--phase", "deployment")
    assert (status, list(tests)) == (2, ["OS.release.ID"])
    status, tests, _ = place.run("--phase", "deployment", "--readiness-unknown", "warn")
    assert (status, list(tests)) == (0, ["good"])


def test_an_overlay_is_hydrated_or_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """F20."""
    monkeypatch.delenv("AICR_PLUGINS")
    overlay: dict[str, Any] = {"kind": "RecipeMetadata", "apiVersion": "aicr.nvidia.com/v1alpha1", "metadata": {"name": "o"},
               "spec": {"criteria": {"service": "eks", "accelerator": "h100", "intent": "training", "os": "ubuntu"}}}  # fmt: skip
    (place.folder / "recipe.yaml").write_text(to_yaml(overlay))
    status, _, err = place.run("--no-cluster")
    assert status == 2  # the snapshot lacks the readings of the resolved recipe's constraints
    assert "validated is the recipe of its criteria: service eks" in err
    overlay["spec"]["mixins"] = ["m"]
    (place.folder / "recipe.yaml").write_text(to_yaml(overlay))
    status, _, err = place.run("--no-cluster")
    assert status == 2
    assert "mixins, which would be lost" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--cncf-submission"], "--evidence-dir"),
        (["--feature", "dra"], "--cncf-submission"),
        (["--phase", "deploymnet"], 'did you mean "deployment"?'),
        (["--toleration", "x"], "--toleration"),
        (["--node-selector", "x"], "--node-selector"),
        (["--runner", "jbo"], 'did you mean "job"?'),
        (["--evidence-dir", "recipe.yaml"], "recipe.yaml is no directory"),
        (["--list", "--phase", "deploy"], 'did you mean "deployment"?'),
        (["--list", "--format", "junit"], "table, json, yaml"),
        (["--format", "pdf"], "known: "),
        (["--report", "junit"], "junit=report.xml"),
        (["--report", "junit=-"], "two reports"),
        (["--fail-fast", "--keep-going"], "opposite"),
        (["--readiness-unknown", "maybe"], "fail, warn"),
        (["-r", "other.yaml"], "given 2 times"),
    ],
)
def test_options_that_mean_nothing_are_refused(place: Place, words: list[str], told: str) -> None:
    place.recipe("good")
    status, _, err = place.run(*words)
    assert status == 2
    assert not place.cluster.requests
    assert told in err


def test_without_a_snapshot_nothing_is_taken_with_no_cluster(place: Place) -> None:
    place.recipe("good")
    status = run(["validate", "-r", "recipe.yaml", "--no-cluster"])
    assert status == 2
    assert not place.cluster.requests


def test_print_rbac_is_exact_and_asks_nobody(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.recipe("maker")
    assert run(["validate", "-r", "recipe.yaml", "--print-rbac"]) == 0
    out = capsys.readouterr().out
    assert "cluster-admin" not in out
    assert '"*"' not in out
    assert out.count("\nkind: Role\n") == 1
    assert not place.cluster.requests


def test_a_container_only_check_says_so(place: Place) -> None:
    (place.folder / "mine/validators").mkdir(parents=True)
    (place.folder / "mine/registry.yaml").write_text("components: []\n")
    (place.folder / "mine/validators/catalog.yaml").write_text(to_yaml({
        "apiVersion": "aicr.nvidia.com/v1", "kind": "ValidatorCatalog",
        "validators": [{"name": "own", "phase": "deployment", "image": "r.example/own:1", "timeout": "1m"}],
    }))  # fmt: skip
    place.recipe("own")
    status, tests, err = place.run("--phase", "deployment", "--data", "mine")
    assert tests, err
    assert (status, tests["own"]["extra"]["reason"]) == (8, "NeedsContainer")
    assert "--runner job" in tests["own"]["extra"]["remediation"]
    # What a container does, nobody knows.
    status, tests, _ = place.run("--phase", "deployment", "--data", "mine", "--read-only")
    assert (status, tests["own"]["extra"]["reason"]) == (0, "ReadOnly")


def test_the_list_goes_by_phase_and_says_what_the_recipe_asks_for(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A check of a plugin stands with its phase, wherever its order puts it among all."""
    place.recipe("good")
    assert run(["validate", "--list", "-r", "recipe.yaml", "-t", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    phases = [row["phase"] for row in rows]
    assert phases == sorted(phases, key=("deployment", "performance", "conformance").index)
    assert {row["check"] for row in rows if row["inRecipe"] == "yes"} == {"good"}
    assert run(["validate", "--list", "--phase", "performance"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "CHECK",
        "nccl-all-reduce-bw",
    ]


def test_a_check_without_a_container_says_so_where_it_would_be_a_job(place: Place) -> None:
    place.recipe("good")
    status, tests, _ = place.run("--phase", "deployment", "--runner", "job")
    assert (status, tests["good"]["status"]) == (8, "other")
    assert tests["good"]["extra"]["reason"] == "NoImage"
    assert "validators/catalog.yaml" in tests["good"]["extra"]["remediation"]
    assert not place.cluster.all("jobs")


def test_what_is_not_installed_is_named(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.recipe("operator-health")
    monkeypatch.setenv("AICR_PLUGINS", "validators,recipes")
    status, _, err = place.run("--runner", "job")
    assert status == 3
    assert "aicr-kube" in err
    monkeypatch.setenv("AICR_PLUGINS", "recipes")
    assert run(["check", "operator-health"]) == 1
    assert "aicr-validators" in capsys.readouterr().err


def test_a_check_whose_code_is_not_there_concerns_nobody_else(place: Place) -> None:
    place.change('description="later", call=good', 'description="later", call="aicr_gone.x:check"')
    place.recipe("later", phase="conformance", validation={"deployment": {"checks": ["good"]}})
    status, tests, _ = place.run("--keep-going")
    assert status == 8
    assert tests["good"]["status"] == "passed"
    assert "aicr_gone.x:check" in tests["later"]["message"]


def test_rights_that_cannot_be_told_concern_their_check(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.change("rights=RIGHTS", "rights=lambda recipe: 1 / 0")
    place.recipe("maker", "good")
    status, tests, _ = place.run("--phase", "deployment")
    assert status == 8
    assert tests["good"]["status"] == "passed"
    assert tests["maker"]["extra"]["reason"] == "NoRights"
    assert run(["validate", "-r", "recipe.yaml", "--print-rbac"]) == 8
    err = capsys.readouterr().err
    assert "the rights of check maker: ZeroDivisionError" in err
    assert "(plugin widgets)" in err


@pytest.mark.parametrize(
    ("parts", "reason", "told"),
    [
        ({"run": "return 7"}, "NoResult", ""),
        ({"run": "raise ValueError('x')"}, "Crashed", ""),
        ({"close": "raise ValueError('closed badly')"}, "", "did not clean up: closed badly"),
        ({"open": "raise ValueError('opened badly')"}, "NotStarted", "opened badly"),
    ],
)
def test_a_runner_that_misbehaves_still_gives_a_report(
    place: Place, parts: dict[str, str], reason: str, told: str
) -> None:
    place.runner(**parts)
    place.recipe("good")
    status, tests, err = place.run("--phase", "deployment", "--runner", "odd")
    assert told in err
    if reason:
        assert (status, tests["good"]["extra"]["reason"]) == (8, reason)
    else:
        assert tests["good"]["status"] == "passed"


def test_a_waiver_excuses_no_lost_cluster_and_ends_by_the_real_day(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiver = {"check": "crash", "reason": "known", "owner": "me", "until": "2999-01-01"}
    (place.folder / "w.yaml").write_text(to_yaml({"waivers": [waiver]}))
    place.recipe("crash")
    assert place.run("--phase", "deployment", "--waivers", "w.yaml")[0] == 8
    (place.folder / "w.yaml").write_text(
        to_yaml({"waivers": [{**waiver, "match": "RuntimeError"}]})
    )
    assert place.run("--phase", "deployment", "--waivers", "w.yaml")[0] == 0
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    ended = {**waiver, "match": "RuntimeError", "until": "2020-01-01"}
    (place.folder / "w.yaml").write_text(to_yaml({"waivers": [ended]}))
    assert place.run("--phase", "deployment", "--waivers", "w.yaml")[0] == 8


def test_what_a_recipe_asks_for_is_found_out_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many places of a run want to know it."""
    from aicr_core.engine import selection

    asked = []
    chosen = selection.selected

    def counted(*given: Any) -> Any:
        asked.append(given)
        return chosen(*given)

    monkeypatch.setattr(selection, "selected", counted)
    place.recipe("good", validation={"conformance": {"checks": ["later"]}})
    assert set(place.run()[1]) == {"good", "later"}
    assert len(asked) == 1
