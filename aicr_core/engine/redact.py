"""Take secrets out of a snapshot before it is written anywhere (spec/snapshot.md 14.7, 14.8).

``standard`` replaces what may be a secret by a keyed digest, so that equal values stay comparable inside one run
and nothing else can be learnt. ``minimal`` keeps an allow-list only, for sharing outside. ``none`` changes nothing.
Doing it twice changes nothing more. Identifiers (node names, serials) are no secrets: ``standard`` keeps them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Document = dict[str, Any]
POLICIES = ("standard", "minimal", "none")
# Bare words of kernel command lines that tell nothing.
_FLAGS = frozenset(
    ["ro", "rw", "quiet", "splash", "single", "debug", "nomodeset", "nosmt", "noapic", "nofb"]
)
_MARK = re.compile(r"<redacted:[0-9a-f]{8}>")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET = frozenset(
    ["pass", "password", "pwd", "psk", "passwd", "passphrase", "passwords", "secret", "secrets", "token", "tokens",
     "credential", "credentials", "apikey", "privatekey", "accesskey", "authorization"]
)  # fmt: skip
_PAIRS = frozenset([("api", "key"), ("private", "key"), ("access", "key"), ("pass", "word")])
# Boot parameters, in both forms in which they are recorded.
_BOOT = ("OS.grub.", "OS.cmdline.")
# Seeds of first-boot configuration: the whole value is where a machine's secrets come from.
_SEEDS = frozenset(["ds", "seedfrom", "cloud-config-url", "ci.ds"])
# Keys here are names of images, releases and modules, not of settings: a "secrets-store" is no secret.
_NAMES = ("K8s.image.", "K8s.images.", "K8s.helm.", "OS.kmod.")
_NAME = r"(?:pass(?:word|wd|phrase)?|secrets?|tokens?|credentials?|api[-_]?key|private[-_]?key|access[-_]?key)"
_VALUE = r"""("[^"]*"|'[^']*'|[^\s"',;&\]})]+)"""
_ASSIGNED = re.compile(rf"(?i)((?:[\w.]+[-_.])?{_NAME}(?:[-_][\w.-]*)?\s*[=:]\s*){_VALUE}")
_OPTION = re.compile(rf"(?i)(--?(?:[\w.]+[-_.])?{_NAME}(?:[-_]\w+)?\s+){_VALUE}")
# user:password@host without a scheme in front; an image's tag before its digest looks alike.
_ACCOUNT = re.compile(r"(?<![\w/@.<-])([\w.-]+:)([^\s:@/,;<>\"']{3,})(@)(?!sha[0-9])")
_SIGNED = re.compile(r"([?&](?:sig|signature|x-amz-[a-z-]+)=)([^\s&\"']+)", re.IGNORECASE)
# Tokens that tell what they are by their shape: access keys of services, JSON web tokens.
_SHAPES = re.compile(
    r"()(gh[pousr]_\w{20,}|AKIA[0-9A-Z]{16}|xox[abp]-[\w-]{10,}|eyJ[\w-]{10,}\.[\w-]{4,}\.[\w-]{4,})"
)
_USER_INFO = re.compile(r"(://)([^\s/@\"']+)(@)")
_HEADER = re.compile(
    r"(?i)((?:authorization\s*[:=]\s*)?\b(?:bearer|basic)\s+|authorization\s*[:=]\s*)([\w.~+/=-]{4,})"
)
_PEM = re.compile(r"(-----BEGIN [A-Z0-9 ]+-----)(.*?)(-----END [A-Z0-9 ]+-----|$)", re.DOTALL)

ALLOWED: dict[str, tuple[str, ...]] = {
    "K8s.server": ("version", "platform", "goVersion"),
    "K8s.node": (
        "provider", "kubelet-version", "kernel-version", "operating-system", "os-image",
        "container-runtime-name", "container-runtime-version",
    ),
    "GPU.hardware": ("gpu-present", "gpu-count", "driver-loaded", "detection-source", "model"),
    "GPU.smi": ("driver", "cuda-version", "gpu-count", "gpu.model"),
    "OS.release": ("ID", "ID_LIKE", "NAME", "PRETTY_NAME", "VERSION", "VERSION_ID", "VERSION_CODENAME"),
    "NodeTopology.summary": ("node-count", "taint-count", "label-count"),
}  # fmt: skip
"""What ``minimal`` keeps: subtype -> keys."""


def apply(document: Document, policy: str, key: str) -> Document:
    """Give ``document`` by ``policy``; the policy is noted in its metadata.

    ``key`` makes the digests: one key for all documents that are to be compared, a fresh one for each run.
    """
    if policy == "none":
        return document
    redactor = _Redactor(key)
    metadata = document.get("metadata", {})
    if policy == "minimal":
        metadata = {name: metadata[name] for name in ("timestamp", "version") if name in metadata}
    result = {**document, "metadata": {**metadata, "redaction": f"{policy}/1"}}
    change: Callable[[Iterable[Document]], list[Document]] = (
        _minimal if policy == "minimal" else redactor.measurements
    )
    result["measurements"] = change(document.get("measurements", ()))
    if "collection" in document:
        result["collection"] = [
            {name: entry[name] for name in ("collector", "subtype", "status") if name in entry}
            if policy == "minimal"
            else {name: redactor.text(item) for name, item in entry.items()}
            for entry in document["collection"]
        ]
    if policy == "minimal":
        # Groups and failures name every node, and so does the list of what was not read where: what is left is a
        # plain snapshot of the group that stands for the fleet.
        if result.pop("fleet", None) is not None:
            result["kind"] = "Snapshot"
    elif "fleet" in document:
        result["fleet"] = redactor.fleet(document["fleet"])
    return result


def _minimal(measurements: Iterable[Document]) -> list[Document]:
    kept = []
    for measurement in measurements:
        subtypes = []
        for subtype in measurement.get("subtypes", ()):
            keys = ALLOWED.get(f"{measurement['type']}.{subtype['subtype']}")
            if keys is not None:
                data = {key: value for key, value in subtype.get("data", {}).items() if key in keys}
                subtypes.append({"subtype": subtype["subtype"], "data": data})
        if subtypes:
            kept.append({"type": measurement["type"], "subtypes": subtypes})
    return kept


class _Redactor:
    """The replacements of one key."""

    def __init__(self, key: str) -> None:
        self._key = key.encode("utf-8")

    def measurements(self, measurements: Iterable[Document]) -> list[Document]:
        changed = []
        for measurement in measurements:
            kind, subtypes = measurement["type"], measurement.get("subtypes")
            if subtypes:
                measurement = {
                    **measurement,
                    "subtypes": [self._subtype(kind, item) for item in subtypes],
                }
            changed.append(measurement)
        return changed

    def fleet(self, fleet: Document) -> Document:
        """Replace secrets in what the groups of a fleet hold, and in the messages of failed nodes."""
        groups = []
        for group in fleet.get("groups", ()):
            changed = dict(group)
            if "measurements" in group:
                changed["measurements"] = self.measurements(group["measurements"])
            if "differs" in group:
                changed["differs"] = [self._difference(entry) for entry in group["differs"]]
            groups.append(changed)
        failed = [
            {name: self.text(item) for name, item in entry.items()}
            for entry in fleet.get("failed", ())
        ]
        return {**fleet, "groups": groups, "failed": failed}

    def _difference(self, entry: Document) -> Document:
        # A subtype's name may hold dots, a key as well: each place where the path may be cut is tried.
        parts = entry["path"].split(".")
        changed = dict(entry)
        for side in ("base", "value"):
            for cut in range(2, len(parts)) if side in entry else ():
                place = ".".join(parts[:cut]).partition("[")[0] + "."
                changed[side] = self._reading(place, ".".join(parts[cut:]), changed[side])
        return changed

    def _subtype(self, kind: str, subtype: Document) -> Document:
        place = f"{kind}.{subtype['subtype']}."
        changed = dict(subtype)
        for field in ("data", "context"):
            if field in subtype:
                changed[field] = self._group(place, subtype[field])
        if "items" in subtype:
            changed["items"] = [
                {field: self._group(place, group) for field, group in item.items()}
                for item in subtype["items"]
            ]
        return changed

    def _group(self, place: str, data: Document) -> Document:
        changed = {key: self._reading(place, key, value) for key, value in data.items()}
        return self._boot_words(changed) if place == "OS.grub." else changed

    def _boot_words(self, data: Document) -> Document:
        """Hide secrets among the keys: a boot line is cut at every blank, so a word without ``=`` is a key.

        After an option such as ``--token`` any bare word may be its value; which one, the order would have told.
        """
        bare = [key for key, value in data.items() if value == "" and not key.startswith("-")]
        exposed = any(
            key.startswith("-") and value == "" and is_secret_name(key)
            for key, value in data.items()
        )
        hidden = {
            key: self._hide(key) if exposed and key not in _FLAGS else self.text(key)
            for key in bare
        }
        return {hidden.get(key, key): value for key, value in data.items()}

    def _reading(self, place: str, key: str, value: Any) -> Any:
        if not isinstance(value, str) or not value or value == "[]":
            return value
        if place.startswith("SystemD.") and key == "Environment":
            return self._hide(value)
        if place in _BOOT and key in _SEEDS:
            return self._hide(value)
        if not place.startswith(_NAMES) and is_secret_name(key):
            return self._hide(value)
        if value[0] in "[{" and place.startswith("K8s."):
            return self._json(value)
        return self.text(value)

    def _json(self, value: str) -> str:
        import json

        try:
            document = json.loads(value)
        except ValueError:
            return str(self.text(value))
        changed = self._walk(document)
        if changed == document:
            return value
        return json.dumps(changed, separators=(",", ":"), ensure_ascii=False)

    def _walk(self, value: Any) -> Any:
        if isinstance(value, dict):
            named = isinstance(value.get("name"), str) and isinstance(value.get("value"), str)
            return {
                key: self._hide(item)
                if isinstance(item, str)
                and item
                and (is_secret_name(key) or (named and key == "value"))
                else self._walk(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._walk(item) for item in value]
        return self.text(value)

    def text(self, value: Any) -> Any:
        """Replace secrets inside a text: user information, headers, keys, assignments."""
        if not isinstance(value, str) or not value:
            return value
        # What one rule uncovers another may have to hide: until nothing changes, so that twice is once.
        for _ in range(4):
            changed = self._once(value)
            if changed == value:
                break
            value = changed
        return value

    def _once(self, value: str) -> str:
        if "-----BEGIN" in value:
            value = _PEM.sub(lambda m: m[1] + self._hide(m[2]) + m[3], value)
        if "://" in value:
            value = _USER_INFO.sub(lambda m: m[1] + self._hide(m[2]) + m[3], value)
        if "@" in value:
            value = _ACCOUNT.sub(lambda m: m[1] + self._hide(m[2]) + m[3], value)
        for pattern in (_SIGNED, _SHAPES):
            value = pattern.sub(lambda m: m[1] + self._hide(m[2]), value)
        value = _HEADER.sub(lambda m: m[1] + self._hide(m[2]), value)
        value = _ASSIGNED.sub(lambda m: m[1] + self._hide(m[2]), value)
        return _OPTION.sub(lambda m: m[1] + self._hide(m[2]), value)

    def _hide(self, value: str) -> str:
        if _MARK.fullmatch(value.strip("\"'")):
            return value
        digest = hmac.new(self._key, value.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"<redacted:{digest.hexdigest()[:8]}>"


def is_secret_name(name: str) -> bool:
    """Tell whether a key names a secret: one of its words does, or two neighbours together."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if "pass" in words and "environment" in words:
        # systemd's PassEnvironment lists names of variables.
        return False
    return not _SECRET.isdisjoint(words) or not _PAIRS.isdisjoint(pairwise(words))
