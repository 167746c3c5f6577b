"""Providers: the small frozen objects that registration hooks yield and the core runs later.

``call`` is a function, or an import string ``package.module:function`` that is resolved when it is run, so that
registering imports nothing. Times are seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aicr_core.kit import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aicr_core.model.check import Page, Right

    Call = Callable[..., Any] | str


LIVE = ("Agent", "CheckRunner", "ClusterAccess", "Command", "Signer")
"""Providers that give live objects, are commands, or clean up after an interrupt themselves: their functions run where
the command runs, whatever the manifest says of isolation."""


def calls_of(provider: Any) -> list[tuple[str, Any]]:
    """Give the fields of a provider that name code, with their values: functions and import strings."""
    if not attrs.has(type(provider)):
        return []
    named = [
        (field.name, getattr(provider, field.name))
        for field in attrs.fields(type(provider))
        if "Call" in str(field.type)
    ]
    return [(name, value) for name, value in named if isinstance(value, str) or callable(value)]


@attrs.frozen(kw_only=True)
class Collector:
    """Measures one part of a host or cluster: ``call(ctx) -> Measurement`` (or several, as a sequence).

    ``produces`` is the measurement type. ``where`` is ``host`` (this machine) or ``cluster`` (the API server,
    with the caller's rights). ``ctx.options`` holds what the user asked of the run:
    ``host_root`` (where the host's file system is seen, ``/`` without a container), ``kubeconfig``, ``node`` (this
    node's name, perhaps empty), ``max_nodes_per_entry`` (0: no limit), ``systemd_units`` (further units).
    """

    name: str
    produces: str
    call: Call
    timeout: float = limits.COLLECTOR
    order: int = 100
    where: str = "host"


@attrs.frozen(kw_only=True)
class Agent:
    """Runs collectors on nodes that are not this host: ``call(ctx, AgentRequest) -> AgentResult``.

    It cleans up what it created also on failure and interruption, and names what it could not remove.
    """

    name: str
    call: Call


@attrs.frozen(kw_only=True)
class Dimension:
    """A further criteria dimension: ``matches(recipe_value, query_value)``, ``is_any(value)``."""

    name: str
    flag: str
    matches: Call
    is_any: Call
    aliases: tuple[str, ...] = ()
    order: int = 100


@attrs.frozen(kw_only=True)
class Matcher:
    """Finds a value of one criteria dimension in a snapshot: ``detect(snapshot) -> Detection or None``.

    Where nodes differ it gives a sequence, one detection for each value. ``snapshot`` is the document; it is
    shared, do not change it.
    """

    name: str
    dimension: str
    detect: Call


@attrs.frozen(kw_only=True)
class Phase:
    """A validation phase, run by ``order``.

    A ``gate`` holds the recipe's own constraints against the snapshot, before the cluster is touched. ``needs`` names
    phases; when one of them failed, this one is reported skipped, unless the user asks to go on.
    """

    name: str
    order: int
    description: str = ""
    needs: tuple[str, ...] = ()
    gate: bool = False


@attrs.frozen(kw_only=True)
class Check:
    """One check of a phase: ``call(ctx, target) -> CheckResult``, ``target`` a :class:`Target`.

    An AicrError that it raises is a failure with that code; any other exception is a crash (status ``other``).
    ``title`` is a few words for people, ``order`` its place in the phase. ``rights`` are what it asks of the API: a
    tuple of :class:`Right`, or ``rights(recipe) -> Iterable[Right]`` when they follow from the recipe. Checks that
    share a word of ``exclusive`` never run at once. ``mutates``: it creates objects. ``constraints`` are the names of
    phase constraints that it reads. ``evidence`` is the page its evidence belongs to. ``image`` and ``args`` are the
    container that does the same (``--runner job``). ``remediation`` is what to do when it fails and says nothing more
    exact itself.
    """

    name: str
    phase: str
    description: str
    call: Call
    title: str = ""
    order: int = 100
    timeout: float = limits.CHECK
    rights: tuple[Right, ...] | Call = ()
    exclusive: tuple[str, ...] = ()
    mutates: bool = False
    constraints: tuple[str, ...] = ()
    evidence: Page | None = None
    image: str = ""
    args: tuple[str, ...] = ()
    remediation: str = ""


@attrs.frozen(kw_only=True)
class ClusterAccess:
    """Reaches clusters: ``connect(ctx) -> Cluster``.

    ``ctx.options`` holds ``kubeconfig`` and ``context`` as the user gave them. The core connects once in an invocation
    and hands the result to everyone who works with the cluster, as ``ctx.options["cluster"]``.
    """

    name: str
    connect: Call


@attrs.frozen(kw_only=True)
class CheckRunner:
    """Runs checks somewhere else than in this process: ``open(ctx, CheckRun) -> session``.

    A session has ``run(ctx, check, entry) -> ReportItem``, ``publish(phase, report)`` with the CTRF text of a phase
    that ended, and ``close() -> commands`` that cleans up, within its own time, and gives what deletes the rest.
    ``open`` registers its clean-up before it creates anything, and cleans up itself when it raises.
    """

    name: str
    open: Call


@attrs.frozen(kw_only=True)
class ReportWriter:
    """Writes a report in one format: ``write(report) -> str``.

    ``suffix`` is the usual end of a file's name (``.json``); ``description`` a few words for help.
    """

    name: str
    write: Call
    suffix: str = ""
    description: str = ""


@attrs.frozen(kw_only=True)
class EvidenceWriter:
    """Writes the evidence of a report as a set of files: ``write(report, facts) -> mapping of path to text``.

    Paths are relative and sorted by the core, which writes them. ``facts`` are what the user says of the product, and
    what is known of the cluster (``kubernetesVersion``, ``platform``); the writer says which it takes.
    ``select(features)`` gives the names of the checks that the named features need, all of them without a name; it
    raises for unknown ones.
    """

    name: str
    write: Call
    select: Call | None = None
    description: str = ""


@attrs.frozen(kw_only=True)
class Bundler:
    """Makes one component's part of a bundle: ``call(ctx, component, values, plan) -> ComponentBundle``.

    ``component`` is a name, or ``*`` for every component that has no bundler of its own. A ``pure`` bundler only
    computes and runs inline; any other gets a thread.
    """

    component: str
    call: Call
    pure: bool = False
    timeout: float = limits.COMPONENT


@attrs.frozen(kw_only=True)
class BundleCheck:
    """A validation named by registry entries: ``call(component, recipe, conditions) -> messages``.

    ``component`` is the name, ``recipe`` the document, ``conditions`` those of the registry entry.
    """

    name: str
    call: Call


@attrs.frozen(kw_only=True)
class DeployerOption:
    """A setting of a deployer: ``--set deployer:NAME=VALUE``. ``default`` is what it is when nobody gives it."""

    name: str
    description: str
    default: str = ""


@attrs.frozen(kw_only=True)
class Deployer:
    """Turns a plan into files: ``call(ctx, plan) -> artifacts``.

    ``steps(plan, directory)`` gives the commands a person runs next, ``notes(plan)`` what to mind first. ``options``
    are its settings, which are in ``plan.settings``. A deployer that cannot leave values open until the installation
    (``dynamic`` false) is never given such a plan. ``entrypoint`` is the file that a person or tool starts with,
    ``object_at`` the file of one release, ``kustomize_at`` that of a Kustomize component where it is another.
    ``values_at`` is where a component's values lie in the bundle, and
    ``values_key`` the dotted path to them inside that file; ``{component}`` stands for its name in both places.
    ``archive_key`` is that path where the bundle brings the chart along, with ``{chart}`` for the chart's name.
    Where that file is an object of the API, which keeps no null, ``nulls_at`` is the ConfigMap that has them, as YAML
    under ``nulls_key`` of its ``data``.
    ``pulls`` says that the cluster takes a published bundle from where it is, so no step needs it on a disk.
    ``call`` raises AicrError(INVALID_REQUEST) for what it cannot express: nothing is ever left out.
    """

    name: str
    title: str
    call: Call
    steps: Call
    notes: Call | None = None
    options: tuple[DeployerOption, ...] = ()
    dynamic: bool = False
    entrypoint: str = ""
    object_at: str = ""
    kustomize_at: str = ""
    values_at: str = "{component}/values.yaml"
    values_key: str = ""
    archive_key: str = ""
    nulls_at: str = ""
    nulls_key: str = ""
    pulls: bool = False
    timeout: float = limits.DEPLOYER


@attrs.frozen(kw_only=True)
class StoredDocument:
    """A document in a store: its bytes, their format (``yaml``, ``json``, ``table``), what is noted beside it.

    ``kind`` is what it is (``snapshot``, ``report``): a store may file it, and label it, accordingly.
    """

    data: bytes
    format: str = "yaml"
    kind: str = "snapshot"
    notes: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Store:
    """Reads and writes documents of one URI scheme.

    ``read(ctx, uri) -> StoredDocument``; ``write(ctx, uri, StoredDocument)`` writes it whole or not at all.
    ``ctx.options["kubeconfig"]`` is the user's ``--kubeconfig``, ``ctx.options["kind"]`` the kind of document that is
    to be read, if known. ``check(uri)`` raises for a URI that can never work;
    it is called before the work whose result goes there.
    """

    scheme: str
    read: Call
    write: Call
    check: Call | None = None


@attrs.frozen(kw_only=True)
class Signer:
    """Signs bundles, and verifies signatures: ``open(ctx) -> Signing``, ``verify(ctx, data, trust) -> Verified``.

    ``material`` is what its signatures carry for the verifier, in the word of the Sigstore bundle format:
    ``publicKey`` or ``certificate``; that is how the core finds the verifier of a signature. ``keys`` are the kinds of
    private keys it signs with: ``file`` for a path, else the scheme of a URI; a signer without any makes its own
    (keyless). ``open`` gets in ``ctx.options`` what the user gave: ``key``, ``identity_token``, ``signing_config``
    (texts and names of files, unread). ``publishes`` says what signing makes public for ever, and is asked about on a
    terminal. ``verify`` gives the signed payload, or raises AicrError(UNAUTHORIZED) saying which step failed; it makes
    no connection. A signer that only signs leaves it out: another one of its material verifies. ``tool_identity`` (a
    regular expression, matched whole), ``tool_repository`` (what an identity literally begins with) and
    ``tool_issuer`` are who signs the tool itself; without them its attestation is held to what the user says.
    """

    name: str
    material: str
    open: Call
    verify: Call | None = None
    keys: tuple[str, ...] = ()
    publishes: str = ""
    tool_identity: str = ""
    tool_repository: str = ""
    tool_issuer: str = ""


@attrs.frozen(kw_only=True)
class Publisher:
    """Takes whole bundles to places of one URI scheme, and brings them back.

    ``push(ctx, uri, files, facts) -> reference`` with ``files`` a sequence of :class:`Artifact` and ``facts`` texts
    about the bundle (``version``, ``title``); the reference names what was pushed by its digest.
    ``pull(ctx, uri) -> artifacts`` gives it back, whole and checked, or raises. ``check(uri, version) -> uri`` raises
    for a URI that can never work, and gives it as it will be used; ``version`` is the tool's, the default tag of what
    is pushed, and empty for what is pulled. ``ctx.options`` holds ``plain_http`` and ``insecure_tls``. Pushing and
    pulling may take ``timeout`` seconds.
    """

    scheme: str
    push: Call
    pull: Call
    check: Call
    timeout: float = limits.PUBLISH


@attrs.frozen(kw_only=True)
class ChartEngine:
    """Finds and renders Helm charts.

    ``find(ctx, ChartWanted) -> PackagedChart`` looks in the folders of ``ctx.options["charts"]`` and, unless
    ``ctx.options["offline"]``, in the chart's repository; NOT_FOUND says where it looked.
    ``describe(ctx, PackagedChart) -> ChartFacts`` reads it, ``render(ctx, PackagedChart, RenderRequest) -> str`` gives
    its manifests as ``helm template`` does, hooks included: YAML documents, each behind a line ``# Source: TEMPLATE``
    (:func:`rendered_objects` reads them); AicrError(INVALID_REQUEST) is a chart that refuses.
    ``unused(ctx, PackagedChart, RenderRequest) -> dotted paths`` names values that change nothing in what is rendered.
    """

    name: str
    find: Call
    describe: Call
    render: Call
    unused: Call | None = None


@attrs.frozen(kw_only=True)
class BundleLint:
    """Finds what is wrong in a bundle before anybody deploys it: ``call(ctx, BundleView) -> findings``.

    ``rules`` maps the ids of its rules to one line each; a finding of any other rule is an error of the lint. It is
    called once, with all that is known: ``view.stage`` is the last stage that ran (``A``: the bundle as it lies there,
    ``B``: with charts rendered), and ``stages`` says with which it can work.
    """

    name: str
    call: Call
    rules: Mapping[str, str]
    stages: tuple[str, ...] = ("A", "B")


@attrs.frozen(kw_only=True)
class InventoryWriter:
    """Writes an :class:`Inventory` in one format: ``write(inventory) -> str``.

    ``purpose`` is ``mirror`` (``aicr mirror list``) or ``sbom`` (``aicr bundle --sbom``), ``suffix`` the usual end of a
    file's name. The same inventory gives the same text.
    """

    name: str
    purpose: str
    write: Call
    suffix: str = ""
    description: str = ""

    @property
    def key(self) -> str:
        """What no two writers share: one name may stand for a list and for a bill of materials."""
        return f"{self.purpose}:{self.name}"


@attrs.frozen(kw_only=True)
class Command:
    """A further command of the command line; ``call`` is the import string of a click command."""

    name: str
    section: str
    summary: str
    call: str
