"""What a run made in the cluster, noted before it is made, and removed whatever happens (spec/snapshot.md 14.3).

Only what carries this run's id is ever deleted, by its UID, so that an object of the same name that somebody else made
stays.
"""

from __future__ import annotations

import shlex
import threading
import time
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code
from aicr_kube.jobs import names
from aicr_kube.jobs.api import collection_of, is_outage, status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aicr_kube.jobs.api import Api

Object = dict[str, Any]


class Ledger:
    """The objects of one run. Safe to use from several threads."""

    def __init__(
        self, api: Api, run: str, *, patience: float, pause: float, kubeconfig: str = ""
    ) -> None:
        self._api = api
        self._run = run
        self._patience = patience
        self._pause = pause
        self._kubeconfig = kubeconfig
        self._lock = threading.Condition()
        self._busy: set[str] = set()
        """What a thread is removing right now."""
        self._made: dict[str, str] = {}
        self._guards: dict[str, Callable[[Object], bool]] = {}

    def create(self, item: Object, *, removable: Callable[[Object], bool] | None = None) -> Object:
        """Create an object; ``removable`` decides at the end whether it may go.

        An API server that does not answer is asked again; what an unanswered request made is taken as ours when
        it carries our run id. Raises AicrError.
        """
        path = collection_of(item)
        place = f"{path}/{item['metadata']['name']}"
        with self._lock:
            self._made[place] = ""
            if removable is not None:
                self._guards[place] = removable
        end = time.monotonic() + self._patience
        while True:
            try:
                made = self._api.create(path, item)
                break
            except AicrError as error:
                if status(error) == 409:
                    made = self._adopted(place, error)
                    break
                if not is_outage(error):
                    self.forget(place)
                    raise
                if time.monotonic() >= end:
                    raise
                time.sleep(self._pause)
        with self._lock:
            self._made[place] = str(made["metadata"]["uid"])
        return made

    def _adopted(self, place: str, error: AicrError) -> Object:
        found = self._api.find(place)
        if found is not None and names.is_of(found, self._run):
            return found
        self.forget(place)
        raise AicrError(
            Code.INTERNAL, "an object of that name is there, made by somebody else", where=place
        ) from error

    def forget(self, place: str) -> None:
        """Take an object off the list: it was never made, or is to stay."""
        with self._lock:
            self._made.pop(place, None)

    def remove(self, place: str) -> None:
        """Delete one object now. Raises AicrError; the object then stays on the list."""
        with self._lock:
            if place in self._busy:
                self._lock.wait_for(lambda: place not in self._busy)
            if place not in self._made:
                return
            self._busy.add(place)
            uid = self._made[place]
        try:
            uid = self._removable(place, uid)
            if uid:
                self._api.delete(place, uid)
            self.forget(place)
        finally:
            with self._lock:
                self._busy.discard(place)
                self._lock.notify_all()

    def _removable(self, place: str, uid: str) -> str:
        """Give the UID to delete; empty when the object is not there, not ours, or to stay."""
        guard = self._guards.get(place)
        if uid and guard is None:
            return uid
        found = self._api.find(place)
        if found is None or not names.is_of(found, self._run) or (guard and not guard(found)):
            return ""
        return str(found["metadata"]["uid"])

    def clean(self) -> list[AicrError]:
        """Delete everything, last made first; give what went wrong. An interrupt is raised at once."""
        with self._lock:
            places = list(reversed(self._made))
        problems = []
        for place in places:
            try:
                self.remove(place)
            except AicrError as error:
                problems.append(error)
        return problems

    def commands(self) -> tuple[str, ...]:
        """Give the commands that delete what is still there."""
        with self._lock:
            places: Sequence[str] = list(reversed(self._made))
        return tuple(delete_command(place, self._kubeconfig) for place in places)


def delete_command(place: str, kubeconfig: str = "") -> str:
    """Give the kubectl command that deletes the object at a path."""
    parts = place.strip("/").split("/")
    plural, name = parts[-2:]
    # api/v1/... is the core group; apis/GROUP/VERSION/... any other, which makes the resource's name unambiguous.
    resource = plural if parts[0] == "api" else f"{plural}.{parts[1]}"
    words = ["kubectl"]
    if kubeconfig:
        words += ["--kubeconfig", kubeconfig]
    if "namespaces" in parts[:-2]:
        words += ["-n", parts[parts.index("namespaces") + 1]]
    return shlex.join([*words, "delete", resource, name])
