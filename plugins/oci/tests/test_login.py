"""Where a registry sends us and what it wants to know: credentials reach nobody else, tokens are traded, nothing is shown."""

from __future__ import annotations

import json
from typing import Any

import faulty_registry as fault
import pytest
from faulty_registry import FaultyRegistry, reply
from oci_lab import LOGIN, SECRET, Docker, Files, Make, failure, pull, push, pushed

# --- where we are sent ---------------------------------------------------------------------------


def _guarded(faulty: FaultyRegistry, docker: Docker) -> None:
    """Let the registry ask for the user of Docker's configuration."""
    docker({"auths": {faulty.host: {"auth": LOGIN}}})
    for method in ("GET", "HEAD", "POST", "PUT"):
        faulty.rule(method, "", _BasicOnly(faulty))


class _BasicOnly:
    """Answers as the registry does, to those who are logged in."""

    def __init__(self, faulty: FaultyRegistry) -> None:
        self._faulty = faulty

    def __call__(self, handler: Any) -> None:
        if handler.headers.get("Authorization") != f"Basic {LOGIN}":
            reply(401, WWW_Authenticate='Basic realm="x"')(handler)
            return
        rules, self._faulty._rules = self._faulty._rules, []
        try:
            self._faulty.action(self._faulty.log[-1])(handler)
        finally:
            self._faulty._rules = rules


def test_credentials_stay_behind_where_a_download_is_redirected(
    faulty: FaultyRegistry, context: Make, files: Files, docker: Docker
) -> None:
    layer = pushed(faulty, context, files)
    with FaultyRegistry() as storage:
        storage.rule("GET", "", reply(200, layer))
        faulty.rule(
            "GET", "blobs", reply(307, Location=f"http://{storage.host}/there?signature=s3cr3t")
        )
        _guarded(faulty, docker)
        assert len(pull(faulty, context)) == len(files)
        assert faulty.log[-1].headers["authorization"] == f"Basic {LOGIN}"
        (seen,) = storage.log
        assert "authorization" not in seen.headers
        # Storage that refuses gets no credentials either, and its signed URL is not shown.
        storage._rules.clear()
        storage.rule("GET", "", reply(401, WWW_Authenticate='Basic realm="x"'))
        assert failure(lambda: pull(faulty, context)).exit_status == 4
        storage._rules.clear()
        storage.rule("GET", "", fault.hang_up)
        assert failure(lambda: pull(faulty, context)).exit_status == 6
        assert not [s for s in storage.log if "authorization" in s.headers]


def test_an_upload_elsewhere_gets_no_credentials(
    faulty: FaultyRegistry, context: Make, files: Files, docker: Docker
) -> None:
    with FaultyRegistry() as storage:
        storage.rule("PUT", "", reply(201))
        faulty.rule("POST", "", reply(202, Location=f"http://{storage.host}/there?s=1"))
        _guarded(faulty, docker)
        push(faulty, context, files)
        assert len(storage.log) == 2
        assert all(
            "authorization" not in s.headers and "&digest=sha256:" in s.path for s in storage.log
        )


@pytest.mark.parametrize(
    "location", ["", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://[", "http://h:99999/x", "http://h:x/x"]
)  # fmt: skip
def test_places_that_are_none(
    faulty: FaultyRegistry, context: Make, files: Files, location: str
) -> None:
    pushed(faulty, context, files)
    headers = {"Location": location} if location else {}
    faulty.rule("GET", "blobs", reply(302, **headers))
    error = failure(lambda: pull(faulty, context))
    assert error.exit_status == 6
    faulty.rule("POST", "", reply(202, **headers))
    faulty.blobs.clear()
    assert failure(lambda: push(faulty, context, files)).exit_status == 6


def test_a_location_that_is_no_url_is_not_shown(
    faulty: FaultyRegistry, context: Make, files: Files
) -> None:
    pushed(faulty, context, files)
    faulty.rule("GET", "blobs", reply(302, Location="/a b?s3cr3t=\x01"))
    assert failure(lambda: pull(faulty, context)).exit_status == 6


def test_a_circle_ends(faulty: FaultyRegistry, context: Make) -> None:
    faulty.rule("GET", "", reply(302, Location=f"http://{faulty.host}/again"))
    assert "redirects in a circle" in str(failure(lambda: pull(faulty, context)))
    assert len(faulty.log) == 6


def test_what_changes_something_is_not_redirected(
    faulty: FaultyRegistry, context: Make, files: Files
) -> None:
    faulty.rule("POST", "", reply(307, Location=f"http://{faulty.host}/elsewhere"))
    error = failure(lambda: push(faulty, context, files))
    assert "cannot begin an upload: the registry answers 307" in str(error)


# --- logging in ----------------------------------------------------------------------------------


def test_basic(faulty: FaultyRegistry, context: Make, files: Files, docker: Docker) -> None:
    _guarded(faulty, docker)
    push(faulty, context, files)
    assert "authorization" not in faulty.log[0].headers  # nothing is told before it is asked for
    assert len([s for s in faulty.log if "authorization" not in s.headers]) == 1
    assert len(pull(faulty, context)) == len(files)


@pytest.mark.parametrize(
    "challenge", ['Basic realm="x"', "Bearer", "Digest realm=x", "Negotiate", ""]
)
def test_without_credentials(
    faulty: FaultyRegistry, context: Make, files: Files, challenge: str
) -> None:
    for method in ("GET", "HEAD"):
        faulty.rule(method, "", reply(401, WWW_Authenticate=challenge))
    for call in (lambda: pull(faulty, context), lambda: push(faulty, context, files)):
        error = failure(call)
        assert error.exit_status == 4
        assert f"docker login {faulty.host}" in (error.hint or "")
    assert len(faulty.log) == 2


def test_credentials_that_are_refused(
    faulty: FaultyRegistry, context: Make, docker: Docker
) -> None:
    docker({"auths": {faulty.host: {"auth": LOGIN}}})
    echo = json.dumps({"errors": [{"code": "NO", "message": f"not {LOGIN} nor {SECRET}"}]}).encode()
    faulty.rule("GET", "", reply(401, echo, WWW_Authenticate='Basic realm="x"'))
    error = failure(lambda: pull(faulty, context))
    assert error.exit_status == 4
    assert (
        "cannot pull with the credentials for it: the registry answers 401 (NO: not *** nor ***)"
        in str(error)
    )
    assert len(faulty.log) == 2  # once without, once with


def test_tokens_that_are_never_good(faulty: FaultyRegistry, context: Make, docker: Docker) -> None:
    docker({"auths": {faulty.host: {"auth": LOGIN}}})
    faulty.rule("GET", "/token", reply(200, b'{"token": "s3cr3t"}'))
    bearer = f'Bearer realm="http://{faulty.host}/token",service="x",scope="repository:team/x:pull"'
    faulty.rule("GET", "manifests", reply(401, WWW_Authenticate=bearer))
    assert failure(lambda: pull(faulty, context)).exit_status == 4
    assert len(faulty.seen("GET", "/token")) == 2
    assert len(faulty.seen("GET", "manifests")) == 3


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (reply(200, b"<html>"), 4),
        (reply(200, b"[]"), 4),
        (reply(200, b'{"token": 5}'), 4),
        (reply(200, b"{}"), 4),
        (reply(200, b'{"token": "a\\nX-Evil: s3cr3t"}'), 4),
        (reply(200, b'{"token": "s3cr3t \xc3\xbc"}'), 4),
        (reply(200, b" " * 2_000_000), 4),
        (reply(401), 4),
        (reply(403), 4),
        (reply(404), 3),
        (reply(429), 7),
        (reply(500), 6),
        (reply(302, Location="http://127.0.0.1:1/"), 6),
        (fault.hang_up, 6),
    ],
)
def test_token_servers_that_fail(
    faulty: FaultyRegistry, context: Make, answer: fault.Action, status: int
) -> None:
    faulty.rule("GET", "/token", answer)
    faulty.rule(
        "GET",
        "manifests",
        reply(401, WWW_Authenticate=f'Bearer realm="http://{faulty.host}/token"'),
    )
    assert failure(lambda: pull(faulty, context)).exit_status == status


@pytest.mark.parametrize(
    "realm", ["", "ftp://x/", "file:///etc/passwd", "http://", "http://[", "/token"]
)
def test_token_servers_that_are_none(faulty: FaultyRegistry, context: Make, realm: str) -> None:
    faulty.rule("GET", "manifests", reply(401, WWW_Authenticate=f'Bearer realm="{realm}"'))
    error = failure(lambda: pull(faulty, context))
    assert error.exit_status == 4
    assert "a place that is not safe" in str(error)


def test_a_token_that_runs_out_is_renewed(
    faulty: FaultyRegistry, context: Make, files: Files
) -> None:
    push(faulty, context, files)
    bearer = reply(401, WWW_Authenticate=f'Bearer realm="http://{faulty.host}/token"')
    faulty.rule("GET", "/token", reply(200, b'{"access_token": "first"}'), times=1)
    faulty.rule("GET", "/token", reply(200, b'{"token": "second"}'), times=1)
    faulty.rule("GET", "manifests", bearer, times=1)
    faulty.rule("GET", "blobs", bearer, times=1)
    assert len(pull(faulty, context)) == len(files)
    assert faulty.log[-1].headers["authorization"] == "Bearer second"


def test_a_token_of_the_configuration_is_used_as_it_is(
    faulty: FaultyRegistry, context: Make, files: Files, docker: Docker
) -> None:
    push(faulty, context, files)
    docker({"auths": {faulty.host: {"registrytoken": "s3cr3t"}}})
    faulty.rule(
        "GET", "manifests", reply(401, WWW_Authenticate='Bearer realm="http://x/"'), times=1
    )
    assert len(pull(faulty, context)) == len(files)
    assert faulty.log[-1].headers["authorization"] == "Bearer s3cr3t"
