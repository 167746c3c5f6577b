"""The page in a real browser, in front of a real aicrd: what a person does with it, and what must never happen."""

from __future__ import annotations

import functools
import io
import itertools
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.request
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from browser import Browser, browser
from http_server import running
from page_lab import criteria, page_with, recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL = "service=eks&accelerator=h100&intent=training&os=ubuntu&platform=kubeflow"
LARGE = "service=eks&accelerator=h100&intent=inference&os=ubuntu&platform=dynamo"
"""The recipe with the most components, 16."""
VIEWS = ("components", "graph", "constraints", "values", "compare", "bundle")
AXE = "axe-core@4.10.3"
SHOWN = "return document.querySelector('#view').childElementCount && !document.querySelector('#view[aria-busy]')"
FOCUSED = "return document.activeElement"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running("uvicorn", AICR_RATE_LIMIT="0") as (port, _):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture
def page(window: Browser, server: str) -> Iterator[Browser]:
    """A window of the usual size on the page; whatever a test does, the console stays empty and no other host is asked."""
    window.size(1280, 900)
    window.media(prefers_color_scheme="light")
    _open(window, f"{server}/ui/")
    yield window
    assert [row["message"] for row in window.log() if _matters(row["message"])] == []
    assert [
        url for url in window.requests() if not url.startswith((server, "blob:", "about:"))
    ] == []


def _matters(message: str) -> bool:
    """A status that a test provokes is written to the console by the browser itself."""
    return "Failed to load resource: the server responded with a status of 4" not in message


def _open(window: Browser, url: str) -> None:
    window.open("about:blank")
    window.log()
    window.requests()
    window.open(url)
    window.wait(SHOWN)


def _go(window: Browser, fragment: str) -> None:
    """Change what the page shows, and wait until it shows that."""
    window.script(
        "return new Promise((done) => { addEventListener('popstate', () => done(true), { once: true });"
        " location.hash = arguments[0]; })",
        fragment,
    )
    window.wait(SHOWN)


def _get(url: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        request, timeout=60
    ) as found:
        return bytes(found.read())


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


def test_only_what_leads_to_a_recipe_is_offered(page: Browser, server: str) -> None:
    _go(page, "service=gke&accelerator=h100")
    offered = page.script(
        "return Object.fromEntries([...document.querySelectorAll('#criteria fieldset')].map((set) =>"
        " [set.dataset.dimension, [...set.querySelectorAll('input:not(:disabled)')].map((one) => one.value).filter(Boolean)]))"
    )
    said = json.loads(_get(f"{server}/v1/criteria?service=gke&accelerator=h100"))["dimensions"]
    assert offered == {
        name: [one["value"] for one in rows if one["possible"]] for name, rows in said.items()
    }
    assert "amazonlinux" not in offered["os"]
    for dimension, values in offered.items():
        for value in values:
            asked = {"service": "gke", "accelerator": "h100", dimension: value}
            query = "&".join(f"{name}={text}" for name, text in asked.items())
            assert json.loads(_get(f"{server}/v1/recipe?{query}"))["componentRefs"]


def test_what_a_link_asks_for_beyond_that_is_said(page: Browser) -> None:
    _go(page, "service=oke")
    assert "Nothing in this recipe is made for Service oke" in page.text("#notices")
    _go(page, "service=eks")
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


def test_a_link_restores_everything(page: Browser, server: str) -> None:
    fragment = (
        f"{FULL}&nodes=16&view=bundle&with.service=gke&b.set=gpu-operator:driver.version%3D570.1"
        "&b.accelerated-node-selector=pool%3Dgpu&b.deployer=argocd"
    )
    _open(page, f"{server}/ui/#{fragment}")
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


def test_components(page: Browser, server: str) -> None:
    _go(page, FULL)
    made = json.loads(_get(f"{server}/v1/recipe?{FULL}"))
    assert page.texts("#view tbody th a") == made["deploymentOrder"]
    versions = {ref["name"]: ref.get("version", "–") for ref in made["componentRefs"]}
    assert page.texts("#view tbody td.version") == [
        versions[name] for name in made["deploymentOrder"]
    ]


@pytest.mark.parametrize("query", [FULL, LARGE])
def test_the_graph_draws_every_dependency(page: Browser, server: str, query: str) -> None:
    _go(page, f"{query}&view=graph")
    refs = json.loads(_get(f"{server}/v1/recipe?{query}"))["componentRefs"]
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
    _go(page, f"{FULL}&view=graph")
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
    _go(page, f"{FULL}&view=constraints")
    text = page.text("#view")
    assert "K8s.server.version" in text
    assert ">= 1.32.4" in text
    assert "nccl-all-reduce-bw" in text


def test_values_have_origins_and_can_be_filtered(page: Browser) -> None:
    _go(page, f"{FULL}&view=values")
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
    page: Browser, server: str, tmp_path: pathlib.Path
) -> None:
    """Every value of the recipe, set again by the flag that the page copies, changes nothing."""
    _go(page, f"{FULL}&view=values")
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
        f"{server}/v1/query?{FULL}",
    )
    assert len(found) > 150
    document = tmp_path / "recipe.json"
    document.write_bytes(_get(f"{server}/v1/recipe?{FULL}"))
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
    _go(page, f"{FULL}&view=compare&with.service=gke&with.accelerator=h100&with.intent=inference")
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
def test_the_downloaded_zip_is_the_servers(page: Browser, server: str, deployer: str) -> None:
    _go(page, f"{FULL}&view=bundle&b.deployer={deployer}")
    page.type("#bundle-set", "gpu-operator:driver.version=570.172.08")
    for old in page.downloads.iterdir():
        old.unlink()
    page.click("button.primary")
    page.wait("return document.querySelector('.done')?.innerText.startsWith('bundles.zip: ')")
    file = page.downloads / "bundles.zip"
    end = time.monotonic() + 20
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.05)
    body = _get(f"{server}/v1/recipe?{FULL}")
    query = f"set=gpu-operator%3Adriver.version%3D570.172.08&deployer={deployer}"
    assert file.read_bytes() == _get(f"{server}/v1/bundle?{query}", body)


def test_files_are_listed_before(page: Browser) -> None:
    _go(page, f"{FULL}&view=bundle")
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
    _go(page, f"{FULL}&view=bundle")
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
    page: Browser, server: str, tmp_path: pathlib.Path
) -> None:
    _go(
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
    data = _get(f"{server}/v1/bundle?{query}", _get(f"{server}/v1/recipe?{FULL}"))
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
    _go(page, "view=bundle")
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


# --- looks ------------------------------------------------------------------------------------------


def test_light_and_dark(page: Browser, server: str) -> None:
    ground = "return getComputedStyle(document.documentElement).backgroundColor"
    light = page.script(ground)
    page.media(prefers_color_scheme="dark")
    dark = page.script(ground)
    assert light != dark
    page.click("#theme")
    assert (page.text("#theme"), page.script(ground)) == ("Theme: light", light)
    page.click("#theme")
    page.media(prefers_color_scheme="light")
    assert (page.text("#theme"), page.script(ground)) == ("Theme: dark", dark)
    _open(page, f"{server}/ui/")
    assert (page.text("#theme"), page.script(ground)) == ("Theme: dark", dark)
    page.click("#theme")
    assert (page.text("#theme"), page.script(ground)) == ("Theme: system", light)


@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_scrolls_in_one_direction(page: Browser, server: str, view: str) -> None:
    page.size(390, 844, phone=True)
    _open(page, f"{server}/ui/#{FULL}&view={view}&with.service=gke&component=gpu-operator")
    assert page.script("return document.documentElement.scrollWidth") <= 390
    small = page.script(
        "return [...document.querySelectorAll('[role=tab], .option')].filter((one) => one.checkVisibility()"
        " && one.getBoundingClientRect().height < 28).length"
    )
    assert small == 0


@functools.cache
def _axe(folder: pathlib.Path) -> str:
    """Give the source of axe-core, got from the registry when the tests run. Skips where that cannot be."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm to get axe-core with")
    command = [npm, "pack", AXE, "--silent", f"--cache={folder / 'cache'}"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=90, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry does not answer")
    files = list(folder.glob("axe-core-*.tgz"))
    if done.returncode or not files:
        pytest.skip(f"no {AXE} from the npm registry")
    with tarfile.open(files[0]) as opened:
        member = opened.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _axe(tmp_path_factory.mktemp("axe"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_accessibility(page: Browser, server: str, axe: str, view: str, scheme: str) -> None:
    page.media(prefers_color_scheme=scheme)
    _open(page, f"{server}/ui/#{FULL}&view={view}&with.service=gke&component=gpu-operator")
    page.script(axe)
    # Only colours are not the same in the dark.
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    rules = rules if scheme == "light" else ["color-contrast"]
    found = page.script(
        "return axe.run(document, { runOnly: arguments[0] }).then((result) => result.violations.map((one) =>"
        " [one.id, one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + node.failureSummary)]))",
        rules,
    )
    assert found == []


# --- what must never happen -------------------------------------------------------------------------

HOSTILE = (
    "<img src=x onerror=window.hit=1>", "\"><script>window.hit=1</script>", "javascript:window.hit=1", "'; window.hit=1; '",
    "</title><svg onload=window.hit=1>", "{{window.hit=1}}", "‮gpj", "\u0000\u0007", "constructor", "__proto__",
)  # fmt: skip


def _hostile() -> dict[str, Any]:
    from starlette.responses import JSONResponse

    nasty: Any = {
        "__proto__": {"hit": 1},
        **{name: name for name in HOSTILE},
        "inner": {HOSTILE[0]: [HOSTILE[1]]},
    }
    refs = [
        {
            "name": name, "version": HOSTILE[0], "namespace": HOSTILE[1], "chart": HOSTILE[4], "source": HOSTILE[2], "type": "Helm",
            "valuesFile": HOSTILE[0], "dependencyRefs": [HOSTILE[place - 1]], "overrides": {HOSTILE[0]: 1},
        }
        for place, name in enumerate(HOSTILE)
    ]  # fmt: skip
    made = recipe(
        refs, metadata={"version": HOSTILE[0], "appliedOverlays": list(HOSTILE)},
        constraints=[{"name": HOSTILE[0], "value": HOSTILE[1], "remediation": HOSTILE[4]}],
        validation={HOSTILE[0]: {"checks": list(HOSTILE), "constraints": [{"name": HOSTILE[1], "value": HOSTILE[0]}]}},
    )  # fmt: skip
    values = {"components": {name: {"values": nasty} for name in HOSTILE}}
    explained = {
        "recipe": made,
        "components": {HOSTILE[0]: {"values": {"inner": {"overlay": HOSTILE[0]}}}},
    }
    change = {"path": HOSTILE[0], "change": "changed", "from": HOSTILE[1], "to": HOSTILE[0]}
    components = {
        "changed": [
            {
                "name": HOSTILE[0],
                "fields": [],
                "lists": {HOSTILE[0]: {"added": [HOSTILE[1]], "removed": []}},
                "values": [change],
            }
        ]
    }
    listing = {
        "files": [{"path": HOSTILE[0], "size": 1, "digest": HOSTILE[1]}],
        "notes": list(HOSTILE),
    }
    problem = {
        "code": HOSTILE[0],
        "message": HOSTILE[0],
        "details": {HOSTILE[1]: HOSTILE[0]},
        "requestId": HOSTILE[0],
    }
    return {
        "/v1/criteria": lambda _: JSONResponse(criteria({name: list(HOSTILE) for name in ("service", "os", "intent")})),
        "/v1/recipe": lambda request: (
            JSONResponse(problem, 400) if "bad" in request.url.query
            else JSONResponse(explained if "explain" in request.url.query else made)
        ),
        "/v1/query": lambda _: JSONResponse(values),
        "/v1/diff": lambda _: JSONResponse({"components": components, "validation": [change]}),
        "/v1/catalogue": lambda _: JSONResponse({"deployers": [{"name": name, "title": name} for name in HOSTILE]}),
        "/v1/bundle": lambda request: JSONResponse(listing) if "dry" in request.url.query else JSONResponse(problem, 400),
    }  # fmt: skip


def test_hostile_names_stay_text(window: Browser) -> None:
    with page_with(_hostile()) as address:
        for view in VIEWS:
            _open(
                window,
                f"{address}#view={view}&service=%3Cimg%20src%3Dx%20onerror%3Dwindow.hit%3D1%3E&b.deployer=%3Cb%3E",
            )
            assert HOSTILE[0] in window.text("body"), view
        window.click("button[value=check]")
        window.wait("return document.querySelector('.files')")
        window.click("button.primary")
        window.wait("return document.querySelector('.result .error')")
        assert HOSTILE[0] in window.text(".result")
        window.script("location.hash = 'service=bad'")
        window.wait("return document.querySelector('#problem').innerText.includes('onerror')")
        for selector in (
            "#view img",
            "#problem img",
            "#main script",
            "svg svg",
            "[onerror]",
            "[onload]",
            "a[href^=javascript]",
        ):
            assert not window.script("return document.querySelector(arguments[0])", selector), (
                selector
            )
        assert window.script("return window.hit === undefined && ({}).hit === undefined")
        assert not [row for row in window.log() if _matters(row["message"])]


def test_a_busy_server_is_given_time(window: Browser) -> None:
    from starlette.responses import JSONResponse

    answers = _hostile()
    refused: list[float] = []

    def busy(_request: Any) -> Any:
        refused.append(time.monotonic())
        if len(refused) < 3:
            problem = {"code": "RATE_LIMIT_EXCEEDED", "message": "Rate limit exceeded"}
            return JSONResponse(problem, 429, {"Retry-After": "1"})
        return JSONResponse(recipe([{"name": "calm", "version": "1"}]))

    with page_with({**answers, "/v1/recipe": busy}) as address:
        window.open("about:blank")
        window.open(address)
        window.wait(
            "return document.querySelector('#waiting').innerText.includes('tries again in 1 s')"
        )
        window.wait("return document.querySelector('#view').innerText.includes('calm')")
        assert window.text("#waiting") == ""
        waits = [later - earlier for earlier, later in itertools.pairwise(refused)]
        assert len(waits) == 2
        assert waits[0] >= 0.9
        assert waits[1] >= 1.8
    window.log()


def test_a_server_that_fails_or_is_gone_is_said_and_asked_again(window: Browser) -> None:
    from starlette.responses import JSONResponse

    answers = _hostile()
    state = {"broken": True}
    problem = {"code": "INTERNAL", "message": "Internal server error", "requestId": "abc"}

    def sometimes(_request: Any) -> Any:
        return (
            JSONResponse(problem, 500)
            if state["broken"]
            else JSONResponse(recipe([{"name": "back"}]))
        )

    with page_with({**answers, "/v1/recipe": sometimes}) as address:
        window.open("about:blank")
        window.open(address)
        window.wait(
            "return document.querySelector('#problem').innerText.includes('Internal server error')"
        )
        assert "request abc" in window.text("#problem")
        state["broken"] = False
        window.click("#problem button")
        window.wait("return document.querySelector('#view').innerText.includes('back')")
        assert window.text("#problem") == ""
    window.click("#tab-values")
    window.wait(
        "return document.querySelector('#problem').innerText.includes('The server cannot be reached')"
    )
    window.log()


def test_a_token_is_asked_for_and_kept_nowhere(window: Browser) -> None:
    from starlette.responses import JSONResponse

    answers = _hostile()

    def guarded(answer: Any) -> Any:
        def call(request: Any) -> Any:
            if request.headers.get("authorization") != "Bearer secret":
                refused.append(request.url.path)
                body = {"code": "UNAUTHORIZED", "message": "A valid bearer token is needed"}
                return JSONResponse(body, 401)
            return answer(request)

        return call

    refused: list[str] = []
    answers["/v1/recipe"] = lambda _: JSONResponse(recipe([{"name": "inside"}]))
    with page_with({path: guarded(answer) for path, answer in answers.items()}) as address:
        window.open("about:blank")
        window.open(address)
        window.wait("return document.querySelector('dialog[open]')")
        # Two requests were refused, one question is asked.
        assert sorted(refused) == ["/v1/criteria", "/v1/recipe"]
        assert window.script("return document.querySelectorAll('dialog').length") == 1
        window.type("#token", "secret")
        window.keys("Enter")
        window.wait("return document.querySelector('#view').innerText.includes('inside')")
        kept = window.script(
            "return JSON.stringify([Object.values(localStorage), Object.values(sessionStorage), document.cookie, location.href])"
        )
        assert "secret" not in kept
    window.log()
