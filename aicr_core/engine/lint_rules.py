"""The rules of ``aicr recipe validate``: one table of stable ids. What each looks for is in the ``lint_*`` modules.

An id is never used again for something else: people write it into their configuration.
"""

from __future__ import annotations

from typing import NamedTuple

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)


class Rule(NamedTuple):
    """A rule: what it says of a file, how bad that is, and how to mend it."""

    id: str
    title: str
    severity: str
    help: str


_TABLE = (
    Rule("R001", "The file cannot be read as YAML", ERROR,
         "Mend what the message names: syntax, a key that stands twice, encoding, size, rights."),
    Rule("R002", "A field has the wrong shape, or one that is required is missing", ERROR,
         "Write the type that the message names."),
    Rule("R003", "A key is not known", ERROR,
         "Correct the spelling: what is not known has no effect."),
    Rule("R004", "Kind or apiVersion is not one that is read here", ERROR,
         "Use one of the versions that the message lists."),
    Rule("R005", "The name of an overlay is not that of its file", WARNING,
         "Rename the file or the overlay, so that one is found by the other."),
    Rule("R006", "A name is missing, reserved, or taken by another file", ERROR,
         "Give every overlay, mixin and component a name of its own."),
    Rule("R007", "The base of an overlay does not exist", ERROR,
         "Name an overlay of the catalogue, or install the package that has it."),
    Rule("R008", "Overlays inherit from each other in a circle", ERROR,
         "Let one of them start from the root: `base: base`."),
    Rule("R009", "A mixin does not exist", ERROR,
         "Name a mixin of the catalogue; they lie in mixins/*.yaml."),
    Rule("R010", "Two overlays of one source have equal criteria", ERROR,
         "Join them, or let them differ in a dimension: which of them wins is decided by their names."),
    Rule("R011", "An overlay has the criteria of one of another source", INFO,
         "Nothing, if both set different things: they are applied in the order of their names."),
    Rule("R012", "A criteria value looks like a misspelt one", WARNING,
         "Write the known value. If it is new, declare it in the manifest of a plugin."),
    Rule("R013", "An overlay brings a new criteria value", INFO,
         "Nothing, if the value is meant: `aicr recipe` accepts it wherever the overlay is."),
    Rule("R014", "The criteria of an overlay contradict those of its base", ERROR,
         "Repeat each dimension of the base with the same value."),
    Rule("R015", "An overlay matches where its base does not", WARNING,
         "Repeat the dimensions of the base, which is applied along with the overlay."),
    Rule("R016", "A constraint does not name a reading", ERROR,
         "Write Type.Subtype.Key, or the name of a constraint that a check of the phase reads."),
    Rule("R017", "A constraint names a reading that no collector is known to take", WARNING,
         "Correct the spelling; look at the output of `aicr snapshot`."),
    Rule("R018", "A constraint cannot be evaluated", ERROR,
         "Write an operator and a version, such as \">= 1.30\", or a text."),
    Rule("R019", "A constraint demands less than the base does", INFO,
         "Nothing, if the overlay is meant to loosen it."),
    Rule("R020", "A check does not exist", ERROR,
         "See `aicr validate --list` for the checks of the installed packages."),
    Rule("R021", "A check stands in a phase that is not its own, or twice", ERROR,
         "Move it to the phase that the message names."),
    Rule("R022", "The settings of a phase cannot be used", ERROR,
         "Correct the field, or leave it out."),
    Rule("R023", "A values file does not exist", ERROR,
         "Add the file, or correct the path: it counts from the data root."),
    Rule("R024", "A manifest or another file that is named does not exist", ERROR,
         "Add the file, or correct the path: it counts from the data root."),
    Rule("R025", "A chart is not pinned", ERROR,
         "Write one exact version: the same recipe has to give the same bundle tomorrow."),
    Rule("R026", "A component depends on one that is not in the recipe", ERROR,
         "Add the component, or drop the dependency."),
    Rule("R027", "Components depend on each other in a circle", ERROR,
         "Remove one of the dependencyRefs."),
    Rule("R028", "A component is in no registry", WARNING,
         "Add it to a registry.yaml, or install its package: it gets no defaults, and no bundle can be made of it."),
    Rule("R029", "What is said of a component cannot be deployed", ERROR,
         "Correct the fields that the message names."),
    Rule("R030", "A mixin sets what an overlay has set already", ERROR,
         "Take it out of the mixin or of the overlay."),
    Rule("R031", "An overlay does not resolve to itself", ERROR,
         "Give it criteria, or an overlay that has it as its base."),
    Rule("R032", "Everything an overlay says is replaced in every recipe", WARNING,
         "Remove the overlay, or what replaces it."),
    Rule("R033", "An override sets what is set already", WARNING,
         "Remove it; it would hide a later change of what it repeats."),
    Rule("R034", "An overlay switches off a component that is not there", WARNING,
         "Remove it, or correct the name."),
    Rule("R035", "A component is switched by something that is neither true nor false", WARNING,
         "Write `enabled: false` or `enabled: true`, without quotes."),
    Rule("R036", "A file is not used", WARNING,
         "Name it in an overlay or the registry, move it, or remove it."),
    Rule("R037", "Only the first document of a file is read", WARNING,
         "Make a file of each document."),
    Rule("R038", "Two components answer to one name", ERROR,
         "Take the valueOverrideKey away from one of them."),
    Rule("R039", "An entry of `overrides` in a manifest overrides nothing", WARNING,
         "Remove it: what it names comes from no package before this one."),
    Rule("R040", "Two packages bring the same thing", ERROR,
         "Remove one of the two, or list it under `overrides` in the manifest that shall win."),
    Rule("R041", "Something stands twice in one list", ERROR,
         "Join the two: of two entries of one name the last one counts."),
    Rule("R042", "A comment allows what is not there", WARNING,
         "Remove the comment: its reason has gone."),
)  # fmt: skip
RULES: dict[str, Rule] = {rule.id: rule for rule in _TABLE}
"""Rules by id, in order."""
