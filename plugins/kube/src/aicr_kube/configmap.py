"""Store ``cm://namespace/name``: documents in ConfigMaps, also those over the limit of 1 MiB (spec/snapshot.md 9.4,
10, 14.10, 14.11).

A document up to 900 KB is stored as the reference does; a larger one compressed; one that is still too large in
chunks, which are written first and the index last, so that a reader never sees half a document.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import time
import zlib
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code, StoredDocument, __version__
from aicr_kube.k8s import connect

if TYPE_CHECKING:
    from aicr_core.api import Context
    from aicr_kube.client import Cluster

Object = dict[str, Any]
PLAIN_BYTES = 900_000
CHUNK_BYTES = 700_000
MAX_BYTES = 256 * 1024 * 1024
PREFIX = "aicr.run/"
_ENDINGS = {"yaml": "yaml", "json": "json", "table": "txt"}


def split(uri: str) -> tuple[str, str]:
    """Give namespace and name of a URI. Raises AicrError(INVALID_REQUEST)."""
    namespace, slash, name = uri.partition("://")[2].partition("/")
    namespace, name = namespace.strip(), name.strip()
    if not slash or not namespace or not name or "/" in name:
        raise AicrError(
            Code.INVALID_REQUEST, f'"{uri}" names no ConfigMap', hint="write cm://namespace/name"
        )
    return namespace, name


def write(ctx: Context, uri: str, document: StoredDocument) -> None:
    """Write a document whole. Raises AicrError."""
    namespace, name = split(uri)
    cluster = connect(ctx)
    key = f"snapshot.{_ENDINGS.get(document.format, document.format)}"
    data: Object = {"format": document.format, "timestamp": _now(ctx)}
    annotations = {f"{PREFIX}{field}": text for field, text in sorted(document.notes.items())}
    annotations[f"{PREFIX}sha256"] = hashlib.sha256(document.data).hexdigest()
    annotations[f"{PREFIX}size"] = str(len(document.data))
    if len(document.data) <= PLAIN_BYTES:
        data[key] = document.data.decode("utf-8")
        _apply(cluster, namespace, name, {"data": data}, annotations)
        return
    packed = gzip.compress(document.data, mtime=0)
    if len(packed) <= PLAIN_BYTES:
        binary = {f"{key}.gz": base64.b64encode(packed).decode("ascii")}
        _apply(cluster, namespace, name, {"data": data, "binaryData": binary}, annotations)
        return
    parts = [packed[start : start + CHUNK_BYTES] for start in range(0, len(packed), CHUNK_BYTES)]
    # The digest in the chunks' names keeps the old document readable until the index points to the new one.
    stem = f"{name}-{annotations[f'{PREFIX}sha256'][:8]}"
    for number, part in enumerate(parts, 1):
        binary = {"part": base64.b64encode(part).decode("ascii")}
        _apply(
            cluster,
            namespace,
            f"{stem}-{number}",
            {"binaryData": binary},
            {f"{PREFIX}chunk-of": name},
        )
    annotations[f"{PREFIX}chunks"] = str(len(parts))
    annotations[f"{PREFIX}chunk-stem"] = stem
    data["key"] = f"{key}.gz"
    _apply(cluster, namespace, name, {"data": data}, annotations)
    _sweep(cluster, namespace, name, stem)


def _apply(
    cluster: Cluster, namespace: str, name: str, content: Object, annotations: dict[str, str]
) -> None:
    body: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/name": "aicr",
                "app.kubernetes.io/component": "snapshot",
                "app.kubernetes.io/version": __version__,
                "app.kubernetes.io/managed-by": "aicr",
            },
            "annotations": annotations,
        },
        **content,
    }
    cluster.apply(f"/api/v1/namespaces/{namespace}/configmaps/{name}", body)


def _sweep(cluster: Cluster, namespace: str, name: str, stem: str) -> None:
    """Remove chunks of older documents of that name; what may not be listed stays."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    try:
        for item in list(
            cluster.list(
                path, label_selector="app.kubernetes.io/managed-by=aicr", metadata_only=True
            )
        ):
            metadata = item["metadata"]
            owner = (metadata.get("annotations") or {}).get(f"{PREFIX}chunk-of")
            if owner == name and not metadata["name"].startswith(f"{stem}-"):
                cluster.delete(f"{path}/{metadata['name']}", uid=metadata.get("uid", ""))
    except AicrError:
        return


def read(ctx: Context, uri: str) -> StoredDocument:
    """Read a document whole. Raises AicrError: NOT_FOUND without one, INTERNAL when it is damaged."""
    namespace, name = split(uri)
    cluster = connect(ctx)
    found = cluster.get(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
    annotations = (found.get("metadata") or {}).get("annotations") or {}
    data, binary = found.get("data") or {}, found.get("binaryData") or {}
    wanted = str(data.get("format") or "yaml")
    chunks = annotations.get(f"{PREFIX}chunks")
    if chunks is not None:
        packed = _chunks(cluster, namespace, uri, annotations)
        text, ending = (
            _unpack(packed, uri),
            str(data.get("key", "")).removeprefix("snapshot.").removesuffix(".gz"),
        )
    else:
        endings = [wanted, "yaml", "json", "txt"]
        ending = next(
            (
                item
                for item in endings
                if f"snapshot.{item}" in data or f"snapshot.{item}.gz" in binary
            ),
            "",
        )
        if not ending:
            raise AicrError(Code.NOT_FOUND, "the ConfigMap holds no snapshot", where=uri,
                            hint=f"its keys: {', '.join(sorted([*data, *binary])) or 'none'}")  # fmt: skip
        if f"snapshot.{ending}" in data:
            text = str(data[f"snapshot.{ending}"]).encode("utf-8")
        else:
            text = _unpack(_decoded(binary[f"snapshot.{ending}.gz"], uri), uri)
    if ending == "txt":
        raise AicrError(Code.INVALID_REQUEST, "a table cannot be read back", where=uri,
                        hint="write the snapshot with --format yaml or json")  # fmt: skip
    digest = annotations.get(f"{PREFIX}sha256")
    if digest and digest != hashlib.sha256(text).hexdigest() and (chunks or binary):
        raise AicrError(
            Code.INTERNAL, "the digest of the document differs from its annotation", where=uri
        )
    return StoredDocument(data=text, format=ending)


def _chunks(cluster: Cluster, namespace: str, uri: str, annotations: dict[str, str]) -> bytes:
    count = annotations[f"{PREFIX}chunks"]
    stem = annotations.get(f"{PREFIX}chunk-stem", "")
    if not count.isdecimal() or not 0 < int(count) < 1000 or not stem:
        raise AicrError(Code.INTERNAL, f'"{count}" is no number of chunks', where=uri)
    parts = []
    for number in range(1, int(count) + 1):
        name = f"{stem}-{number}"
        try:
            item = cluster.get(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
            parts.append(_decoded((item.get("binaryData") or {})["part"], uri))
        except (AicrError, KeyError) as error:
            if isinstance(error, AicrError) and error.code is not Code.NOT_FOUND:
                raise
            raise AicrError(Code.INTERNAL, f"chunk {name} is missing or damaged", where=uri,
                            hint="take the snapshot again") from None  # fmt: skip
    return b"".join(parts)


def _decoded(text: str, uri: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise AicrError(Code.INTERNAL, "the stored bytes are no base64", where=uri) from None


def _unpack(packed: bytes, uri: str) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(packed, MAX_BYTES)
    except zlib.error:
        raise AicrError(Code.INTERNAL, "the stored document does not unpack", where=uri) from None
    if not unpacker.eof:
        raise AicrError(Code.INTERNAL, "the stored document is cut off or too large", where=uri)
    return text


def _now(ctx: Context) -> str:
    return (
        ctx.now()
        if ctx.settings is not None
        else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    )
