"""Matchers are asked and weighed: the surest wins, ties leave the dimension unset, a failing one harms nobody."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshots import snapshot

from aicr_core.api import Detection, Matcher, Sign, readings, recognise
from aicr_core.app.environment import Environment
from aicr_core.engine.match import detect
from aicr_core.model.settings import Settings

VALUES: dict[str, dict[str, Any]] = {
    "service": {
        "acme": {"aliases": []},
        "other": {"aliases": ["alias"]},
        "any": {"aliases": ["none"]},
    },
    "accelerator": {"x1": {"aliases": []}, "x1-pro": {"aliases": []}},
    "intent": {},
    "os": {"nix": {"aliases": ["nixos"]}},
    "platform": {},
}


def says(
    value: Any, confidence: float = 0.9, *, name: str = "m", dimension: str = "service"
) -> Any:
    """A (plugin, matcher) pair that detects ``value``, or fails with it when it is an exception."""

    def answer(_snapshot: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        if not isinstance(value, str):
            return value
        return Detection(value=value, confidence=confidence, reading=f"T.s.{name}")

    return f"plugin-{name}", Matcher(name=name, dimension=dimension, detect=answer)


EMPTY = snapshot({})


def test_the_surest_wins_and_the_other_reading_is_named() -> None:
    found = detect(EMPTY, VALUES, [says("acme", 0.6, name="a"), says("other", 0.7, name="b")])
    assert found.criteria == {"service": "other"}
    assert found.notes == (
        (
            "service",
            "service is other (T.s.b), though there is also acme (T.s.a); say which with --service",
        ),
    )
    assert [(one.value, one.unused) for one in found.evidence] == [
        ("other", ""),
        ("acme", "less sure"),
    ]


def test_a_tie_of_different_values_leaves_the_dimension_unset() -> None:
    found = detect(
        EMPTY,
        VALUES,
        [says("acme", name="a"), says("other", name="b"), says("acme", 0.1, name="c")],
    )
    assert found.criteria == {}
    ((dimension, text),) = found.notes
    assert dimension == "service"
    assert "left unset: acme (T.s.a) and other (T.s.b) are as sure" in text
    assert all(one.unused for one in found.evidence)


def test_agreeing_matchers_are_no_tie() -> None:
    found = detect(EMPTY, VALUES, [says("alias", name="a"), says("other", name="b")])
    assert found.criteria == {"service": "other"}
    assert found.notes == ()


def test_a_value_the_catalogue_does_not_know_is_left_out_with_a_note() -> None:
    pairs = [says("new", 0.99, name="a"), says("new", 0.5, name="b"), says("acme", 0.2, name="c")]
    found = detect(EMPTY, VALUES, pairs)
    assert found.criteria == {"service": "acme"}
    assert found.notes == (
        ("service", "service new (T.s.a, T.s.b) is no value of the catalogue in use"),
    )


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            RuntimeError("boom\x1b[31m"),
            r"plugin plugin-bad: matcher bad is left out: RuntimeError: boom\x1b[31m",
        ),
        (7, "TypeError"),
        (["acme"], "a str is no Detection"),
    ],
)
def test_a_failing_matcher_is_named_and_harms_nobody(answer: Any, text: str) -> None:
    found = detect(EMPTY, VALUES, [says(answer, name="bad"), says("acme", name="good")])
    assert found.criteria == {"service": "acme"}
    assert text in found.notes[0][1]


def test_a_matcher_that_leads_nowhere_is_named() -> None:
    lost = ("lost", Matcher(name="m", dimension="service", detect="no_such_module:f"))
    odd = says("acme", dimension="colour", name="odd")
    found = detect(EMPTY, VALUES, [lost, odd])
    assert found.criteria == {}
    texts = [text for _, text in found.notes]
    assert any("plugin lost" in text and "no_such_module" in text for text in texts)
    assert any("plugin-odd" in text and "no dimension" in text for text in texts)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan"), "high", None])
def test_a_confidence_is_between_0_and_1(confidence: Any) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Detection(value="acme", confidence=confidence, reading="T.s.k")


def test_several_detections_of_one_matcher_are_weighed_apart() -> None:
    several = [Detection(value=v, confidence=0.9, reading=f"T.s.{v}") for v in ("acme", "other")]
    assert detect(EMPTY, VALUES, [says(several)]).criteria == {}


def test_the_core_reads_what_is_named_literally() -> None:
    """So a catalogue of one's own works without a plugin; versions and products it does not interpret."""
    document = snapshot(
        {
            "K8s.server": {"service": "other", "version": "v1.33.0-acme-1"},
            "OS.release": {"ID": "NixOS"},
            "GPU.smi": {"gpu.model": "Corp X1 Pro 80GB"},
        }
    )
    found = detect(document, VALUES)
    assert found.criteria == {"service": "other", "accelerator": "x1-pro", "os": "nix"}
    node = detect(
        snapshot({"K8s.server": {"service": "other"}, "K8s.node": {"provider": "acme"}}), VALUES
    )
    assert node.criteria == {"service": "acme"}
    wild = {
        "K8s.server": {"service": "none"},
        "OS.release": {"ID": "unknown"},
        "GPU.smi": {"model": "X12"},
    }
    assert detect(snapshot(wild), VALUES) == ({}, (), ())


def test_a_plugin_that_reads_the_same_stands_for_the_core() -> None:
    document = snapshot({"K8s.node": {"provider": "acme"}})
    reads = Detection(value="acme", confidence=0.95, reading="K8s.node.provider")
    (one,) = detect(document, VALUES, [says([reads])]).evidence
    assert (one.plugin, one.confidence) == ("plugin-m", 0.95)


def test_readings_are_text_and_sorted() -> None:
    document = snapshot({"A.x": {"b": 1.0, "a": True, "c": None}})
    document["measurements"].append({"type": "A", "subtypes": [{"subtype": "x", "data": {"a": 2}}]})
    document["measurements"].append({"type": "A"})
    assert readings(document, "A.x") == [("a", "2"), ("a", "true"), ("b", "1"), ("c", "")]
    assert readings(document, "A.x", "b") == [("b", "1")]
    assert readings({}, "A.x") == []


def test_signs() -> None:
    document = snapshot({"A.x": {"k.one": "Yes\nno", "k.two": "no"}})
    assert recognise(document, "v", [Sign("A.x.k.two", 0.5, "yes")]) is None
    signs = [Sign("A.x.k.two", 0.5), Sign("A.x.k.*", 0.6, "yes.*")]
    assert recognise(document, "v", signs) == Detection(
        value="v", confidence=0.6, reading="A.x.k.one"
    )
    assert recognise(document, "v", [Sign("A.x.k", 0.5)]) is None


PIECES: list[tuple[str, dict[str, Any]]] = [
    ("K8s.node", {"provider": "eks", "os-image": "Ubuntu 24.04"}),
    ("K8s.node", {"provider-id": "gce://p/z/n"}),
    ("K8s.server", {"version": "v1.33.1-aks", "service": "oke"}),
    ("OS.release", {"ID": "amzn"}),
    ("OS.release", {"ID": "rhel"}),
    ("GPU.smi", {"gpu.model": "NVIDIA H100 NVL"}),
    ("GPU.smi", {"gpu.model": "NVIDIA B200"}),
    ("GPU.hardware", {"model": "gb200"}),
    ("GPU.device", {"model": "NVIDIA L40S"}),
    ("NodeTopology.label", {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB|a"}),
    ("NodeTopology.label", {"kubernetes.azure.com/cluster": "x|a", "oke.oraclecloud.com/p": "x|b"}),
]


@pytest.fixture(scope="module")
def installed() -> Any:
    environment = Environment(Settings.from_env(os.environ))
    matchers = list(environment.manager.named("aicr_matchers", "name").values())
    assert len(matchers) >= 12
    return environment.catalogue().criteria_values(), matchers


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=150)
def test_the_order_of_measurements_never_matters(
    installed: Any, pieces: list[Any], order: random.Random
) -> None:
    values, matchers = installed
    document = {
        "measurements": [
            {
                "type": place.partition(".")[0],
                "subtypes": [{"subtype": place.partition(".")[2], "data": data}],
            }
            for place, data in pieces
        ]
    }
    shuffled = {"measurements": order.sample(document["measurements"], len(pieces))}
    asked = order.sample(matchers, len(matchers))
    assert detect(document, values, matchers) == detect(shuffled, values, asked)
