"""Find the images that Kubernetes documents name. Pure.

Where a container is, its image is taken exactly as it is written (pods and everything that holds a pod template, also
inside custom resources). Elsewhere a mapping with a text ``image`` names one, as operators' custom resources write it:
``repository`` and ``version`` beside it complete it, ``containerSHA`` pins it, and it counts only with a tag, a digest
or a registry (spec/bundle.md 12); so does ``image: {repository: ..., tag: ...}``. Images that a controller is
told by its arguments or variables are found as well, and containers in the texts of ConfigMaps:
``--acme-http01-solver-image=...``, ``RELATED_IMAGE_...``. What runs later without being named anywhere is not seen:
plugins declare it (``aicr_extra_images``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.kit.emit import as_text
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.imageref import image_reference
from aicr_core.kit.rendered import rendered_object
from aicr_core.kit.yamlio import load_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Document = dict[str, Any]
CONTAINERS = ("containers", "initContainers", "ephemeralContainers")

_MARK = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_COMMENTS = re.compile(r"\A(?:[ \t]*(?:#[^\n]*)?\n)+")
_DEFINITION = re.compile(r"^kind: *[\"']?CustomResourceDefinition\b", re.MULTILINE)
_NAMED = re.compile(r"image[\"']?[ \t]*:[ \t]*[^\s#]", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\$\{|\$\(|<[a-z]|%[sv(]", re.IGNORECASE)


class Found(NamedTuple):
    """Images as they are written, sorted, and what names an image and cannot be read as one."""

    images: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def in_text(text: str, source: str) -> Found:
    """Find the images in a YAML stream such as a rendered chart.

    Raises AicrError for a document that is no YAML; ``source`` names it. Documents that cannot name an image are not
    parsed: definitions of custom resources are megabytes.
    """
    return in_documents(_documents(text, source))


def in_documents(documents: Iterable[Any]) -> Found:
    """Find the images in parsed documents."""
    search = _Search()
    for document in documents:
        try:
            search.walk(document, _place(document))
        except RecursionError:
            raise AicrError(
                Code.INVALID_REQUEST, "nested too deep", where=_place(document)
            ) from None
    return search.found()


def in_values(values: Any) -> Found:
    """Guess the images from values of a chart that could not be rendered: never all of them, and some too many."""
    search = _Search(guess=True)
    search.walk(values, "values")
    return Found(search.found().images)


def _documents(text: str, source: str) -> Iterator[Any]:
    for part in _MARK.split(text):
        if "image" not in part.lower():
            continue
        if _DEFINITION.search(part) and not _NAMED.search(part):
            continue
        yield rendered_object(_COMMENTS.sub("", part), source)


def _texts(data: Any) -> Iterator[str]:
    """Give the texts of a ConfigMap that may hold a pod template."""
    for text in data.values() if isinstance(data, dict) else ():
        if isinstance(text, str) and "containers" in text.lower() and "image" in text:
            yield text


def _place(document: Any) -> str:
    if not isinstance(document, dict):
        return "document"
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{document.get('kind') or 'document'}{f' {name}' if isinstance(name, str) else ''}"


class _Search:
    """Collects what one or more documents name; ``guess`` also takes how values of charts are usually written."""

    def __init__(self, *, guess: bool = False) -> None:
        self._guess = guess
        self._images: set[str] = set()
        self._problems: set[str] = set()

    def found(self) -> Found:
        return Found(tuple(sorted(self._images)), tuple(sorted(self._problems)))

    def walk(self, node: Any, place: str) -> None:
        if isinstance(node, list):
            for item in node:
                self.walk(item, place)
            return
        if not isinstance(node, dict):
            return
        exact = [] if self._guess else self._containers(node, place)
        self._add(_loose(node))
        if self._guess:
            self._add(_parts(node))
        for key, value in node.items():
            if key in CONTAINERS and exact and isinstance(value, list):
                for container in value:
                    # Its own image is known already; what it holds further down is walked as everything is.
                    if isinstance(container, dict):
                        self.walk({k: v for k, v in container.items() if k != "image"}, place)
                continue
            if key == "image" and isinstance(value, dict):
                self._add(_parts(value))
            self.walk(value, place)
        if node.get("kind") == "ConfigMap" and not self._guess:
            for text in _texts(node.get("data")):
                self._templates(text)

    def _templates(self, text: str) -> None:
        """Take the containers of pod templates inside a text: provisioners keep them in ConfigMaps."""
        try:
            documents = load_all(text, "text")
        except AicrError:
            return  # a script, or a template of a template
        for document in documents:
            inner = _Search()
            inner.containers(document)
            self._images |= inner._images

    def containers(self, node: Any) -> None:
        """Take the images of containers alone."""
        if isinstance(node, list):
            for item in node:
                self.containers(item)
        elif isinstance(node, dict):
            self._containers(node, "text")
            for item in node.values():
                self.containers(item)

    def _containers(self, node: Document, place: str) -> list[Document]:
        """Take the images of the containers and image volumes of a pod; give its containers."""
        found = [
            container
            for key in CONTAINERS
            for container in (node.get(key) if isinstance(node.get(key), list) else None) or ()
            if isinstance(container, dict)
        ]
        for container in found:
            self._exact(container.get("image"), f"container {container.get('name')} of {place}")
            self._add(*_told(container))
        volumes = node.get("volumes")
        for volume in volumes if isinstance(volumes, list) else ():
            image = volume.get("image") if isinstance(volume, dict) else None
            if isinstance(image, dict):
                self._exact(image.get("reference"), f"volume {volume.get('name')} of {place}")
        return found

    def _exact(self, text: Any, place: str) -> None:
        if text is None or text == "":
            # Templates that a controller completes: it knows the image, the document does not.
            return
        if isinstance(text, str) and image_reference(text):
            self._images.add(text)
        else:
            self._problems.add(f'{place} has the image "{as_text(text)}", which is no reference')

    def _add(self, *found: str | None) -> None:
        self._images.update(text for text in found if text)


def _loose(node: Document) -> str | None:
    """Give the image of a mapping that has one in pieces."""
    text = node.get("image")
    if not isinstance(text, str) or not text or _PLACEHOLDER.search(text):
        return None
    known = image_reference(text)
    repository, version = node.get("repository"), node.get("version")
    if isinstance(repository, str) and repository and not (known and known.registry):
        text = f"{repository.rstrip('/')}/{text}"
        known = image_reference(text)
    if known and not known.tag and not known.digest and _is_scalar(version):
        version = as_text(version)
        text += f"@{version}" if version.startswith("sha256:") else f":{version}"
    digest = node.get("containerSHA")
    if isinstance(digest, str) and digest and "@" not in text:
        text += f"@sha256:{digest.removeprefix('sha256:')}"
    known = image_reference(text)
    return text if known and (known.tag or known.digest or known.registry) else None


def _parts(node: Document) -> str | None:
    """Give the image of values such as ``{registry: ..., repository: ..., tag: ...}``."""
    repository, tag = node.get("repository"), node.get("tag")
    if "image" in node or not isinstance(repository, str) or not _is_scalar(tag):
        return None
    registry = node.get("registry")
    host = f"{registry}/" if isinstance(registry, str) and registry else ""
    text = f"{host}{repository}:{as_text(tag)}"
    return text if image_reference(text) else None


def _is_scalar(value: Any) -> bool:
    return value not in (None, "") and isinstance(value, (str, int, float)) and value is not True


def _told(container: Document) -> Iterator[str]:
    """Give the images that a container is told of by arguments and variables: only what cannot be anything else."""
    words: list[Any] = []
    for key in ("command", "args"):
        value = container.get(key)
        words += value if isinstance(value, list) else []
    for word in words:
        if isinstance(word, str):
            text = word.partition("=")[2] if word.startswith("-") and "=" in word else word
            known = image_reference(text)
            if known and "." in known.registry and (known.tag or known.digest):
                yield text
    variables = container.get("env")
    for variable in variables if isinstance(variables, list) else ():
        name = variable.get("name") if isinstance(variable, dict) else None
        value = variable.get("value") if isinstance(variable, dict) else None
        if isinstance(name, str) and "IMAGE" in name.upper() and isinstance(value, str):
            known = image_reference(value)
            if known and (known.registry or known.digest or ("/" in value and known.tag)):
                yield value
