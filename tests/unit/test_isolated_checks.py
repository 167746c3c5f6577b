"""Checks of a plugin in a process of its own: the same verdicts, and nothing stays in the cluster when a worker dies."""

from __future__ import annotations

import os
import pathlib

import pytest
from validation_lab import Place, place

__all__ = ["place"]
DIES = "import os; os._exit(3)"


@pytest.fixture
def apart(place: Place) -> Place:
    """The lab, with its plugin in workers."""
    manifest = place.folder / "site/aicr_widgets/aicr-plugin.toml"
    manifest.write_text(f'{manifest.read_text()}isolation = "process"\n')
    return place


def test_verdicts_are_those_of_checks_in_process(apart: Place) -> None:
    apart.recipe("good", "bad", "absent", "crash", "leave", "maker")
    status, tests, _ = apart.run("--phase", "deployment")
    assert status == 8
    assert {name: test["status"] for name, test in tests.items()} == {
        "good": "passed", "bad": "failed", "absent": "skipped", "crash": "other", "leave": "other",
        "maker": "failed",
    }  # fmt: skip
    assert "Namespaces" in "".join(tests["good"]["stdout"])
    assert tests["bad"]["extra"]["remediation"] == "make one"
    assert not apart.cluster.all("configmaps", "made-here")


def test_what_a_worker_made_before_it_died_is_removed(apart: Place) -> None:
    raising = 'raise api.AicrError(api.Code.INTERNAL, "went wrong after making things")'
    apart.change(raising, DIES)
    apart.recipe("maker", "good")
    status, tests, _ = apart.run("--phase", "deployment")
    assert status == 8
    assert "ended in the middle of its work (status 3)" in tests["maker"]["message"]
    assert tests["good"]["status"] == "passed"
    created = [request for request in apart.cluster.requests if request.method == "POST"]
    assert any("configmaps" in request.path for request in created)
    assert not apart.cluster.all("configmaps", "made-here")


def test_a_worker_that_hangs_after_making_something_is_ended_and_cleaned_up_after(
    apart: Place,
) -> None:
    apart.change("while not ctx.cancelled:", "while True:")
    apart.change("timeout=0.3", "timeout=1.5")
    apart.recipe("hang")
    status, tests, _ = apart.run("--phase", "deployment")
    assert status == 8
    assert tests["hang"]["status"] in ("failed", "other")
    assert not apart.cluster.all("configmaps", "aicr-validation")


def test_a_check_has_no_credentials_and_asks_for_nothing_else(
    apart: Place, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", apart.kubeconfig)
    seen = tmp_path / "seen"
    apart.change(
        'return api.passed("fine")',
        f"""import os, pathlib
    said = []
    for name in ("close", "_api", "__class__", "within"):
        try:
            said.append(f"{{name}}={{type(getattr(target.cluster, name)()).__name__}}")
        except Exception as error:
            said.append(f"{{name}}: {{error}}")
    pathlib.Path({str(seen)!r}).write_text(repr([os.environ.get("KUBECONFIG"), *said]))
    return api.passed("fine")""",
    )
    apart.recipe("good")
    status, _, _ = apart.run("--phase", "deployment")
    assert status == 0
    text = seen.read_text()
    assert text.startswith("[None,")
    assert 'a check cannot ask for "cluster.close"' in text
    assert 'a check cannot ask for "cluster._api"' in text
    assert os.environ["KUBECONFIG"] not in text
