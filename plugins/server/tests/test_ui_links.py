"""The page in a real browser: links that ask for what is not there, and the fields of a bundle that few need."""

from __future__ import annotations

import io
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest
from browser import Browser
from http_server import running
from ui_lab import FULL, get, go, open_page

SETTLED = (
    "return !document.querySelector('#view[aria-busy]') && (document.querySelector('#problem').childElementCount"
    " || document.querySelector('#view').childElementCount)"
)
OFFERED = "return [...document.querySelectorAll('#criteria input[type=radio]:not(:disabled)')].map((one) => one.value)"


def follow(window: Browser, site: str, fragment: str) -> None:
    """Open a link in a fresh page, whatever it leads to."""
    window.open("about:blank")
    window.open(f"{site}/ui/#{fragment}")
    window.wait(SETTLED)


def test_an_unknown_value_is_named_and_the_pickers_work_on(page: Browser, site: str) -> None:
    follow(page, site, "service=moon&accelerator=h100")
    assert page.text("#problem p") == (
        "Service “moon” is not known here: choose aks, eks, gke, kind, oke"
    )
    assert page.script("return document.querySelector('input[name=accelerator]:checked').value") == "h100"  # fmt: skip
    assert {"eks", "ubuntu", "training"} <= set(page.script(OFFERED))
    page.click("input[name=intent][value=training]")
    page.wait("return document.querySelector('#title').innerText === 'h100 · training'")
    assert page.text("#problem") == ""
    assert page.script("return location.hash") == "#accelerator=h100&intent=training"


def test_one_may_go_on_without_it(page: Browser, site: str) -> None:
    follow(page, site, "service=eks&os=beos&nodes=many&view=constraints")
    assert page.texts("#problem p") == [
        "“many” is no number of nodes",
        "Operating system “beos” is not known here: choose amazonlinux, cos, rhel, ubuntu",
    ]
    page.click("#problem button")
    page.wait("return document.querySelector('#view').innerText.includes('K8s.server.version')")
    assert page.script("return location.hash") == "#service=eks&view=constraints"


def test_an_unknown_value_of_the_other_side(page: Browser, site: str) -> None:
    follow(page, site, "service=eks&view=compare&with.platform=slurm&with.service=gke")
    assert page.text("#problem p").startswith("Platform “slurm” is not known here")
    assert page.text("#title") == "eks"
    page.click("#problem button")
    page.wait("return document.querySelector('#view table')")
    assert page.script("return location.hash") == "#service=eks&view=compare&with.service=gke"


def test_other_spellings_are_understood(page: Browser, site: str) -> None:
    follow(page, site, "service=EKS&os=al2")
    assert page.text("#title") == "eks · amazonlinux"
    assert page.script("return document.querySelector('input[name=os]:checked').value") == "amazonlinux"  # fmt: skip
    assert page.script("return location.hash") == "#service=eks&os=amazonlinux"


def test_what_a_server_does_not_take(window: Browser) -> None:
    with running("uvicorn", AICR_RATE_LIMIT="0", AICR_ALLOWED_SERVICES="eks,gke") as (port, _):
        follow(window, f"http://127.0.0.1:{port}", "service=aks")
        assert window.text("#problem p") == (
            "Service “aks” is not taken by this server: choose eks, gke"
        )
        window.click("input[name=service][value=gke]")
        window.wait("return document.querySelector('#title').innerText === 'gke'")
        window.log()


@pytest.mark.parametrize(
    "more",
    [
        "b.bundlers=gpu-operator&b.bundlers=cert-manager",
        "b.deployer=argocd-helm&b.repo=https://git.example/r.git&b.app-name=gpu-stack&b.dynamic=gpu-operator:driver.version",
    ],
)
def test_the_lines_of_rare_fields_do_what_the_page_does(
    page: Browser, site: str, tmp_path: pathlib.Path, more: str
) -> None:
    open_page(page, f"{site}/ui/#{FULL}&view=bundle&{more}")
    command, _ = page.texts("#view pre")
    scripts = pathlib.Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"}
    subprocess.run(
        ["bash", "-euc", command], cwd=tmp_path, env=env, check=True, capture_output=True
    )
    query = more.replace("b.", "")
    data = get(f"{site}/v1/bundle?{query}", get(f"{site}/v1/recipe?{FULL}"))
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        zipped = {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}
    written = {
        path.relative_to(tmp_path / "bundle").as_posix(): path.read_bytes()
        for path in (tmp_path / "bundle").rglob("*")
        if path.is_file()
    }
    assert written == zipped


def test_components_are_picked(page: Browser, site: str) -> None:
    go(page, f"{FULL}&view=bundle")
    page.script("for (const one of document.querySelectorAll('form details')) one.open = true;")
    names = page.script("return [...document.querySelectorAll('input[name=bundlers]')].map((one) => one.value)")  # fmt: skip
    assert len(names) == 13
    page.click("input[value=cert-manager]")
    page.click("input[value=gpu-operator]")
    page.wait("return location.hash.endsWith('&b.bundlers=cert-manager&b.bundlers=gpu-operator')")
    page.click("button[value=check]")
    page.wait("return document.querySelector('.files')")
    folders = {path.split("/")[0] for path in page.texts(".files tbody th") if "/" in path}
    assert folders == {"cert-manager", "gpu-operator"}
    # One that a link names and the recipe has not is shown, and the server says so.
    open_page(page, f"{site}/ui/#{FULL}&view=bundle&b.bundlers=gone")
    page.click("button[value=check]")
    page.wait("return document.querySelector('.result .error')")
    assert '"gone" is no component that the recipe deploys' in page.text(".result")


def test_paper_is_light(page: Browser, site: str) -> None:
    ground = "return getComputedStyle(document.documentElement).backgroundColor"
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    try:
        page.command("Emulation.setEmulatedMedia", media="print", features=dark)
        assert page.script(ground) == "rgb(255, 255, 255)"
        page.command("Emulation.setEmulatedMedia", media="", features=dark)
        assert page.script(ground) == "rgb(20, 23, 22)"
    finally:
        page.command("Emulation.setEmulatedMedia", media="", features=[])
