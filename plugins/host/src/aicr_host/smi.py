"""Read the XML of ``nvidia-smi -q -x``: the readings of the first GPU, and one item for each (spec/snapshot.md 5.1).

The text may come from a broken or hostile tool: it is bounded, a document type with entities of its own is refused,
and whatever does not parse is an error of this source, never of the run. What counts as readable is what the
reference's parser takes: text before and after the document is ignored, as where the tool prints a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
_TEXTS = {
    "model": "product_name",
    "serial": "serial",
    "part-number": "board_part_number",
    "vbios-version": "vbios_version",
    "inforom-version": "inforom_version/img_version",
    "mig-mode": "mig_mode/current_mig",
    "mig-mode-pending": "mig_mode/pending_mig",
    "ecc-mode": "ecc_mode/current_ecc",
    "compute-mode": "compute_mode",
    "c2c-mode": "c2c_mode",
    "fabric-cluster": "fabric/clusterUuid",
}
_NUMBERS = {
    "minor-number": "minor_number",
    "memory-total-mib": "fb_memory_usage/total",
    "pcie-generation-max": "pci/pci_gpu_link_info/pcie_gen/max_link_gen",
    "pcie-width-max": "pci/pci_gpu_link_info/link_widths/max_link_width",
    "fabric-clique": "fabric/cliqueId",
}
_POWER = ("gpu_power_readings/current_power_limit", "power_readings/power_limit")
_NOTHING = ("", "N/A")


def parse(data: bytes) -> tuple[dict[str, str | int], tuple[Item, ...]]:
    """Give the readings of subtype ``smi`` and one item a GPU. Raises AicrError(INTERNAL)."""
    root = _root(data)
    for attached in root.findall("attached_gpus"):
        if not _is_integer(_all_text(attached)):
            raise AicrError(Code.INTERNAL, "nvidia-smi wrote attached_gpus that are no number")
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
    if b"\0" in data:
        # The parser would take it for UTF-16.
        raise AicrError(Code.INTERNAL, "nvidia-smi wrote NUL bytes, which no XML holds")
    builder = ElementTree.TreeBuilder()
    # The encoding given here overrides what the document says; that is looked at below.
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    depth = [0]
    ended = [False]

    def refuse(*_args: object) -> None:
        raise AicrError(Code.INTERNAL, "nvidia-smi wrote XML with entities of its own")

    def encoding(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() != "utf-8":
            raise AicrError(Code.INTERNAL, f"nvidia-smi wrote XML in {encoding}, not in UTF-8")

    def start(name: str, attributes: dict[str, str]) -> None:
        depth[0] += 1
        builder.start(name, attributes)

    def end(name: str) -> None:
        builder.end(name)
        depth[0] -= 1
        ended[0] = ended[0] or not depth[0]

    parser.EntityDeclHandler = refuse
    parser.SkippedEntityHandler = refuse
    parser.XmlDeclHandler = encoding
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data[max(0, data.find(b"<")) :], True)
    except expat.ExpatError as error:
        if not ended[0]:
            raise AicrError(Code.INTERNAL, f"nvidia-smi wrote no readable XML: {error}") from None
    return builder.close()


def _is_integer(text: str) -> bool:
    """Tell whether the reference's parser takes it: nothing at all is 0."""
    body = text.strip()
    body = body[1:] if body[:1] in ("+", "-") else body
    return not text or (body.isascii() and body.isdecimal())


def _all_text(element: Element) -> str:
    """Give an element's own text, also what stands between and after its children."""
    return (element.text or "") + "".join(child.tail or "" for child in element)


def _text(parent: Element, path: str) -> str:
    """Give the text of the last element of that path, untrimmed; empty when there is none."""
    found = parent.findall(path)
    return _all_text(found[-1]) if found else ""


def _item(number: int, gpu: Element) -> Item:
    context = {"index": str(number)}
    uuid = _text(gpu, "uuid").strip()
    if uuid not in _NOTHING:
        context["uuid"] = uuid
    if gpu.get("id"):
        context["pciBusId"] = str(gpu.get("id"))
    data: dict[str, Any] = {}
    for key, path in _TEXTS.items():
        text = _text(gpu, path).strip()
        if text not in _NOTHING:
            data[key] = text
    for key, path in _NUMBERS.items():
        # 81559 MiB, 16x
        word = _text(gpu, path).strip().partition(" ")[0].removesuffix("x")
        if word.isascii() and word.isdecimal() and len(word) < 16:
            data[key] = int(word)
    device = _text(gpu, "pci/pci_device_id").strip().lower().removeprefix("0x")
    if len(device) == 8:
        data["pci-device-id"] = device[:4]
    for path in _POWER:
        watts, _, unit = _text(gpu, path).strip().partition(" ")
        if unit == "W" and watts.replace(".", "", 1).isdecimal():
            data["power-limit-watt"] = float(watts)
            break
    return Item(context=context, data=data)
