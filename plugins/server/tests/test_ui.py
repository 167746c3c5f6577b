"""The page in a real browser, in front of a real aicrd: what a person does with it."""

from __future__ import annotations

import io
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time
import zipfile
from typing import Any

import pytest
from browser import Browser
from ui_lab import FULL, LARGE, get, go, open_page

# --- criteria ---------------------------------------------------------------------------------------


def test_a_recipe_is_chosen_by_the_keyboard_alone(page: Browser) -> None:
    page.keys("Tab")
    assert page.script("return document.activeElement.id") == "skip"
    for _ in range(8):
        if page.script("return document.activeElement.name") == "service":
            break
        page.keys("Tab")
    page.keys("Right", "Right")
    page.wait("return document.querySelector('#title').innerText === 'eks'")
    page.keys("Tab")
    page.keys("Right", "Right")
    page.wait("return document.querySelector('#title').innerText === 'eks · h100'")
    assert page.script("return location.hash") == "#service=eks&accelerator=h100"
    # On to the tabs: one stop, arrows inside.
    for _ in range(12):
        if page.script("return document.activeElement.getAttribute('role')") == "tab":
            break
        page.keys("Tab")
    page.keys("Right")
    page.wait("return document.querySelector('.graph svg')")
    assert page.script("return document.activeElement.id") == "tab-graph"
    outline = page.script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_only_what_leads_to_a_recipe_is_offered(page: Browser, site: str) -> None:
    go(page, "service=gke&accelerator=h100")
    offered = page.script(
        "return Object.fromEntries([...document.querySelectorAll('#criteria fieldset')].map((set) =>"
        " [set.dataset.dimension, [...set.querySelectorAll('input:not(:disabled)')].map((one) => one.value).filter(Boolean)]))"
    )
    said = json.loads(get(f"{site}/v1/criteria?service=gke&accelerator=h100"))["dimensions"]
    assert offered == {
        name: [one["value"] for one in rows if one["possible"]] for name, rows in said.items()
    }
    assert "amazonlinux" not in offered["os"]
    for dimension, values in offered.items():
        for value in values:
            asked = {"service": "gke", "accelerator": "h100", dimension: value}
            query = "&".join(f"{name}={text}" for name, text in asked.items())
            assert json.loads(get(f"{site}/v1/recipe?{query}"))["componentRefs"]


def test_what_a_link_asks_for_beyond_that_is_said(page: Browser) -> None:
    go(page, "service=oke")
    assert "Nothing in this recipe is made for Service oke" in page.text("#notices")
    go(page, "service=eks")
    assert page.text("#notices") == ""


def test_back_and_forward(page: Browser) -> None:
    page.click("input[name=service][value=eks]")
    page.wait("return document.querySelector('#title').innerText === 'eks'")
    page.click("#tab-constraints")
    page.wait("return document.querySelector('#view').innerText.includes('K8s.server.version')")
    page.script("history.back()")
    page.wait("return document.querySelector('#tab-components[aria-selected=true]')")
    page.script("history.back()")
    page.wait("return document.querySelector('#title').innerText === 'any cluster'")
    page.script("history.go(2)")
    page.wait("return document.querySelector('#view').innerText.includes('K8s.server.version')")
    assert (
        page.script("return document.querySelector('input[name=service]:checked').value") == "eks"
    )


def test_a_link_restores_everything(page: Browser, site: str) -> None:
    fragment = (
        f"{FULL}&nodes=16&view=bundle&with.service=gke&b.set=gpu-operator:driver.version%3D570.1"
        "&b.accelerated-node-selector=pool%3Dgpu&b.deployer=argocd"
    )
    open_page(page, f"{site}/ui/#{fragment}")
    assert page.text("#title") == "eks · h100 · training · ubuntu · kubeflow · 16 nodes"
    assert (
        page.script("return document.querySelector('#bundle-set').value")
        == "gpu-operator:driver.version=570.1"
    )
    assert page.script("return document.querySelector('[name=deployer]:checked').value") == "argocd"
    assert page.script(
        "return document.querySelector('#bundle-accelerated-node-selector').checkVisibility()"
    )
    # What the page writes is the same address again: nothing gets lost on the way.
    written = page.script(
        "return import('/ui/state.js').then((m) => m.write(m.read(location.hash)))"
    )
    assert sorted(written.split("&")) == sorted(fragment.split("&"))
    page.click("#tab-compare")
    page.wait("return document.querySelector('#with-service')?.value === 'gke'")


# --- views ------------------------------------------------------------------------------------------


def test_components(page: Browser, site: str) -> None:
    go(page, FULL)
    made = json.loads(get(f"{site}/v1/recipe?{FULL}"))
    assert page.texts("#view tbody th a") == made["deploymentOrder"]
    versions = {ref["name"]: ref.get("version", "–") for ref in made["componentRefs"]}
    assert page.texts("#view tbody td.version") == [
        versions[name] for name in made["deploymentOrder"]
    ]


@pytest.mark.parametrize("query", [FULL, LARGE])
def test_the_graph_draws_every_dependency(page: Browser, site: str, query: str) -> None:
    go(page, f"{query}&view=graph")
    refs = json.loads(get(f"{site}/v1/recipe?{query}"))["componentRefs"]
    drawn = page.script(
        "return [...document.querySelectorAll('.line')].map((line) => [line.dataset.from, line.dataset.to])"
    )
    wanted = [[need, ref["name"]] for ref in refs for need in ref.get("dependencyRefs", ())]
    assert sorted(drawn) == sorted(wanted)
    boxes = page.script(
        "return [...document.querySelectorAll('.box')].map((box) => box.getBoundingClientRect().toJSON())"
    )
    for one in boxes:
        for other in boxes:
            apart = one["right"] <= other["left"] or one["bottom"] <= other["top"]
            assert (
                one is other
                or apart
                or other["right"] <= one["left"]
                or other["bottom"] <= one["top"]
            )
    # Nothing is written beyond its box.
    assert page.script(
        "return [...document.querySelectorAll('.box')].every((box) => [...box.querySelectorAll('text')].every((text) =>"
        " text.getBBox().width + 14 <= box.querySelector('rect').getBBox().width))"
    )
    shown = {
        *page.script(
            "return [...document.querySelectorAll('.box')].map((box) => box.dataset.name)"
        ),
        *page.texts(".apart a"),
    }
    assert shown == {ref["name"] for ref in refs}
    # Nor is it too small to read.
    assert (
        page.script("return document.querySelector('.box .name').getBoundingClientRect().height")
        >= 11
    )
    page.click(".as-text summary")
    needs = {ref["name"]: ", ".join(ref.get("dependencyRefs", ())) or "nothing" for ref in refs}
    assert sorted(page.texts(".as-text li")) == sorted(
        f"{name} needs {text}" for name, text in needs.items()
    )


def test_the_graph_is_walked_by_keys(page: Browser) -> None:
    go(page, f"{FULL}&view=graph")
    page.script("document.querySelector('.box[data-name=gpu-operator]').focus()")
    assert "needed by" in page.script("return document.activeElement.getAttribute('aria-label')")
    assert "nvsentinel" in page.script(
        "return [...document.querySelectorAll('.box.on')].map((box) => box.dataset.name)"
    )
    page.keys("Left")
    assert page.script("return document.activeElement.dataset.name") in (
        "cert-manager",
        "kube-prometheus-stack",
        "skyhook-customizations",
    )
    page.keys("Right")
    assert page.script("return document.activeElement.dataset.name")
    page.script("document.querySelector('.box[data-name=gpu-operator]').focus()")
    page.keys("Enter")
    page.wait("return document.querySelector('.component[data-component=gpu-operator][open]')")
    assert page.script("return location.hash").endswith("view=values&component=gpu-operator")


def test_layouts_of_any_graph_are_sound(page: Browser) -> None:
    """Two hundred random graphs, cycles among them: needs stand left, boxes lie apart, everything is placed."""
    wrong = page.script(
        """
        return import("/ui/layout.js").then(({ layout, SIZE }) => {
          let seed = 7;
          const random = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };
          const wrong = [];
          for (let round = 0; round < 200; round += 1) {
            const count = 1 + Math.floor(random() * 20);
            const cyclic = round % 10 === 0;
            const nodes = Array.from({ length: count }, (_, at) => ({ name: `${at}>`, needs: Array.from(
              { length: Math.floor(random() * 4) }, () => `${Math.floor(random() * (cyclic ? count : at))}>`), width: 50 + 9 * at }));
            const { boxes, lines, apart } = layout(nodes);
            if (boxes.size + apart.length !== count) wrong.push([round, "lost"]);
            const all = [...boxes.values()];
            if (all.some((box) => !Number.isFinite(box.x) || !Number.isFinite(box.y) || box.y < 0)) wrong.push([round, "nowhere"]);
            if (all.some((one, at) => all.some((other, place) => at < place && one.x === other.x
              && Math.abs(one.y - other.y) < SIZE.height))) wrong.push([round, "overlap"]);
            if (lines.some((line) => boxes.get(line.from).x + boxes.get(line.from).width >= boxes.get(line.to).x)) wrong.push([round, "backwards"]);
          }
          return wrong;
        });
        """
    )
    assert wrong == []


def test_constraints(page: Browser) -> None:
    go(page, f"{FULL}&view=constraints")
    text = page.text("#view")
    assert "K8s.server.version" in text
    assert ">= 1.32.4" in text
    assert "nccl-all-reduce-bw" in text


def test_values_have_origins_and_can_be_filtered(page: Browser) -> None:
    go(page, f"{FULL}&view=values")
    page.type("#value-filter", "gdrcopy")
    page.wait("return document.querySelectorAll('.leaf').length === 1")
    assert page.text(".leaf .key") == "gdrcopy.enabled"
    assert page.text(".leaf .origin") == "h100-eks-training"
    assert page.text(".count") == "1 value of 1 component"
    assert "filter=gdrcopy" in page.script("return location.hash")
    assert page.script("return document.activeElement.id") == "value-filter"
    page.script("document.querySelector('#value-filter').select()")
    page.keys("x", "y", "z", "z", "y")
    page.wait("return document.querySelector('.count').innerText === '0 values of 0 components'")


def test_copied_flags_give_the_same_values(
    page: Browser, site: str, tmp_path: pathlib.Path
) -> None:
    """Every value of the recipe, set again by the flag that the page copies, changes nothing."""
    go(page, f"{FULL}&view=values")
    found = page.script(
        """
        return Promise.all([import("/ui/lines.js"), fetch(arguments[0]).then((answer) => answer.json())]).then(([lines, whole]) => {
          const flags = (name, values, path) => Object.entries(values).flatMap(([key, value]) => (
            value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length
              ? flags(name, value, [...path, key]) : [lines.flag(name, [...path, key], value)]));
          return Object.entries(whole.components).flatMap(([name, one]) => flags(name, one.values ?? {}, [])).filter(
            (flag) => !flag.endsWith("=null"));
        });
        """,
        f"{site}/v1/query?{FULL}",
    )
    assert len(found) > 150
    document = tmp_path / "recipe.json"
    document.write_bytes(get(f"{site}/v1/recipe?{FULL}"))
    flags = [word for flag in found if flag for word in shlex.split(flag)]
    for name, more in (("plain", []), ("again", flags)):
        command = [
            sys.executable,
            "-m",
            "aicr_core",
            "bundle",
            "-r",
            str(document),
            "-o",
            name,
            *more,
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    for file in sorted((tmp_path / "plain").glob("*/values.yaml")):
        again = tmp_path / "again" / file.relative_to(tmp_path / "plain")
        assert again.read_text("utf-8") == file.read_text("utf-8"), file


ODD: dict[str, Any] = {
    "a": "true", "b": "109", "c": "1.50", "d": "0x10", "e": "inf", "f": "1e3", "g": "-5", "h": "580.105.08", "i": "1_000",
    "j": "x,c:d=e", "k": "", "l": "it's $HOME", "m": "a: [b]", "n": True, "o": 7, "p": 1.5, "q": ["a", 1], "r": "0x1p3",
    "s": {"k=v": {"deep.er": 1}}, "t": "nan", "u": "~", "v": "é \u2028", "w": {}, "x": "007",
}  # fmt: skip


def test_a_flag_means_the_value_it_was_made_of(page: Browser, tmp_path: pathlib.Path) -> None:
    from aicr_core.api import load_all

    flags = page.script(
        "return import('/ui/lines.js').then(({ flag }) => Object.entries(arguments[0]).flatMap(([key, value]) => ("
        " key === 's' ? [['k=v', 'deep.er']].map((path) => flag('gpu-operator', ['odd', 's', ...path],"
        " path.reduce((inner, part) => inner[part], value))) : [flag('gpu-operator', ['odd', key], value)])))",
        ODD,
    )
    words = [word for flag in flags for word in shlex.split(flag)]
    scripts = [sys.executable, "-m", "aicr_core"]
    criteria_flags = [f"--{part}" for part in FULL.split("&")]
    subprocess.run([*scripts, "recipe", *criteria_flags, "-o", "r.yaml"], cwd=tmp_path, check=True)
    done = subprocess.run(
        [*scripts, "bundle", "-r", "r.yaml", "-o", "out", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (made,) = load_all((tmp_path / "out/gpu-operator/values.yaml").read_bytes(), "values.yaml")
    assert made["odd"] == ODD


def test_comparison(page: Browser) -> None:
    go(page, f"{FULL}&view=compare&with.service=gke&with.accelerator=h100&with.intent=inference")
    heads = [
        "Name",
        "eks · h100 · training · ubuntu · kubeflow",
        "gke · h100 · inference",
        "Difference",
    ]
    assert page.texts("#view table:first-of-type thead th") == heads
    rows = page.script(
        "return [...document.querySelectorAll('#view tbody tr')].map((row) => [...row.children].map((cell) => cell.innerText))"
    )
    assert ["aws-efa", "v0.5.3", "–", "only left"] in rows
    assert ["K8s.server.version", ">= 1.32.4", ">= 1.25", "changed"] in rows
    assert ["cert-manager", "v1.17.2", "v1.17.2", ""] in rows
    assert ["gpu-operator", "v25.10.1", "v25.10.1", "settings"] in rows
    assert ["gpu-operator: cdi.default", "false", "–", "only left"] in rows
    assert ["performance.checks", "nccl-all-reduce-bw", "–", "only left"] in rows
    page.click("#swap")
    page.wait("return document.querySelector('#title').innerText === 'gke · h100 · inference'")
    page.wait("return document.querySelector('#view').innerText.includes('only right')")


# --- bundles ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("deployer", ["helm", "flux"])
def test_the_downloaded_zip_is_the_servers(page: Browser, site: str, deployer: str) -> None:
    go(page, f"{FULL}&view=bundle&b.deployer={deployer}")
    page.type("#bundle-set", "gpu-operator:driver.version=570.172.08")
    for old in page.downloads.iterdir():
        old.unlink()
    page.click("button.primary")
    page.wait("return document.querySelector('.done')?.innerText.startsWith('bundles.zip: ')")
    file = page.downloads / "bundles.zip"
    end = time.monotonic() + 20
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.05)
    body = get(f"{site}/v1/recipe?{FULL}")
    query = f"set=gpu-operator%3Adriver.version%3D570.172.08&deployer={deployer}"
    assert file.read_bytes() == get(f"{site}/v1/bundle?{query}", body)


def test_files_are_listed_before(page: Browser) -> None:
    go(page, f"{FULL}&view=bundle")
    page.click("button[value=check]")
    page.wait("return document.querySelector('.files')")
    assert "gpu-operator/values.yaml" in page.texts(".files tbody th")


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("set", "nonsense", "Invalid set parameter: "),
        ("system-node-toleration", "a=b:Never", "Invalid system-node-toleration: "),
        ("nodes", "-5", "nodes must be a non-negative integer"),
    ],
)
def test_what_the_server_refuses_is_said_at_its_field(
    page: Browser, field: str, text: str, said: str
) -> None:
    go(page, f"{FULL}&view=bundle")
    page.script("for (const one of document.querySelectorAll('form details')) one.open = true;")
    page.type(f"#bundle-{field}", text)
    page.click("button.primary")
    page.wait(
        "return document.querySelector(arguments[0]).innerText.startsWith(arguments[1])",
        f"#error-{field}",
        said,
    )
    assert page.script("return document.activeElement.id") == f"bundle-{field}"
    assert page.script("return document.activeElement.getAttribute('aria-invalid')") == "true"
    page.keys("x")
    assert page.text(f"#error-{field}") == ""


def test_the_lines_shown_do_what_the_page_does(
    page: Browser, site: str, tmp_path: pathlib.Path
) -> None:
    go(
        page,
        f"{FULL}&view=bundle&b.set=gpu-operator:driver.version%3D570.172.08&b.accelerated-node-selector=pool%3Dgpu",
    )
    command, curl = page.texts("#view pre")
    scripts = pathlib.Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}", "no_proxy": "127.0.0.1"}
    subprocess.run(
        ["bash", "-euc", command], cwd=tmp_path, env=env, check=True, capture_output=True
    )
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    subprocess.run(["bash", "-euc", curl], cwd=tmp_path, env=env, check=True, capture_output=True)
    query = "set=gpu-operator%3Adriver.version%3D570.172.08&accelerated-node-selector=pool%3Dgpu"
    data = get(f"{site}/v1/bundle?{query}", get(f"{site}/v1/recipe?{FULL}"))
    assert (tmp_path / "bundles.zip").read_bytes() == data
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        zipped = {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}
    written = {
        str(path.relative_to(tmp_path / "bundle")): path.read_bytes()
        for path in (tmp_path / "bundle").rglob("*")
        if path.is_file()
    }
    assert written == zipped


def test_the_line_of_no_criteria_works_too(page: Browser, tmp_path: pathlib.Path) -> None:
    go(page, "view=bundle")
    scripts = pathlib.Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"}
    subprocess.run(
        ["bash", "-euc", page.texts("#view pre")[0]],
        cwd=tmp_path,
        env=env,
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "bundle" / "recipe.yaml").is_file()
