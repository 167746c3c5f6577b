"""Rights that a plugin declares wrongly concern its check alone, and the plugin is named."""

from __future__ import annotations

import pytest
from validation_lab import Place, place

__all__ = ["place"]

GARBAGE = [
    ("lambda recipe: 1 / 0", "ZeroDivisionError"),
    ("lambda recipe: exit(3)", "SystemExit"),
    ("lambda recipe: None", "TypeError"),
    ("lambda recipe: [7]", "7 is no Right"),
    ("('pods',)", "'pods' is no Right"),
    ("(api.Right(verbs=None, resources=('pods',)),)", "verbs"),
    ("(api.Right(verbs='get', resources=('pods',)),)", "verbs"),
    ("(api.Right(verbs=('get',), resources=(1,)),)", "resources"),
    ("(api.Right(verbs=('get',), resources=('pods',), namespace=None),)", "namespace"),
    ("(api.Right(verbs=('*',), resources=('pods',)),)", "wildcard"),
    ("'aicr_gone.x:rights'", "aicr_gone.x:rights"),
]


@pytest.mark.parametrize(("rights", "told"), GARBAGE)
def test_garbage_names_plugin_and_check(place: Place, rights: str, told: str) -> None:
    place.change("rights=RIGHTS", f"rights={rights}")
    place.recipe("maker", "good")
    status, _, err = place.run("--print-rbac")
    assert status in (2, 3, 8)
    assert "check maker" in err
    assert "(plugin widgets)" in err
    assert told in err
    assert "defect of aicr" not in err
    status, tests, _ = place.run("--phase", "deployment")
    assert status == 8
    assert (tests["maker"]["status"], tests["maker"]["extra"]["reason"]) == ("other", "NoRights")
    assert told in tests["maker"]["message"]
    assert tests["good"]["status"] == "passed"


@pytest.mark.parametrize("account", [[], ["--service-account-name", "prepared"]])
def test_garbage_stops_no_other_check_of_a_runner(place: Place, account: list[str]) -> None:
    place.runner()
    place.change("rights=RIGHTS", 'rights=lambda recipe: 1 / 0, image="x:1"')
    place.recipe("maker", "good")
    status, tests, err = place.run("--phase", "deployment", "--runner", "odd", *account)
    assert status == 8, err
    assert tests["maker"]["extra"]["reason"] == "NoRights"
    assert tests["good"]["status"] == "passed"
