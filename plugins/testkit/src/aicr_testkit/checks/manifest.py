"""What is said of a plugin beside its code: manifest, versions, names, help, traces (T01 T02 T21 T22 T24)."""

from __future__ import annotations

from importlib import metadata  # noqa: TID251 - a kit may take its time, and reads what no index has
from typing import TYPE_CHECKING, Any

from aicr_testkit.model import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_testkit.subject import Subject

_KINDS = {
    "Agent": "agent", "BundleCheck": "bundle-check", "Bundler": "bundler", "ChartEngine": "chart-engine",
    "Check": "check",
    "CheckRunner": "runner", "ClusterAccess": "cluster", "Collector": "collector", "Command": "command",
    "Deployer": "deployer",
    "Dimension": "dimension", "EvidenceWriter": "evidence", "InventoryWriter": "inventory", "BundleLint": "lint",
    "Matcher": "matcher", "Phase": "phase", "Publisher": "publisher", "ReportWriter": "report", "Signer": "signer",
    "Store": "store",
}  # fmt: skip
"""Kind in ``[[provides]]`` by class of provider."""
_FIELDS = ("summary", "hookspec", "license", "contact")
_OUR_STATES = ("blocked", "disabled")


def manifest_schema(subject: Subject) -> Iterator[str]:
    """T01: the manifest is there, is what the schema says, and its texts are filled in."""
    from aicr_core.api import AicrError, read_manifest

    try:
        declared = read_manifest(str(subject.root))
    except AicrError as error:
        yield str(error)
        return
    if declared is None:
        yield f"{subject.root} has no aicr-plugin.toml"
        return
    if declared["name"] != subject.name:
        yield f'the manifest says "{declared["name"]}", the entry point "{subject.name}"'
    yield from (f"the manifest has no {field}" for field in _FIELDS if not declared.get(field))
    data = declared.get("data", "")
    if data and not (subject.root / data).is_dir():
        yield f'data is "{data}", which is no folder of the package'
    if subject.row["state"] in _OUR_STATES:
        yield f"it is {subject.row['state']} here ({subject.row['reason']}): nothing of it can be looked at"


def _unread(subject: Subject) -> str:
    return (
        "the manifest cannot be read (T01)"
        if subject.row["state"] == "broken" and not subject.row["hookspec"]
        else ""
    )


def manifest_and_hooks(subject: Subject) -> Iterator[str]:
    """T02: hooks and provided names of the manifest are those of the code and the data."""
    seen = subject.first
    if seen["problem"]:
        # Import errors are T03's, wrong signatures T04's.
        return
    found = sorted({*seen["hooks"], *seen["unknown"]})
    if set(seen["hooks"]) != set(subject.hooks):
        yield f"hooks says {', '.join(subject.hooks) or 'none'}; implemented: {', '.join(found) or 'none'}"
        return
    made = {
        (_KINDS.get(item["kind"], item["kind"]), item["name"])
        for item in seen["providers"]
        if item["kind"] in _KINDS
    }
    made |= {("component", name) for name in _components(subject)}
    listed = {(item["kind"], item["name"]) for item in subject.row["provides"]}
    checked = {*_KINDS.values(), "component"}
    for item in seen["providers"]:
        # Several matchers of one dimension may stand there as one, by the dimension.
        if item["kind"] == "Matcher" and ("matcher", item["dimension"]) in listed:
            made = made - {("matcher", item["name"])} | {("matcher", item["dimension"])}
    for kind, name in sorted(made - listed):
        yield f"{kind} {name} is not listed in [[provides]]"
    for kind, name in sorted(listed - made):
        if kind in checked:
            yield f"[[provides]] lists {kind} {name}, which is not there"


def _components(subject: Subject) -> list[str]:
    from aicr_core.api import AicrError, load

    for path, file in subject.data_files():
        if path == "registry.yaml":
            try:
                document: Any = load(file.read_bytes(), path)
                return [str(entry["name"]) for entry in document["components"] or ()]
            except (AicrError, TypeError, KeyError):
                # What is wrong with the file is T13's.
                return []
    return []


def hookspec_range(subject: Subject) -> Iterator[str]:
    """T21: the range holds this hook API and later minor versions, and no later major one."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    from aicr_core.api import HOOKSPEC

    try:
        fits = SpecifierSet(subject.row["hookspec"])
    except InvalidSpecifier:
        return
    if not subject.row["hookspec"]:
        return
    major, minor = (int(part) for part in HOOKSPEC.split(".")[:2])
    for version, wanted, why in (
        (HOOKSPEC, True, "this core"),
        (f"{major}.{minor + 1}", True, "the next minor version only adds"),
        (f"{major}.{minor + 50}", True, "minor versions only add"),
        (f"{major + 1}.0", False, "the next major version may change what hooks mean"),
    ):
        if fits.contains(version) != wanted:
            yield f'hookspec "{subject.row["hookspec"]}" {"leaves out" if wanted else "holds"} {version} ({why})'
    if not subject.first["problem"] and subject.first["unknown"]:
        unknown = ", ".join(subject.first["unknown"])
        yield f"implements {unknown}, which hookspec {HOOKSPEC} has not: mark it hookimpl(optionalhook=True)"


def _distribution(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def no_trace(subject: Subject) -> Iterator[str]:
    """T22: what is installed is the package and its metadata; a run leaves no file; without it nothing names it."""
    distribution = _distribution(subject.row["distribution"])
    own = {subject.root.name}
    for file in (distribution.files or ()) if distribution is not None else ():
        top = file.parts[0]
        path = file.as_posix()
        editable = subject.row["editable"] and (
            top.endswith(".pth") or top.startswith(("_", "__editable__"))
        )
        if top in own or top.endswith((".dist-info", ".egg-info")) or editable:
            continue
        if top == ".." and ("bin" in file.parts or "Scripts" in file.parts or "man" in file.parts):
            continue
        yield f"installs {path} outside its package {subject.root.name}"
    yield from (f"left {path} behind after it was called" for path in subject.left_behind("first"))
    if subject.first["threads"] > 0:
        yield "its import starts threads"


def help_and_docs(subject: Subject) -> Iterator[str]:
    """T24: people find a text for the distribution, and for everything that it brings and that they can choose."""
    distribution = _distribution(subject.row["distribution"])
    if distribution is not None:
        text = distribution.metadata.json.get("description") or ""
        if len(str(text).strip()) < 40:
            yield "the distribution has no README: give `readme` in pyproject.toml"
        elif subject.row["distribution"] not in str(text):
            yield f"the README does not name the distribution {subject.row['distribution']}"
    for item in subject.first["providers"]:
        what = f"{_KINDS.get(item['kind'], item['kind'])} {item['name']}"
        texts = item["texts"]
        wanted = {
            "Deployer": "title",
            "Check": "description",
            "Phase": "description",
            "Command": "summary",
        }.get(item["kind"])
        if wanted and not texts.get(wanted, "").strip():
            yield f"{what} has no {wanted}"
        if item["kind"] == "Command" and not texts.get("help", "").strip():
            yield f"{what}: its --help says nothing"
        yield from (f"{what}: option {name} has no help" for name in item["unhelped"])
        yield from (
            f"{what}: option {name} has no description"
            for name, text in item["options"]
            if not text.strip()
        )


CHECKS = (
    Check("T01", "Manifest schema",
          "aicr-plugin.toml is there, has only known fields of the right types, and says summary, hookspec, license "
          "and contact",
          "the manifest decides whether the plugin is imported, before any of its code runs; people read it to "
          "decide whether they want it",
          "correct the field that is named; docs/plugins/manifest.md has all fields", manifest_schema),
    Check("T02", "Manifest agrees with the code",
          "hooks lists exactly what hooks.py implements, [[provides]] exactly what is registered and what "
          "registry.yaml has",
          "a hook that is not listed is never called; a name that is not listed is not found, and not named in "
          "error messages",
          "bring `hooks` and `[[provides]]` of the manifest in line with hooks.py", manifest_and_hooks,
          lambda s: _unread(s) or ("" if s.hooks or s.row["provides"] or s.first["hooks"] else "it registers nothing")),
    Check("T21", "Old and new hook API",
          "the hookspec range holds this core and every later minor version and ends before the next major one; "
          "unknown hooks are optional",
          "minor versions only add: a range that is too narrow stops a working plugin, one that is too wide loads "
          "it where it means something else",
          'write hookspec = ">=1.0,<2"', hookspec_range,
          lambda s: "" if s.row["hookspec"] else "it states no hookspec (T01)"),
    Check("T22", "Nothing stays behind",
          "the distribution installs only its package, metadata and scripts; importing and calling it leaves no "
          "file and no thread",
          "whoever uninstalls a plugin wants it gone, and whoever starts aicr pays for what a .pth file does",
          "keep every file inside the package, and write only what and where the caller asks", no_trace),
    Check("T24", "Help and documentation",
          "the distribution has a README that names it; deployers, checks, phases, commands and their options say "
          "what they are",
          "`aicr --help`, `aicr plugins info` and package indexes show these texts",
          "write the text that is missing", help_and_docs),
)  # fmt: skip
