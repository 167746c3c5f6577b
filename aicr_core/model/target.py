"""What a check works on: recipe, snapshot and cluster, and the objects it makes there. Thread-safe.

Reads go through :meth:`Target.get` and :meth:`Target.list`, which ask the server once in a phase for the same thing;
what has to be seen changing is asked for with :attr:`Target.cluster`. What a check creates, it creates with
:meth:`Target.create`: the deletion is noted before the object is made, and the core carries it out whatever happens.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, TypeVar

from aicr_core.kit import limits
from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.check import Evidence
from aicr_core.model.ledger import Ledger
from aicr_core.model.reads import Reads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aicr_core.kit.run import Context
    from aicr_core.model.cluster import Cluster

    Object = dict[str, Any]

T = TypeVar("T")
RUN_LABEL = "aicr.run/run-id"
"""On everything a run creates."""
_TICK = 0.2
"""Seconds between two looks at the cancellation while a check waits."""
MANAGED = {"app.kubernetes.io/name": "aicr", "app.kubernetes.io/managed-by": "aicr"}


def is_leaving(item: Mapping[str, Any]) -> bool:
    """Tell whether an object has been deleted and waits for what holds it to let go."""
    return bool((item.get("metadata") or {}).get("deletionTimestamp"))


class Target:
    """What ``call(ctx, target)`` of a check gets.

    ``recipe`` and ``snapshot`` are documents, shared: do not change them. ``namespace`` is where objects of the run go,
    ``run`` its id. ``constraints`` are the expressions of the check's phase by name. ``asserts`` are the health-check
    assertions by component, ``profiles`` the catalogue's benchmark profiles for this check. ``node_selector``,
    ``tolerations`` and ``image_pull_secrets`` are what the user wants on pods; ``nodes`` (selector, maxNodes,
    excludeNodes) which nodes the phase is about; ``pace`` stretches every wait.
    """

    def __init__(
        self,
        ctx: Context,
        cluster: Cluster,
        *,
        recipe: Mapping[str, Any],
        snapshot: Mapping[str, Any],
        namespace: str,
        run: str,
        constraints: Mapping[str, str] | None = None,
        asserts: Mapping[str, str] | None = None,
        profiles: Sequence[Mapping[str, Any]] = (),
        nodes: Mapping[str, Any] | None = None,
        node_selector: Mapping[str, str] | None = None,
        tolerations: Sequence[Mapping[str, Any]] = (),
        image_pull_secrets: Sequence[str] = (),
        reads: Reads | None = None,
        ledger: Ledger | None = None,
        pace: float = 1.0,
    ) -> None:
        self.ctx = ctx
        self.cluster = cluster
        self.recipe = recipe
        self.snapshot = snapshot
        self.namespace = namespace
        self.run = run
        self.constraints = constraints or {}
        self.asserts = asserts or {}
        self.profiles = tuple(profiles)
        self.nodes = nodes or {}
        self.node_selector = node_selector or {}
        self.tolerations = tuple(tolerations) or ({"operator": "Exists"},)
        self.image_pull_secrets = tuple(image_pull_secrets)
        self._reads = reads or Reads()
        self._ledger = ledger or Ledger()
        self.pace = pace
        self._evidence: list[Evidence] = []

    # --- the recipe -------------------------------------------------------------------------------

    @property
    def components(self) -> Sequence[Mapping[str, Any]]:
        """The recipe's component references, in its order."""
        return self.recipe.get("componentRefs") or ()

    def component(self, name: str) -> Mapping[str, Any] | None:
        """Give a component reference, or None when the recipe has no such component."""
        return next((ref for ref in self.components if ref.get("name") == name), None)

    def criteria(self, dimension: str) -> str:
        """Give the recipe's value of a criteria dimension; empty when it has none."""
        return str((self.recipe.get("criteria") or {}).get(dimension) or "")

    # --- evidence ---------------------------------------------------------------------------------

    def evidence(self, label: str, text: str, command: str = "") -> None:
        """Keep what was seen, for the report; ``command`` shows a person the same. It stays if the check raises."""
        self._evidence.append(Evidence(label, text, command))

    @property
    def ledger(self) -> Ledger:
        """What the check has made, for the core's clean-up."""
        return self._ledger

    @property
    def seen(self) -> tuple[Evidence, ...]:
        """The evidence so far."""
        return tuple(self._evidence)

    # --- reading ----------------------------------------------------------------------------------

    def get(self, api_version: str, resource: str, name: str, namespace: str = "") -> Object:
        """Give an object, as it was when first asked for in this phase. Raises AicrError(NOT_FOUND)."""
        path = self.cluster.path(api_version, resource, namespace=namespace, name=name)
        found: Object = self._reads.once(
            (path,), lambda: self.cluster.get(path), self.ctx.remaining
        )
        return found

    def find(
        self, api_version: str, resource: str, name: str, namespace: str = ""
    ) -> Object | None:
        """Give an object as :meth:`get` does, or None when it is not there; other errors are raised."""
        try:
            return self.get(api_version, resource, name, namespace)
        except AicrError as error:
            if error.code is Code.NOT_FOUND:
                return None
            raise

    def list(
        self,
        api_version: str,
        resource: str,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        keep: Callable[[Object], Any] | None = None,
    ) -> Sequence[Any]:
        """Give the objects of a collection as they were when first asked for in this phase.

        ``keep`` makes of each object what is needed of it (None: leave it out), so that a large collection is never in
        memory whole; callers that share a list share the function.
        """
        path = self.cluster.path(api_version, resource, namespace=namespace)
        key = (path, labels, fields, keep)  # the function itself: two lambdas have one name

        def ask() -> list[Any]:
            found = self.cluster.list(path, label_selector=labels, field_selector=fields)
            if keep is None:
                return list(found)
            return [kept for item in found if (kept := keep(item)) is not None]

        answer: list[Any] = self._reads.once(key, ask, self.ctx.remaining)
        return answer

    def service(self, namespace: str, name: str, port: int, path: str, **query: str) -> str:
        """Give what an HTTP service inside the cluster answers, through the API server's proxy; up to 1 MiB."""
        proxy = self.cluster.path(
            "v1", "services", namespace=namespace, name=f"{name}:{port}", sub="proxy"
        )
        return self.cluster.text(f"{proxy}/{path.lstrip('/')}", query=query)

    # --- making -----------------------------------------------------------------------------------

    @staticmethod
    def suffix() -> str:
        """Give eight random hexadecimal digits, for names of objects."""
        return secrets.token_hex(4)

    def create(self, resource: str, body: Mapping[str, Any]) -> Object:
        """Create an object that is deleted when the check ends; it gets the labels of the run.

        ``resource`` is the plural name; group version, namespace and name are those of ``body``.
        """
        metadata = body["metadata"]
        namespace = metadata.get("namespace", "")
        collection = self.cluster.path(body["apiVersion"], resource, namespace=namespace)
        path = self.cluster.path(
            body["apiVersion"], resource, namespace=namespace, name=metadata["name"]
        )
        labels = {**MANAGED, **(metadata.get("labels") or {}), RUN_LABEL: self.run}
        self._ledger.note(path)
        try:
            made = self.cluster.create(
                collection, {**body, "metadata": {**metadata, "labels": labels}}
            )
        except AicrError as error:
            if 400 <= getattr(error, "status", 0) < 500:
                self._ledger.forget(path)  # the server refused it: there is nothing to delete
            raise
        uid = str((made.get("metadata") or {}).get("uid") or "")
        if not self._ledger.made(path, uid):
            # The clean-up may have come before the object: then nobody else will delete it.
            self.cluster.within(limits.CLEAN_UP).delete(path, uid=uid, missing_ok=True)
            raise AicrError(Code.TIMEOUT, "the check was given up; it makes no more objects")
        return made

    def ensure_namespace(self, name: str) -> None:
        """Make a namespace unless it is there; one that was made is deleted when the check ends.

        One that somebody has deleted is waited for until it is gone. Raises AicrError(TIMEOUT) when it does not go.
        It takes the rights to create, get and delete the namespace.
        """
        path = self.cluster.path("v1", "namespaces", name=name)
        wanted = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}

        def usable() -> bool | None:
            try:
                self.create("namespaces", wanted)
                return True
            except AicrError as error:
                if getattr(error, "status", 0) != 409:
                    raise
            try:
                return None if is_leaving(self.cluster.get(path)) else True
            except AicrError as error:
                if error.code is Code.NOT_FOUND:
                    return None  # it went between the two requests
                if error.code is Code.UNAUTHORIZED:
                    return True  # who may not look finds out when making something in it
                raise

        # The rest of the time is for saying what was seen.
        if self.wait(min(limits.VANISH, self.ctx.remaining() * 0.9), 1.0, usable) is None:
            raise AicrError(
                Code.TIMEOUT, f"namespace {name} is being deleted, and does not go",
                hint=f"see what holds it: kubectl get namespace {name} -o yaml",
            )  # fmt: skip

    def delete(self, api_version: str, resource: str, name: str, namespace: str = "") -> None:
        """Delete an object of this check before its end."""
        path = self.cluster.path(api_version, resource, namespace=namespace, name=name)
        self.cluster.delete(path, missing_ok=True)
        self._ledger.forget(path)

    # --- waiting ----------------------------------------------------------------------------------

    def wait(self, limit: float, every: float, probe: Callable[[], T | None]) -> T | None:
        """Ask ``probe`` every ``every`` seconds until it answers something, for at most ``limit`` seconds.

        None when it never did. Raises AicrError(TIMEOUT) when the check's own time is over or the run is cancelled.
        """
        end = time.monotonic() + limit * self.pace
        while True:
            answer = probe()
            if answer is not None:
                return answer
            self._go_on()
            if time.monotonic() >= end:
                return None
            again = min(end, time.monotonic() + every * self.pace)
            while (left := again - time.monotonic()) > 0:
                time.sleep(min(left, _TICK, self.ctx.remaining()))
                self._go_on()

    def _go_on(self) -> None:
        if self.ctx.cancelled or not self.ctx.remaining():
            raise AicrError(Code.TIMEOUT, "the time of the check is over")
