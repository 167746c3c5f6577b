"""Policy files: each has to agree, whatever the order; nothing loosens what another one holds."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from typing import Any

import pytest
from distributions import distribution
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.app.environment import Environment
from aicr_core.cli.root import run
from aicr_core.kit import tomlfile
from aicr_core.kit.errors import AicrError
from aicr_core.model.settings import Settings
from aicr_core.plugins import conformance, policy, records, vocabulary

PLUGIN = 'name = "acme"\nhookspec = ">=1.0,<2"\npermissions = ["net", "exec:acmectl"]\n'


@pytest.fixture
def site(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A folder of installed distributions, with ``acme`` and its RECORD; own configuration and data folders."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    for name in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    distribution(folder, "acme", PLUGIN)
    record(folder, "aicr_acme")
    return folder


def record(site: pathlib.Path, package: str) -> None:
    """Write the RECORD that a wheel would have brought."""
    import base64

    info = site / f"{package}-1.0.dist-info"
    lines = []
    for path in sorted((*site.joinpath(package).rglob("*"), *info.glob("*"))):
        if path.is_file() and path.name != "RECORD":
            data = path.read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{path.relative_to(site)},sha256={digest},{len(data)}\n")
    info.joinpath("RECORD").write_text("".join(lines))


def write(path: pathlib.Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def user(tmp_path: pathlib.Path, text: str) -> None:
    write(tmp_path / "config/aicr/plugins.toml", text)


def row(name: str = "acme", **env: str) -> dict[str, Any]:
    found = Environment(Settings.from_env({**os.environ, **env})).index.row(name)
    assert found is not None
    return found


def digest() -> str:
    (found,) = records.installed(["aicr-acme"])
    return found.sha256


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('deny = ["acme"]', "plugins.toml denies it"),
        ('allow = ["recipes"]', "plugins.toml does not allow it"),
        ('max_permissions = ["net"]', "it needs exec:acmectl, which"),
        ("max_permissions = []", "it needs net, exec:acmectl, which"),
        (f'[pins]\nacme = "{"0" * 64}"', f"pins it to {'0' * 64}; installed is "),
        ('[versions]\nacme = "2.0"', "wants version 2.0; installed is 1.0"),
        ("require_conformance = true", "there is none: `aicr plugins test acme`"),
        ('require_conformance = ["acme"]', "there is none"),
    ],
)
def test_what_a_policy_refuses_is_blocked_with_the_reason(
    text: str, says: str, site: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    assert row()["state"] == "active"
    user(tmp_path, text)
    assert row()["state"] == "blocked"
    assert says in row()["reason"]
    user(tmp_path, "")
    assert row()["state"] == "active"


@pytest.mark.parametrize(
    "text",
    [
        'deny = ["other"]\nallow = ["acme"]\nmax_permissions = ["net", "exec:*"]',
        'max_permissions = ["net", "exec:acme*", "cluster.read"]',
        'require_conformance = ["other"]',
        "require_conformance = false",
        '[versions]\nacme = "1.0"',
    ],
)
def test_what_a_policy_grants_is_used(
    text: str, site: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    user(tmp_path, text)
    assert row()["state"] == "active"


def test_the_pin_of_what_is_installed_lets_it_in(
    site: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    user(tmp_path, f'[pins]\nacme = "{digest()}"\n')
    assert row()["state"] == "active"
    # Another build under the same version: its RECORD has another digest.
    (site / "aicr_acme/hooks.py").write_text("print()\n")
    record(site, "aicr_acme")
    os.utime(site)
    assert row()["state"] == "blocked"
    assert digest() in row()["reason"]


def test_a_working_tree_cannot_be_pinned(site: pathlib.Path, tmp_path: pathlib.Path) -> None:
    direct = site / "aicr_acme-1.0.dist-info/direct_url.json"
    direct.write_text('{"url": "file:///x", "dir_info": {"editable": true}}')
    user(tmp_path, f'[pins]\nacme = "{"0" * 64}"\n')
    assert "a working tree has no digest" in row()["reason"]


def test_the_system_is_asked_too_and_the_stricter_wins(
    site: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    system = tmp_path / "system.toml"
    write(system, 'deny = ["acme"]\n')
    user(tmp_path, 'allow = ["acme", "recipes"]\ndeny = []\n')
    blocked = row(AICR_SYSTEM_POLICY=str(system))
    assert (blocked["state"], str(system) in blocked["reason"]) == ("blocked", True)
    write(system, f'[pins]\nacme = "{digest()}"\n')
    assert row(AICR_SYSTEM_POLICY=str(system))["state"] == "active"
    user(tmp_path, f'[pins]\nacme = "{"1" * 64}"\n')
    reason = row(AICR_SYSTEM_POLICY=str(system))["reason"]
    assert "it is pinned twice: " in reason
    assert all(part in reason for part in (digest(), "1" * 64, str(system)))


def test_a_system_policy_that_is_named_and_missing_is_an_error_even_when_the_index_is_warm(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["plugins", "list"]) == 0
    monkeypatch.setenv("AICR_SYSTEM_POLICY", str(site / "nowhere.toml"))
    assert run(["plugins", "list"]) == 2
    assert "there is no policy" in capsys.readouterr().err


def test_isolation_is_forced_and_limits_keep_out_what_declares_nothing(
    site: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    distribution(site, "bare", None, "raise SystemExit('imported')")
    user(tmp_path, 'isolate = ["acme", "bare"]\n')
    assert row()["isolation"] == "process"
    # It cannot be known what it would need there, yet it may run there: what its import does hurts nobody.
    assert row("bare")["state"] == "broken"
    user(tmp_path, "max_permissions = []\n")
    assert "no manifest to declare permissions" in row("bare")["reason"]


def report(sha256: str | None = None, status: str = "passed", **fields: Any) -> dict[str, Any]:
    results = [{"id": "T01", "title": "manifest", "status": status, "message": ""}]
    made = conformance.report(
        kit="1.0", plugin="acme", distribution="aicr-acme", version="1.0", results=results
    )
    return made | ({} if sha256 is None else {"record_sha256": sha256}) | fields


@pytest.mark.parametrize(
    ("change", "verdict", "state"),
    [
        ({}, "passed", "active"),
        ({"status": "failed"}, "failed", "blocked"),
        ({"status": "skipped"}, "failed", "blocked"),
        ({"sha256": "0" * 64}, "stale", "blocked"),
        ({"sha256": ""}, "stale", "blocked"),
        ({"version": "0.9"}, "stale", "blocked"),
        ({"core": "0.0"}, "stale", "blocked"),
        ({"hookspec": "0.9"}, "stale", "blocked"),
        ({"distribution": "aicr-other"}, "stale", "blocked"),
    ],
)
def test_a_report_counts_for_what_is_installed(
    change: dict[str, Any], verdict: str, state: str, site: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    user(tmp_path, 'require_conformance = ["acme"]\n')
    assert row()["conformance"] == "-"
    conformance.write(Settings.from_env(os.environ), report(**change))
    assert (row()["conformance"], row()["state"]) == (verdict, state)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{" * 9000, '{"kit": 1}', "\xff"])
def test_a_report_that_is_none_is_stale_and_no_failure(
    text: str, site: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    settings = Settings.from_env(os.environ)
    path = pathlib.Path(conformance.write(settings, report()))
    assert row()["conformance"] == "passed"
    # In place, so that the folder's time does not change.
    path.write_text(text, encoding="latin-1")
    assert row()["conformance"] == "stale"
    with pytest.raises(AicrError, match="no conformance report"):
        conformance.read(settings, "acme")


def test_a_report_that_contradicts_itself_is_refused(site: pathlib.Path) -> None:
    with pytest.raises(AicrError, match="does not agree"):
        conformance.write(Settings.from_env(os.environ), report(status="failed") | {"passed": True})
    with pytest.raises(AicrError, match="no plugin name"):
        conformance.write(Settings.from_env(os.environ), report(plugin="../acme"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("denny = []", 'plugins.toml:1: unknown field "denny"'),
        ('\ndeny = "acme"', "plugins.toml:2: deny must be a list of texts"),
        ('max_permissions = ["network"]', 'unknown permission "network"'),
        ('[pins]\n\nacme = "abc"', 'plugins.toml:3: pins.acme: "abc" is no SHA-256'),
        ("pins = 1", "pins must be a table"),
        ("require_conformance = 1", "require_conformance must be true, false or a list"),
        ("deny = [\n", "cannot read the policy"),
        pytest.param("#" * ((1 << 20) + 1), "over the limit", id="big"),
    ],
)
def test_a_policy_that_is_not_understood_stops_everything_but_help(
    text: str, says: str, site: pathlib.Path, tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    user(tmp_path, text)
    assert run(["recipe", "--intent", "training"]) == 2
    assert says in capsys.readouterr().err
    assert run(["--help"]) == 0


def test_switching_keeps_the_rest_of_the_file(
    site: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '# ours\ndeny = [\n  "evil", # really\n]\n\n[pins]\n# later\n'
    user(tmp_path, text)
    path = tmp_path / "config/aicr/plugins.toml"
    assert run(["plugins", "disable", "acme"]) == 0
    assert path.read_text() == text.replace("\n[pins]", '\ndisabled = ["acme"]\n\n[pins]')
    assert row()["state"] == "disabled"
    assert run(["plugins", "enable", "acme"]) == 0
    assert path.read_text() == text.replace("\n[pins]", "\ndisabled = []\n\n[pins]")
    user(tmp_path, 'disabled = ["acme"]\ndeny = ["acme"]\n')
    assert run(["plugins", "enable", "acme"]) == 0
    assert "acme stays unused: it is blocked: " in capsys.readouterr().err


def test_a_lock_pins_compares_and_sees_changed_files(
    site: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "lock.toml"
    assert run(["plugins", "lock", "-o", str(lock)]) == 0
    written = tomlfile.read(str(lock), "the lock")
    assert written is not None
    assert policy.parse(written).pins["acme"] == digest()
    assert run(["plugins", "lock", "--check", str(lock)]) == 0
    (site / "aicr_acme/hooks.py").write_text("print()\n")
    distribution(site, "more", 'name = "more"\n')
    capsys.readouterr()
    assert run(["plugins", "lock", "--check", str(lock)]) == 2
    said = capsys.readouterr().out
    assert "acme: files of aicr-acme are not as they were installed: aicr_acme/hooks.py" in said
    assert "more (aicr-more 1.0) is used and not locked" in said
    assert run(["plugins", "lock", "--check", str(tmp_path / "none")]) == 3
    assert run(["plugins", "lock", "--check", str(lock), "-o", "x"]) == 1


def test_the_list_shows_what_reports_say(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conformance.write(Settings.from_env(os.environ), report())
    assert run(["plugins", "list", "--format", "json"]) == 0
    shown = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert shown["acme"]["conformance"] == "passed"
    assert shown["acme"]["permissions"] == ["net", "exec:acmectl"]
    assert run(["plugins", "list"]) == 0
    assert "CONFORMANCE" in capsys.readouterr().out


def test_an_index_of_an_image_is_of_its_policy_and_reports(
    site: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = tmp_path / "image"
    image.mkdir()
    user(tmp_path, 'deny = ["acme"]\n')
    assert run(["plugins", "index", "--write", str(image)]) == 0
    monkeypatch.setenv("AICR_INDEX_DIR", str(image))
    assert row()["state"] == "blocked"
    user(tmp_path, "")
    assert row()["state"] == "active"
    conformance.write(Settings.from_env(os.environ), report())
    assert row()["conformance"] == "passed"


def test_what_the_system_disables_cannot_be_enabled(
    site: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    write(tmp_path / "system.toml", 'disabled = ["acme"]\n')
    monkeypatch.setenv("AICR_SYSTEM_POLICY", str(tmp_path / "system.toml"))
    assert run(["plugins", "enable", "acme"]) == 0
    assert "acme stays unused: it is disabled: by " in capsys.readouterr().err
    assert row()["reason"] == f"by {tmp_path}/system.toml"


NAMES = st.sampled_from(["a", "b", "c"])
SETS = st.frozensets(NAMES)
PERMISSIONS = st.sampled_from(["net", "host.read", "exec:helm", "exec:kubectl"])
LIMITS = st.none() | st.frozensets(st.sampled_from(["net", "host.read", "exec:helm", "exec:*"]))
DIGESTS = st.sampled_from(["", "0" * 64, "1" * 64])
POLICIES = st.builds(
    policy.Policy,
    path=st.sampled_from(["/system", "/user"]),
    allow=st.none() | SETS,
    deny=SETS,
    isolate=SETS,
    disabled=SETS,
    max_permissions=LIMITS,
    pins=st.dictionaries(NAMES, st.sampled_from(["0" * 64, "1" * 64])),
    require_conformance=st.booleans() | SETS,
)
CANDIDATES = st.builds(
    policy.Candidate,
    name=NAMES,
    permissions=st.lists(PERMISSIONS, unique=True),
    declared=st.booleans(),
    sha256=DIGESTS,
    version=st.just("1.0"),
    conformance=st.sampled_from(["passed", "failed", "stale", "-"]),
)


@given(st.lists(POLICIES, max_size=3), CANDIDATES, st.randoms())
def test_policies_only_ever_add_up(
    policies: list[policy.Policy], plugin: policy.Candidate, random: Any
) -> None:
    """One more file never lets in what was kept out, and their order does not matter."""
    whole = policy.refusal(policies, plugin)
    shuffled = list(policies)
    random.shuffle(shuffled)
    assert bool(policy.refusal(shuffled, plugin)) == bool(whole)
    assert policy.isolated(shuffled, plugin.name) == policy.isolated(policies, plugin.name)
    for number in range(len(policies)):
        fewer = policies[:number] + policies[number + 1 :]
        assert whole or not policy.refusal(fewer, plugin)
    assert bool(whole) == any(bool(item.refusal(plugin)) for item in policies)


@given(st.lists(PERMISSIONS, unique=True), st.frozensets(PERMISSIONS))
def test_what_exceeds_is_what_is_declared_and_not_granted(
    declared: list[str], granted: frozenset[str]
) -> None:
    assert vocabulary.exceeding(declared, granted) == [w for w in declared if w not in granted]
    assert vocabulary.exceeding(declared, granted | {"exec:*"}) == [
        word for word in declared if word not in granted and not word.startswith("exec:")
    ]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.lists(TEXTS, max_size=4), st.sampled_from([
    "", "# c\n", 'allow = ["a"]\n', 'disabled = ["x"]\n', 'disabled = [ "]", # ] "\n  \'#\', ] # kept\nallow = []\n',
    '[pins]\nx = "y"\n', 'disabled = []', '\n\n"disabled" = []\n[versions]\ndisabled = "z"\n',
]))  # fmt: skip
def test_a_list_is_set_and_all_else_stays(names: list[str], text: str) -> None:
    before = tomlfile.parsed(text)
    assert before is not None
    changed = tomlfile.with_list(text, "disabled", names)
    assert tomlfile.parsed(changed) == {**before, "disabled": names}
    assert all(comment in changed for comment in ("# c", "# kept") if comment in text)
    assert tomlfile.with_list(changed, "disabled", names) == changed
