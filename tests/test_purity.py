"""The core orchestrates, plugins know: no cloud, chart, component or vendor is named in aicr_core.

The words come from the plugins' own data (component names, charts, criteria values), so a new
plugin extends the list by itself.
"""

from __future__ import annotations

import pathlib
import re
import tomllib

import pytest

from aicr_core.kit import yamlio

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORE = sorted((ROOT / "aicr_core").rglob("*.py"))

# Words of the data that are also plain words of Kubernetes or of English.
COMMON = {
    "any": "the wildcard of the criteria schema",
    "kind": "the `kind` field of every Kubernetes object and of ours",
    "base": "the root overlay of the catalogue schema",
    "trainer": "a word",
    "self": "Python",
    "slurm": "not in the data of this version",
}
VENDORS = {"nvidia", "amazon", "aws", "azure", "google", "gcp", "oracle", "oci_cloud", "microsoft"}


def _manifests() -> list[dict[str, object]]:
    files = [
        *ROOT.glob("plugins/*/src/*/aicr-plugin.toml"),
        *ROOT.glob("recipes/*/aicr-plugin.toml"),
    ]
    return [tomllib.loads(path.read_text("utf-8")) for path in files]


def _words() -> set[str]:
    words = set(VENDORS)
    for manifest in _manifests():
        for values in manifest.get("criteria", {}).values():  # type: ignore[attr-defined]
            for value, entry in values.items():
                words.add(value)
                words.update(entry.get("aliases", ()))
    registries = [
        *ROOT.glob("plugins/*/src/*/data/registry.yaml"),
        *ROOT.glob("recipes/*/data/registry.yaml"),
    ]
    for path in registries:
        for entry in yamlio.load(path.read_text("utf-8"), str(path))["components"]:
            words.add(entry["name"])
            words.update(entry.get("valueOverrideKeys", ()))
    return {word for word in words if word and word not in COMMON}


def test_the_word_list_is_not_empty() -> None:
    words = _words()
    assert {"eks", "gpu-operator", "h100", "kubeflow", "ubuntu"} <= words


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_core_names_nobody(path: pathlib.Path) -> None:
    text = path.read_text("utf-8")
    # The schema group of the documents is a fact of the file format, not a vendor in the logic.
    text = re.sub(r"(aicr|validator)\.nvidia\.com", "", text)
    # Examples in the help show real values: text for people, no logic.
    text = re.sub(r"(?m)^  aicr .*(\\\\\n.*)?$", "", text)
    pattern = "|".join(sorted((re.escape(word) for word in _words()), key=len, reverse=True))
    found = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"
        for match in re.finditer(rf"(?<![\w-])({pattern})(?![\w-])", text, re.IGNORECASE)
    ]
    assert not found
