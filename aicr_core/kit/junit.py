"""JUnit XML, which CI systems show: suites of cases, each with a verdict. What is a case is the caller's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from xml.etree.ElementTree import Element

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JunitCase(NamedTuple):
    """One case. ``verdict`` is ``failure``, ``error``, ``skipped`` or empty for passed; ``type`` is a word for why."""

    name: str
    classname: str
    verdict: str = ""
    message: str = ""
    type: str = ""
    body: str = ""
    output: str = ""
    properties: Mapping[str, str] = {}
    milliseconds: int | None = None


class JunitSuite(NamedTuple):
    """The cases of one suite; ``attributes`` are further ones of its element."""

    name: str
    cases: Sequence[JunitCase]
    properties: Mapping[str, str] = {}
    attributes: Mapping[str, str] = {}


def junit_document(
    name: str, suites: Sequence[JunitSuite], attributes: Mapping[str, str] | None = None
) -> str:
    """Give the XML document, indented, with a final newline; what XML cannot hold becomes U+FFFD."""
    from xml.etree import ElementTree as ET

    everything = [case for suite in suites for case in suite.cases]
    root = ET.Element("testsuites", {"name": _text(name), **_counts(everything)})
    _set(root, attributes or {})
    for suite in suites:
        element = ET.SubElement(
            root, "testsuite", {"name": _text(suite.name), **_counts(suite.cases)}
        )
        _set(element, suite.attributes)
        _properties(element, suite.properties)
        for case in suite.cases:
            _case(element, case)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def junit_seconds(milliseconds: int) -> str:
    """Give a duration as JUnit has it."""
    return f"{milliseconds / 1000:.3f}"


def _case(suite: Element, case: JunitCase) -> None:
    from xml.etree.ElementTree import SubElement

    element = SubElement(suite, "testcase", {"name": _text(case.name)})
    element.set("classname", _text(case.classname))
    if case.milliseconds is not None:
        element.set("time", junit_seconds(case.milliseconds))
    _properties(element, case.properties)
    if case.verdict:
        found = SubElement(element, case.verdict, {"message": _text(case.message)})
        if case.verdict != "skipped":
            found.set("type", _text(case.type))
        found.text = _text(case.body) or None
    if case.output:
        SubElement(element, "system-out").text = _text(case.output)


def _properties(parent: Element, facts: Mapping[str, str]) -> None:
    from xml.etree.ElementTree import SubElement

    known = {name: value for name, value in facts.items() if value}
    if known:
        properties = SubElement(parent, "properties")
        for name, value in known.items():
            SubElement(properties, "property", {"name": _text(name), "value": _text(value)})


def _counts(cases: Iterable[JunitCase]) -> dict[str, str]:
    verdicts = [case.verdict for case in cases]
    return {
        "tests": str(len(verdicts)),
        "failures": str(verdicts.count("failure")),
        "errors": str(verdicts.count("error")),
        "skipped": str(verdicts.count("skipped")),
    }


def _set(element: Element, attributes: Mapping[str, str]) -> None:
    for name, value in attributes.items():
        element.set(name, _text(value))


def _text(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
