"""A real tool takes our list: skopeo carries every image of it out of a real registry, by tag and by digest."""

from __future__ import annotations

import hashlib
import json
import pathlib
import shutil
import subprocess

import attrs
import pytest
import registry as real
from aicr_airgap import lists, tools

from aicr_core.api import Inventory, InventoryImage


@pytest.fixture(scope="module")
def skopeo() -> str:
    found = shutil.which("skopeo")
    if found is None:
        pytest.skip("skopeo (Debian package of that name) is not installed")
    return found


def _image(folder: pathlib.Path, text: str) -> str:
    """Write a minimal image in skopeo's form of a folder; give the digest of its manifest."""
    folder.mkdir(parents=True)
    layer = hashlib.sha256(b"").hexdigest()
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "config": {"Labels": {"text": text}},
         "rootfs": {"type": "layers", "diff_ids": []}}
    ).encode()  # fmt: skip
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": f"sha256:{hashlib.sha256(config).hexdigest()}",
                "size": len(config),
            },
            "layers": [],
        }
    ).encode()
    (folder / "version").write_text("Directory Transport Version: 1.1\n")
    (folder / "manifest.json").write_bytes(manifest)
    (folder / hashlib.sha256(config).hexdigest()).write_bytes(config)
    (folder / layer).write_bytes(b"")
    return hashlib.sha256(manifest).hexdigest()


def test_skopeo_sync_carries_everything(
    skopeo: str, whole: Inventory, tmp_path: pathlib.Path
) -> None:
    with real.registry(tmp_path / "registry") as host:
        digests = {}
        for name, tag in (("team/app", "v1"), ("team/app", "v2"), ("solo", "latest")):
            folder = tmp_path / f"{name}-{tag}".replace("/", "-")
            digests[name, tag] = _image(folder, f"{name}:{tag}")
            subprocess.run(
                [skopeo, "copy", "-q", "--dest-tls-verify=false", f"dir:{folder}", f"docker://{host}/{name}:{tag}"],
                check=True, capture_output=True,
            )  # fmt: skip
        wanted = [
            f"{host}/team/app:v1",
            f"{host}/team/app:v2@sha256:{digests['team/app', 'v2']}",
            f"{host}/solo",
        ]
        images = tuple(InventoryImage(reference=text, components=("a",)) for text in wanted)
        inventory = attrs.evolve(whole, images=images)
        # The registry has no TLS; that is said in the file, the only thing that is not ours in it.
        text = tools.skopeo(inventory).replace("  images:\n", "  tls-verify: false\n  images:\n")
        (tmp_path / "list.yaml").write_text(text)
        done = subprocess.run(
            [skopeo, "sync", "--src", "yaml", "--dest", "dir", "--src-tls-verify=false",
             str(tmp_path / "list.yaml"), str(tmp_path / "carried")],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        carried = {
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (tmp_path / "carried").rglob("manifest.json")
        }
        assert carried == set(digests.values())
        # And the plain list, one by one, as the manual says.
        for number, line in enumerate(lists.as_images(inventory).splitlines()):
            name, _, digest = line.partition("@")
            # skopeo refuses a tag beside a digest; the digest is what counts.
            source = f"{name.rpartition(':')[0]}@{digest}" if digest else name
            subprocess.run(
                [skopeo, "copy", "-q", "--src-tls-verify=false", f"docker://{source}", f"dir:{tmp_path}/one{number}"],
                check=True, capture_output=True,
            )  # fmt: skip
