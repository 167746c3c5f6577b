"""Credentials from Docker's configuration: ``$DOCKER_CONFIG/config.json``, else ``~/.docker/config.json``.

A credential helper for the registry (``credHelpers``) comes first, else the store for all of them (``credsStore``),
then what the file itself holds (``auths``). They are looked up only when a registry asks, so a helper that needs a
person is not started for a public one. Nothing is ever written, and no secret is part of a message.
"""

from __future__ import annotations

import base64
import json
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, Code
from aicr_oci.reference import HUB, HUB_API

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.api import Context

_HUB_KEY = "https://index.docker.io/v1/"
_HUB_NAMES = {HUB, HUB_API, "index.docker.io"}
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HELPER_SECONDS = 60.0
_NOT_FOUND = b"credentials not found"
"""What every helper prints when it simply has none: fixed by Docker's helper protocol."""


class Credentials(NamedTuple):
    """A user with a password; or an identity token, which is traded for others; or a token that is used as it is."""

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""

    @property
    def basic(self) -> str:
        """Give user and password in the form that HTTP wants."""
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    def secrets(self) -> set[str]:
        """Give every text that must not be shown."""
        found = {self.password, self.identity_token, self.registry_token}
        return {text for text in found if text} | ({self.basic} if self.password else set())


def find(ctx: Context, host: str) -> Credentials | None:
    """Give the credentials for a registry, None when there are none.

    Raises AicrError: INVALID_REQUEST for a broken configuration, UNAUTHORIZED or NOT_FOUND for a helper that
    fails or is not there.
    """
    env = os.environ if ctx.settings is None else ctx.settings.env
    path = _path(env)
    config = _read(path)
    helpers = config.get("credHelpers")
    name = helpers.get(host) if isinstance(helpers, dict) else None
    name = name or config.get("credsStore")
    if name:
        found = _ask(ctx, name, host, path, env)
        if found is not None:
            return found
    return _from_file(config.get("auths"), host, path)


def _path(env: Mapping[str, str]) -> str:
    home = env.get("HOME") or os.path.expanduser("~")
    return os.path.join(env.get("DOCKER_CONFIG") or os.path.join(home, ".docker"), "config.json")


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as stream:
            config = json.loads(stream.read())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise AicrError(
            Code.UNAUTHORIZED, f"cannot read the credentials: {error.strerror}", where=path
        ) from None
    except (ValueError, RecursionError):
        raise _broken(path, "it is no JSON") from None
    if not isinstance(config, dict):
        raise _broken(path, "it is no JSON object")
    return config


def _broken(path: str, reason: str) -> AicrError:
    return AicrError(
        Code.INVALID_REQUEST, f"the credentials cannot be used: {reason}", where=path,
        hint="mend the file, or log in again with `docker login`",
    )  # fmt: skip


def _ask(
    ctx: Context, name: Any, host: str, path: str, env: Mapping[str, str]
) -> Credentials | None:
    if not isinstance(name, str) or not _HELPER.fullmatch(name):
        raise _broken(path, "a credential helper has no proper name")
    program = f"docker-credential-{name}"
    key = _HUB_KEY if host == HUB else host
    done = ctx.run(
        [program, "get"], stdin=key.encode(), check=False, env=env, timeout=_HELPER_SECONDS
    )
    if done.status:
        if _NOT_FOUND in done.stdout:
            return None
        raise AicrError(
            Code.UNAUTHORIZED, f"{program} failed with status {done.status}", where=path,
            hint=f"see why: echo {key} | {program} get",
        )  # fmt: skip
    try:
        document = json.loads(done.stdout)
        user, secret = str(document["Username"]), str(document["Secret"])
    except (ValueError, LookupError, TypeError, RecursionError):
        raise AicrError(
            Code.UNAUTHORIZED, f"{program} gave no credentials as JSON", where=path
        ) from None
    return Credentials(identity_token=secret) if user == "<token>" else Credentials(user, secret)


def _from_file(auths: Any, host: str, path: str) -> Credentials | None:
    names = _HUB_NAMES if host == HUB else {host}
    entries = auths if isinstance(auths, dict) else {}
    for key in sorted(entries, key=lambda key: (key != host, key)):
        entry = entries[key]
        if _host_of(key) in names and isinstance(entry, dict):
            found = _entry(entry, f"{path}: auths[{json.dumps(key)}]")
            if found is not None:
                return found
    return None


def _host_of(key: str) -> str:
    """Give the host of a key, which older tools wrote as a URL."""
    return key.lower().removeprefix("https://").removeprefix("http://").partition("/")[0]


def _entry(entry: dict[str, Any], where: str) -> Credentials | None:
    user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if entry.get("auth"):
        try:
            text = base64.b64decode(str(entry["auth"]), validate=True).decode()
        except ValueError:
            raise _broken(where, '"auth" is no base64 text') from None
        user, colon, password = text.partition(":")
        if not colon:
            raise _broken(where, '"auth" holds no user and password')
        password = password.rstrip("\0")
    found = Credentials(
        user, password,
        str(entry.get("identitytoken") or ""), str(entry.get("registrytoken") or ""),
    )  # fmt: skip
    return found if any(found) else None
