"""The emulated cluster as a test sees it: objects, users, faults, what was asked. Use it as a context manager."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from emulated_cluster.faults import Faults
from emulated_cluster.kinds import BUILT_IN, Kind
from emulated_cluster.logs import Log
from emulated_cluster.objects import Objects
from emulated_cluster.proxied import Backends
from emulated_cluster.rbac import ADMIN, Access, Rule, bound_rules
from emulated_cluster.reactions import Reactions
from emulated_cluster.server import Server
from emulated_cluster.verbatim import Verbatim

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from emulated_cluster.api import Asked

    Item = dict[str, Any]

VERSION = {
    "major": "1", "minor": "33", "gitVersion": "v1.33.4", "gitCommit": "c", "gitTreeState": "clean",
    "buildDate": "2025-01-01T00:00:00Z", "goVersion": "go1.24.4", "compiler": "gc",
    "platform": "linux/amd64",
}  # fmt: skip


class FakeCluster:
    """One API server on the loopback interface, with the namespaces ``default`` and ``kube-system``.

    ``requests`` is everything that was asked, ``denied`` what somebody had no right to; ``faults`` what goes wrong;
    ``admission`` functions ``(verb, kind, object)`` that may raise ``Refused``; ``reactions`` what happens when objects
    appear; ``raw`` the answers of paths (GET) word for word; ``backends`` the services behind the API server's proxy;
    ``aggregated`` false hides aggregated discovery; ``anonymous`` is who asks without a token (kubectl sends none over
    plain HTTP), by default nobody.
    """

    def __init__(self) -> None:
        self.objects = Objects()
        self.faults = Faults()
        self.requests: list[Asked] = []
        self.denied: list[Access] = []
        self.admission: list[Callable[[str, Kind, Item], None]] = []
        self.logs: dict[tuple[str, str, str], Log] = {}
        self.reactions = Reactions(self)
        self.raw = Verbatim()
        self.backends = Backends()
        self.version: Item = dict(VERSION)
        self.aggregated = True
        self.anonymous = ""
        self._kinds = list(BUILT_IN)
        self._users: dict[str, str] = {"admin-token": "admin"}
        self._rules: dict[str, tuple[Rule, ...]] = {"admin": ADMIN}
        for name in ("default", "kube-system"):
            self.add(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name,
                 "labels": {"kubernetes.io/metadata.name": name}}, "status": {"phase": "Active"}}
            )  # fmt: skip
        self.server = Server(self)

    def __enter__(self) -> FakeCluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the server, and every log that is followed."""
        for log in list(self.logs.values()):
            log.close()
        self.server.stop()

    # --- what is served ---------------------------------------------------------------------------

    def serve(self, *kinds: Kind) -> None:
        """Serve further (custom) resources, after the built-in ones."""
        self._kinds.extend(kinds)

    def served(self) -> list[Kind]:
        """Every resource."""
        return self._kinds

    def kind(self, group: str, version: str, plural: str) -> Kind | None:
        """Find a resource by its path."""
        for kind in self._kinds:
            if (kind.group, kind.version, kind.plural) == (group, version, plural):
                return kind
        return None

    @property
    def by_plural(self) -> dict[str, Kind]:
        """Built-in resources by their plural name."""
        return {kind.plural: kind for kind in BUILT_IN}

    def kind_of(self, item: Item) -> Kind:
        """Find the resource of an object."""
        for kind in self._kinds:
            if (kind.api_version, kind.kind) == (item.get("apiVersion"), item.get("kind")):
                return kind
        raise LookupError(f"{item.get('apiVersion')} {item.get('kind')} is not served")

    # --- objects ----------------------------------------------------------------------------------

    def add(self, item: Item) -> Item:
        """Put an object there, status and all; its namespace is made when it is missing."""
        kind = self.kind_of(item)
        item = copy.deepcopy(item)
        if kind.namespaced:
            namespace = item["metadata"].setdefault("namespace", "default")
            spaces = self.by_plural["namespaces"]
            if namespace not in {i["metadata"]["name"] for i in self.objects.all(spaces)}:
                self.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        return self.objects.create(kind, item)

    def all(self, plural: str, namespace: str = "") -> list[Item]:
        """The objects of a built-in kind."""
        return self.objects.all(self.by_plural[plural], namespace)

    def get(self, plural: str, namespace: str, name: str) -> Item:
        """One object of a built-in kind; raises Refused(404)."""
        return self.objects.get(self.by_plural[plural], namespace, name)

    def log(self, namespace: str, pod: str, container: str) -> Log:
        """The log of a container; made when it is missing."""
        return self.logs.setdefault((namespace, pod, container), Log())

    # --- users ------------------------------------------------------------------------------------

    def user(self, name: str, rules: Iterable[Rule] = ()) -> str:
        """Make a user with these rights besides what role bindings give; gives the token."""
        self._users[f"{name}-token"] = name
        self._rules[name] = tuple(rules)
        return f"{name}-token"

    def service_account(self, namespace: str, name: str) -> str:
        """Give the token of a service account: its rights are those of the role bindings in the cluster."""
        return self.user(f"system:serviceaccount:{namespace}:{name}")

    def user_of(self, authorization: str) -> str:
        """Whose token this is; empty for nobody's."""
        if not authorization:
            return self.anonymous
        word, _, token = authorization.partition(" ")
        return self._users.get(token.strip(), "") if word.lower() == "bearer" else ""

    def rules(self, user: str) -> tuple[Rule, ...]:
        """All rights of a user."""
        return (*self._rules.get(user, ()), *bound_rules(self.objects, self.by_plural, user))

    # --- for the caller ---------------------------------------------------------------------------

    def kubeconfig(self, path: pathlib.Path, token: str = "admin-token") -> str:
        """Write a kubeconfig for a token; gives its path."""
        return write_kubeconfig(path, self.server.url, token)

    def asked(self, method: str = "") -> list[str]:
        """Method and path of what was asked, in order."""
        return [a.line for a in list(self.requests) if not method or a.method == method]


def write_kubeconfig(path: pathlib.Path, server: str, token: str = "admin-token") -> str:
    """Write a kubeconfig with one context; gives its path."""
    path.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n"
        f"clusters:\n- name: test\n  cluster:\n    server: {server}\n"
        f"users:\n- name: test\n  user:\n    token: {token}\n"
        "contexts:\n- name: test\n  context:\n    cluster: test\n    user: test\n"
    )
    return str(path)
