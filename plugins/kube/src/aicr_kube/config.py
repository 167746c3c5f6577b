"""Which cluster: find the kubeconfig and make the one transport of it.

The order is: the argument, ``KUBECONFIG`` (several files are merged), ``~/.kube/config``, the pod's own service
account (spec/snapshot.md 6.1). The official client reads the files and does the authentication; its module-wide
default configuration is never touched. Nothing is written to the user's files.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from aicr_core.api import Code, __version__
from aicr_kube.failures import KubeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubernetes.client.api_client import ApiClient

POOL = 64
"""Connections kept: more than requests run at once, because followed logs keep theirs."""


def api_client(kubeconfig: str, context: str, env: Mapping[str, str], timeout: float) -> ApiClient:
    """Give the transport for a cluster; a program that gives credentials gets ``timeout`` seconds.

    Raises KubeError: NOT_FOUND for a file or context that is not there and when there is no cluster at all,
    INVALID_REQUEST for a malformed file, UNAUTHORIZED when the credential program gives nothing, TIMEOUT.
    """
    files = _files(kubeconfig, env)
    outcome: list[Any] = []

    def load() -> None:
        try:
            outcome.append(_load(files, context, env))
        except Exception as error:
            outcome.append(error)

    # A kubeconfig may run a credential program, which the official client waits for without a limit.
    thread = threading.Thread(target=load, daemon=True, name="kubeconfig")
    thread.start()
    thread.join(timeout)
    if not outcome:
        raise KubeError(
            Code.TIMEOUT,
            "the credential program of the kubeconfig gave no answer",
            reason="Timeout",
            where=_named(files),
            hint="run it by hand: it may wait for a login",
        )
    if isinstance(outcome[0], KubeError):
        raise outcome[0]
    if isinstance(outcome[0], Exception):
        raise _malformed(outcome[0], files)
    client: ApiClient = outcome[0]
    return client


def _files(kubeconfig: str, env: Mapping[str, str]) -> list[str]:
    """Give the files to read; empty means in-cluster."""
    home = env.get("HOME", "")
    if kubeconfig:
        path = os.path.join(home, kubeconfig[2:]) if kubeconfig[:2] == "~/" else kubeconfig
        if not os.path.exists(path):
            raise _missing(path, "--kubeconfig")
        return [path]
    listed = [path for path in env.get("KUBECONFIG", "").split(os.pathsep) if path.strip()]
    if listed:
        there = [path for path in listed if os.path.exists(path)]
        if not there:
            raise _missing(os.pathsep.join(listed), "KUBECONFIG")
        return there
    default = os.path.join(home, ".kube", "config")
    return [default] if home and os.path.exists(default) else []


def _load(files: list[str], context: str, env: Mapping[str, str]) -> ApiClient:
    from kubernetes.client.api_client import ApiClient
    from kubernetes.client.configuration import Configuration

    configuration = Configuration()
    configuration.host = (
        ""  # its default is localhost: a kubeconfig without a server must not ask that
    )
    if files:
        from kubernetes.config.kube_config import load_kube_config

        load_kube_config(
            config_file=os.pathsep.join(files),
            context=context or _current(files),
            client_configuration=configuration,
            persist_config=False,
        )
        _check_server(files, configuration.host)
        _check_credentials(files, context or _current(files), configuration)
    elif env.get("KUBERNETES_SERVICE_HOST"):
        from kubernetes.config.incluster_config import load_incluster_config

        load_incluster_config(client_configuration=configuration)
    else:
        raise KubeError(
            Code.NOT_FOUND,
            "there is no cluster to ask: no --kubeconfig, no KUBECONFIG, no ~/.kube/config, and this is no pod",
            reason="NoConfiguration",
            hint="name a kubeconfig with --kubeconfig",
        )
    configuration.retries = False  # how often is our decision
    configuration.connection_pool_maxsize = POOL
    client = ApiClient(configuration)
    client.user_agent = f"aicr/{__version__}"
    return client


def _current(files: list[str]) -> str | None:
    """Give the context that kubectl takes: of the first file that names one; the client takes the last."""
    from kubernetes.config.kube_config import KubeConfigMerger

    for path in files:
        merged = KubeConfigMerger(path).config
        name = merged.safe_get("current-context") if merged is not None else None
        if name:
            return str(name)
    return None


def _check_server(files: list[str], host: str) -> None:
    if not host.startswith(("http://", "https://")):
        raise KubeError(
            Code.INVALID_REQUEST,
            f'"{host}" is no address of a server' if host else "the cluster has no server",
            reason="NoConfiguration",
            where=_named(files),
            hint="the server of a cluster is an https:// address",
        )


def _check_credentials(files: list[str], context: str | None, configuration: Any) -> None:
    """Refuse to go on anonymously where the credential program failed: the client only logs that."""
    from kubernetes.config.kube_config import KubeConfigMerger

    merged = KubeConfigMerger(os.pathsep.join(files)).config
    if merged is None or not context:
        return
    user = merged["contexts"].get_with_name(context)["context"].safe_get("user")
    entry = merged["users"].get_with_name(user, safe=True) if user else None
    if entry is None or "exec" not in entry["user"]:
        return
    if not configuration.api_key and not configuration.cert_file:
        raise KubeError(
            Code.UNAUTHORIZED,
            f'the credential program of user "{user}" gave no credentials',
            reason="Unauthorized",
            where=_named(files),
            hint="run it by hand, or log in again",
        )


def _missing(path: str, asked: str) -> KubeError:
    return KubeError(
        Code.NOT_FOUND,
        f"{asked} names a file that is not there",
        reason="NoConfiguration",
        where=path,
        hint="name a kubeconfig that exists",
    )


def _malformed(error: Exception, files: list[str]) -> KubeError:
    if isinstance(error, OSError):
        text = f"cannot read it: {error.strerror or error}"
    else:
        said = " ".join(str(error).split())
        text = f"not a usable kubeconfig: {said or type(error).__name__}"
    return KubeError(
        Code.INVALID_REQUEST,
        text,
        reason="NoConfiguration",
        where=_named(files),
        hint="try `kubectl config view` with the same file",
    )


def _named(files: list[str]) -> str:
    return os.pathsep.join(files) or "the pod's service account"
