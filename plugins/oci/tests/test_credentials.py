"""Docker's configuration: whose credentials are found, in which order, and that none is shown."""

from __future__ import annotations

import base64
import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from aicr_oci import credentials, login
from oci_lab import Docker, Make

from aicr_core.api import AicrError

SECRET = "open sesame"
AUTH = base64.b64encode(f"robin:{SECRET}".encode()).decode()


@pytest.fixture
def helper(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], pathlib.Path]:
    """Install ``docker-credential-NAME``; it notes what it was asked for."""

    def install(name: str, script: str) -> pathlib.Path:
        file = tmp_path / "bin" / f"docker-credential-{name}"
        file.parent.mkdir(exist_ok=True)
        asked = tmp_path / f"asked-{name}"
        file.write_text(f'#!/bin/sh\n[ "$1" = get ] || exit 9\ncat > {asked}\n{script}\n')
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{file.parent}{os.pathsep}{os.environ['PATH']}")
        return asked

    return install


def answer(user: str, secret: str) -> str:
    return f"printf '%s' '{json.dumps({'ServerURL': 'x', 'Username': user, 'Secret': secret})}'"


NOT_FOUND = "echo credentials not found in native keychain; exit 1"


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("r.example.com", "r.example.com"),
        ("r.example.com:5000", "r.example.com:5000"),
        ("https://r.example.com", "r.example.com"),
        ("https://r.example.com/v1/", "r.example.com"),
        ("http://r.example.com/v2/", "r.example.com"),
        ("R.example.com", "r.example.com"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("docker.io", "docker.io"),
    ],
)
def test_entries_of_the_file(context: Make, docker: Docker, key: str, host: str) -> None:
    docker({"auths": {"other.example.com": {"auth": "eDp5"}, key: {"auth": AUTH}}})
    found = credentials.find(context(), host)
    assert found is not None
    assert (found.username, found.password, found.basic) == ("robin", SECRET, AUTH)
    assert {SECRET, AUTH} <= found.secrets()


def test_a_port_is_part_of_the_name(context: Make, docker: Docker) -> None:
    docker({"auths": {"r.example.com": {"auth": AUTH}}})
    assert credentials.find(context(), "r.example.com:5000") is None
    assert credentials.find(context(), "example.com") is None


def test_other_forms_of_entries(context: Make, docker: Docker) -> None:
    docker({"auths": {"r.io": {"username": "robin", "password": SECRET}}})
    assert credentials.find(context(), "r.io") == ("robin", SECRET, "", "")
    docker({"auths": {"r.io": {"identitytoken": SECRET}}})
    assert credentials.find(context(), "r.io") == ("", "", SECRET, "")
    docker({"auths": {"r.io": {"registrytoken": SECRET}}})
    assert credentials.find(context(), "r.io") == ("", "", "", SECRET)
    docker({"auths": {"r.io": {}}})  # what docker leaves when a helper holds them
    assert credentials.find(context(), "r.io") is None


def test_no_configuration(
    context: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    assert credentials.find(context(), "r.io") is None
    monkeypatch.delenv("DOCKER_CONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert credentials.find(context(), "r.io") is None
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {"r.io": {"auth": AUTH}}}))
    found = credentials.find(context(), "r.io")
    assert found is not None
    assert found.username == "robin"


def test_a_helper_comes_before_the_store_and_the_file(
    context: Make, docker: Docker, helper: Any
) -> None:
    asked = helper("one", answer("from helper", SECRET))
    other = helper("all", answer("from store", SECRET))
    docker({"credHelpers": {"r.io": "one"}, "credsStore": "all", "auths": {"r.io": {"auth": AUTH}}})
    assert credentials.find(context(), "r.io") == ("from helper", SECRET, "", "")
    assert asked.read_text() == "r.io"
    assert not other.exists()
    assert credentials.find(context(), "q.io:1") == ("from store", SECRET, "", "")
    assert other.read_text() == "q.io:1"
    credentials.find(context(), "docker.io")
    assert other.read_text() == "https://index.docker.io/v1/"


def test_identity_tokens_of_helpers(context: Make, docker: Docker, helper: Any) -> None:
    helper("one", answer("<token>", SECRET))
    docker({"credsStore": "one"})
    assert credentials.find(context(), "r.io") == ("", "", SECRET, "")


def test_a_helper_without_credentials_leaves_it_to_the_file(
    context: Make, docker: Docker, helper: Any
) -> None:
    helper("one", NOT_FOUND)
    docker({"credsStore": "one", "auths": {"r.io": {"auth": AUTH}}})
    found = credentials.find(context(), "r.io")
    assert found is not None
    assert found.username == "robin"
    assert credentials.find(context(), "q.io") is None


@pytest.mark.parametrize(
    ("script", "reason", "status"),
    [
        (f"echo {SECRET} >&2; echo {SECRET}; exit 3", "failed with status 3", 4),
        (f"echo {SECRET}", "gave no credentials as JSON", 4),
        (f"""echo '{{"Username": "{SECRET}"}}'""", "gave no credentials as JSON", 4),
        ("echo []", "gave no credentials as JSON", 4),
        ("sleep 30", "took longer than it may", 5),
        ("yes", "wrote too much", 8),
    ],
)
def test_helpers_that_fail(
    context: Make, docker: Docker, helper: Any, script: str, reason: str, status: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(credentials, "_HELPER_SECONDS", 1.0)
    helper("one", script)
    docker({"credsStore": "one"})
    with pytest.raises(AicrError) as caught:
        credentials.find(context(), "r.io")
    assert reason in str(caught.value)
    assert caught.value.exit_status == status
    assert "sesame" not in f"{caught.value} {caught.value.hint}"


def test_a_helper_that_is_not_there(context: Make, docker: Docker) -> None:
    docker({"credsStore": "nowhere"})
    with pytest.raises(AicrError, match="docker-credential-nowhere is not there"):
        credentials.find(context(), "r.io")


@pytest.mark.parametrize("name", ["../../bin/sh", "a b", "-x", 5, ["a"], "a/b"])
def test_a_helper_with_a_strange_name_is_not_run(context: Make, docker: Docker, name: Any) -> None:
    docker({"credsStore": name})
    with pytest.raises(AicrError, match="no proper name"):
        credentials.find(context(), "r.io")


@pytest.mark.parametrize(
    "config",
    [
        "{", "[]", '"x"', "null", "[" * 100_000,
        {"auths": {"r.io": {"auth": f"%{SECRET}"}}},
        {"auths": {"r.io": {"auth": base64.b64encode(SECRET.encode()).decode()}}},
        {"auths": {"r.io": {"auth": base64.b64encode(b"\xff:\xfe").decode()}}},
    ],
)  # fmt: skip
def test_a_broken_configuration(context: Make, docker: Docker, config: Any) -> None:
    file = docker(config)
    with pytest.raises(AicrError) as caught:
        credentials.find(context(), "r.io")
    assert caught.value.exit_status == 2
    assert str(file) in str(caught.value)
    assert "sesame" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "config", [{}, {"auths": []}, {"auths": {"r.io": 5}}, {"credHelpers": 5}, {"auths": None}]
)
def test_a_strange_configuration_holds_no_credentials(
    context: Make, docker: Docker, config: Any
) -> None:
    docker(config)
    assert credentials.find(context(), "r.io") is None


# --- what a registry asks for --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (None, []),
        (['Basic realm="x"'], [("basic", {"realm": "x"})]),
        (["Basic"], [("basic", {})]),
        (
            ['Bearer realm="https://a.io/token",service="a",scope="repository:x:pull,push"'],
            [("bearer", {"realm": "https://a.io/token", "service": "a", "scope": "repository:x:pull,push"})],
        ),
        (['BEARER Realm = "r" , scope=s'], [("bearer", {"realm": "r", "scope": "s"})]),
        (['Basic realm="b", Bearer realm="r",service="s"'], [("basic", {"realm": "b"}), ("bearer", {"realm": "r", "service": "s"})]),
        (['Basic realm="b"', 'Bearer realm="r"'], [("basic", {"realm": "b"}), ("bearer", {"realm": "r"})]),
        ([r'Basic realm="a \"b\" c"'], [("basic", {"realm": 'a "b" c'})]),
        (['realm="x"'], []),
        (['Bearer realm="unfinished'], [("bearer", {"realm": ""})]),
        (["", "???", "=", ","], []),
    ],
)  # fmt: skip
def test_challenges(headers: list[str] | None, expected: Any) -> None:
    assert login.challenges(headers) == expected
