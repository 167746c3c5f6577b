"""Read the XML of ``nvidia-smi -q -x``: the readings of the first GPU, and one item for each (spec/snapshot.md 5.1).

The text may come from a broken or hostile tool: it is bounded, a document type with entities of its own is refused,
and whatever does not parse is an error of this source, never of the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import AicrError, Code, Item

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_BYTES = 16 * 1024 * 1024
FIELDS = {
    "gpu.model": "product_name",
    "gpu.product-architecture": "product_architecture",
    "gpu.display-mode": "display_mode",
    "gpu.display-active": "display_active",
    "gpu.persistence-mode": "persistence_mode",
    "gpu.addressing-mode": "addressing_mode",
    "gpu.vbios-version": "vbios_version",
    "gpu.gsp-firmware-version": "gsp_firmware_version",
}
"""Key of a reading -> element below ``gpu``; the same keys serve every other source."""
_ITEM = {
    "model": "product_name",
    "serial": "serial",
    "vbios-version": "vbios_version",
    "minor-number": "minor_number",
}


def parse(data: bytes) -> tuple[dict[str, str | int], tuple[Item, ...]]:
    """Give the readings of subtype ``smi`` and one item a GPU. Raises AicrError(INTERNAL)."""
    root = _root(data)
    attached = root.find("attached_gpus")
    if attached is not None and not _is_integer((attached.text or "").strip()):
        raise AicrError(Code.INTERNAL, f'attached_gpus is "{attached.text}", which is no number')
    gpus = root.findall("gpu")
    readings: dict[str, str | int] = {
        "driver": _text(root, "driver_version"),
        "cuda-version": _text(root, "cuda_version"),
        "gpu-count": len(gpus),
    }
    if gpus:
        readings |= {key: _text(gpus[0], name) for key, name in FIELDS.items()}
    return readings, tuple(_item(number, gpu) for number, gpu in enumerate(gpus))


def _root(data: bytes) -> Element:
    from xml.etree import ElementTree
    from xml.parsers import expat

    if len(data) > MAX_BYTES:
        raise AicrError(Code.INTERNAL, f"nvidia-smi wrote more than {MAX_BYTES} bytes")
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_args: object) -> None:
        raise AicrError(Code.INTERNAL, "nvidia-smi wrote XML with entities of its own")

    def encoding(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8"):
            raise AicrError(Code.INTERNAL, f"nvidia-smi wrote XML in {encoding}, not in UTF-8")

    parser.EntityDeclHandler = refuse
    parser.XmlDeclHandler = encoding
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
        return builder.close()
    except expat.ExpatError as error:
        raise AicrError(Code.INTERNAL, f"nvidia-smi wrote no readable XML: {error}") from None
    except AssertionError:
        raise AicrError(Code.INTERNAL, "nvidia-smi wrote no readable XML") from None


def _is_integer(text: str) -> bool:
    body = text[1:] if text[:1] in ("+", "-") else text
    return body.isascii() and body.isdecimal()


def _text(parent: Element, name: str) -> str:
    """Give the text of the last child of that name, untrimmed; empty when there is none."""
    found = parent.findall(name)
    return (found[-1].text or "") if found else ""


def _item(number: int, gpu: Element) -> Item:
    context = {"index": str(number)}
    if _text(gpu, "uuid"):
        context["uuid"] = _text(gpu, "uuid")
    if gpu.get("id"):
        context["pciBusId"] = str(gpu.get("id"))
    data = {key: _text(gpu, name) for key, name in _ITEM.items() if _text(gpu, name)}
    for path, key in (("mig_mode/current_mig", "mig-mode"), ("ecc_mode/current_ecc", "ecc-mode"),
                      ("fb_memory_usage/total", "memory-total")):  # fmt: skip
        element = gpu.find(path)
        if element is not None and element.text:
            data[key] = element.text
    return Item(context=context, data=data)
