"""Images in Kubernetes documents: each form that names one, and what looks like one and is none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.engine.images import Found, in_documents, in_text, in_values
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.errors import AicrError
from aicr_core.kit.imageref import image_reference

SHA = "ab" * 32


def of(document: Any) -> list[str]:
    """The images of a document that has no problem."""
    found = in_documents([document])
    assert found.problems == ()
    return list(found.images)


def pod(**spec: Any) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


def test_every_place_of_a_pod() -> None:
    document = pod(
        containers=[{"name": "a", "image": "busybox"}, {"name": "b", "image": "x.io/b:1"}],
        initContainers=[{"name": "i", "image": f"y.io/i@sha256:{SHA}"}],
        ephemeralContainers=[{"name": "e", "image": "debug"}],
        volumes=[
            {"name": "v", "image": {"reference": "m.io/model:3"}},
            {"name": "w", "emptyDir": {}},
        ],
    )
    assert of(document) == ["busybox", "debug", "m.io/model:3", "x.io/b:1", f"y.io/i@sha256:{SHA}"]


@pytest.mark.parametrize(
    "path",
    [
        ("spec", "template", "spec"), ("spec", "jobTemplate", "spec", "template", "spec"), ("template", "spec"),
        ("spec", "workloads", 0, "podTemplate"),
    ],
)  # fmt: skip
def test_a_pod_template_wherever_it_stands(path: tuple[Any, ...]) -> None:
    document: Any = {"containers": [{"name": "c", "image": "plain"}]}
    for part in reversed(path):
        document = [document] if part == 0 else {part: document}
    assert of({"kind": "Whatever", **document}) == ["plain"]
    assert of({"kind": "List", "items": [document]}) == ["plain"]


@pytest.mark.parametrize(
    ("node", "image"),
    [
        ({"repository": "nvcr.io/nvidia", "image": "driver", "version": "570.1"}, "nvcr.io/nvidia/driver:570.1"),
        ({"repository": "nvcr.io/nvidia/", "image": "driver", "version": 2}, "nvcr.io/nvidia/driver:2"),
        ({"repository": "other.io", "image": "nvcr.io/nvidia/driver", "version": "1"}, "nvcr.io/nvidia/driver:1"),
        ({"image": "driver:1"}, "driver:1"),
        ({"image": "driver:1", "version": "2"}, "driver:1"),
        ({"image": "a.io/b"}, "a.io/b"),
        ({"image": "driver", "version": f"sha256:{SHA}"}, f"driver@sha256:{SHA}"),
        ({"image": "a/b", "containerSHA": SHA}, f"a/b@sha256:{SHA}"),
        ({"image": "a/b", "version": "1", "containerSHA": f"sha256:{SHA}"}, f"a/b:1@sha256:{SHA}"),
        ({"image": "driver"}, None),
        ({"image": "team/driver"}, None),
        ({"image": ""}, None),
        ({"image": "{{ .Values.x }}:1"}, None),
        ({"image": "${REGISTRY}/x:1"}, None),
        ({"image": "a photograph"}, None),
        ({"image": 5}, None),
        ({"image": {"type": "string"}}, None),
        ({"image": "x", "version": True}, None),
        ({"repository": "https://git.example/x", "version": "1"}, None),
    ],
)  # fmt: skip
def test_an_image_in_pieces(node: dict[str, Any], image: str | None) -> None:
    assert of({"kind": "ClusterPolicy", "spec": {"driver": node}}) == ([image] if image else [])


@pytest.mark.parametrize(
    ("container", "image"),
    [
        ({"args": ["--acme-http01-solver-image=quay.io/jetstack/solver:v1.17.2"]}, "quay.io/jetstack/solver:v1.17.2"),
        ({"args": ["--prometheus-config-reloader=quay.io/p/r:v0.79"]}, "quay.io/p/r:v0.79"),
        ({"command": ["run", "--image", f"quay.io/a/b@sha256:{SHA}"]}, f"quay.io/a/b@sha256:{SHA}"),
        ({"env": [{"name": "RELATED_IMAGE_AGENT", "value": "a.io/agent:1"}]}, "a.io/agent:1"),
        ({"env": [{"name": "driverImage", "value": "team/agent:1"}]}, "team/agent:1"),
        ({"args": ["--listen=localhost:8080", "--to=a.example.com:443", "--url=https://a.io/b:1"]}, None),
        ({"args": ["--name=team/app:1", "/bin/sh", "-c", "run a.io/b:1 now"]}, None),
        ({"env": [{"name": "IMAGE_PULL_POLICY", "value": "Always"}, {"name": "IMAGE_TAG", "value": "v1"}]}, None),
        ({"env": [{"name": "ADDRESS", "value": "a.io/agent:1"}]}, None),
        ({"env": [{"name": "IMAGE", "valueFrom": {}}, {"name": "IMAGE"}, "IMAGE"], "args": "x", "command": [1]}, None),
    ],
)  # fmt: skip
def test_an_image_that_a_controller_is_told_of(
    container: dict[str, Any], image: str | None
) -> None:
    own = {"name": "c", "image": "own.io/c:1", **container}
    assert of(pod(containers=[own])) == sorted(["own.io/c:1", *([image] if image else [])])


@pytest.mark.parametrize("image", ["{{ x }}", "$(IMAGE)", "a b", "UPPER", 5, ["x"]])
def test_a_container_whose_image_cannot_be_read_is_a_problem(image: Any) -> None:
    found = in_documents([pod(containers=[{"name": "c", "image": image}])])
    assert found.images == ()
    (problem,) = found.problems
    assert problem.startswith("container c of Pod p has the image ")


def test_a_container_that_a_controller_completes_is_none() -> None:
    assert of(pod(containers=[{"name": "c"}, {"name": "d", "image": ""}])) == []


def test_a_list_of_containers_may_be_null() -> None:
    assert of(pod(containers=[{"name": "a", "image": "a.io/a:1"}], initContainers=None)) == [
        "a.io/a:1"
    ]


def test_an_image_as_a_mapping_in_a_custom_resource() -> None:
    node = {
        "image": {
            "registry": "cr.example",
            "repository": "a/b",
            "tag": "v2",
            "pullPolicy": "Always",
        }
    }
    assert of({"kind": "GatewayParameters", "spec": {"kube": {"envoy": node}}}) == [
        "cr.example/a/b:v2"
    ]
    schema = {"image": {"type": "object", "properties": {"repository": {"type": "string"}}}}
    assert of({"kind": "CustomResourceDefinition", "spec": schema}) == []


@pytest.mark.parametrize(
    ("text", "images"),
    [
        (
            "kind: Pod\nspec:\n  containers:\n  - name: helper\n    image: busybox:1\n",
            ["busybox:1"],
        ),
        ('{"spec": {"initContainers": [{"name": "x", "image": "a.io/x"}]}}', ["a.io/x"]),
        ("containers:\n{{ range .x }}\n- image: a.io/x:1\n{{ end }}\n", []),
        ("containers: [{name: x, image: '{{ x }}'}]\n", []),
        ("#!/bin/sh\n# containers: image: a.io/x:1\n", []),
        ("image: a.io/x:1\n", []),
    ],
)
def test_pod_templates_in_config_maps(text: str, images: list[str]) -> None:
    assert of({"kind": "ConfigMap", "data": {"helperPod.yaml": text, "n": 1}}) == images


def test_what_is_nested_too_deep_is_one_line() -> None:
    deep: Any = {"image": "x.io/x:1"}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(AicrError, match="nested too deep"):
        in_documents([{"kind": "X", "spec": deep}])


def test_shapes_that_no_api_server_would_take() -> None:
    for document in (None, "image: x:1", 7, [], [[]], pod(containers="x"), pod(containers=[None, 3]), pod(containers={}),
                     pod(volumes={"image": 1}), pod(volumes=[3, {"image": 4}]), {"metadata": 1, "kind": []}):  # fmt: skip
        in_documents([document])


STREAM = """\
# a comment
---
# Source: chart/templates/a.yaml
apiVersion: v1
kind: Pod
spec:
  containers:
  - {name: a, image: "a.io/a:1"}
--- # behind the mark
{"kind": "Pod", "spec": {"containers": [{"name": "j", "image": "j.io/j:1"}]}}
---
kind: CustomResourceDefinition
spec:
  properties:
    image:
      type: string
      description: "for example {unclosed"
---
kind: ConfigMap
data:
  script: |
    image: inside.io/text:1
---
kind: CustomResourceDefinition
spec: {default: {image: 'd.io/d:1'}}
---
"""


def test_a_stream() -> None:
    assert in_text(STREAM, "x").images == ("a.io/a:1", "d.io/d:1", "j.io/j:1")
    assert in_text("", "x") == Found()
    with pytest.raises(AicrError, match="not valid YAML"):
        in_text("kind: Pod\nspec: {containers: [{image: ", "x")


def test_a_definition_that_cannot_name_an_image_is_not_parsed() -> None:
    """It need not even be YAML: that shows that the megabytes of definitions cost nothing."""
    assert in_text("kind: CustomResourceDefinition\nimage:\n  type: string\n{{{", "x") == Found()


def test_values_are_guessed() -> None:
    values = {
        "image": {"registry": "r.io", "repository": "a/b", "tag": "1.2"},
        "driver": {"repository": "nvcr.io/nvidia", "image": "driver", "version": "570"},
        "containers": [{"name": "x", "image": "{{ .Values.y }}"}],
        "git": {"repository": "https://git.example/x.git", "tag": "v1"},
    }
    assert in_values(values).images == ("nvcr.io/nvidia/driver:570", "r.io/a/b:1.2")
    assert in_values(values).problems == ()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("abz./:@-1 ${}", max_size=12),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["image", "containers", "initContainers", "volumes", "repository", "version", "containerSHA", "name", "spec",
             "env", "args", "value", "reference"]
        ),
        inner, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(_JSON)
def test_whatever_is_found_is_a_reference_and_stands_in_the_text_too(document: Any) -> None:
    found = in_documents([document])
    assert all(image_reference(text) for text in found.images)
    assert list(found.images) == sorted(set(found.images))
    again = in_text(to_yaml({"kind": "X", "image": "seen.io/x:1", "rest": document}), "x")
    assert set(again.images) == {*found.images, "seen.io/x:1"}


@given(_JSON, _JSON)
def test_more_documents_never_give_fewer_images(one: Any, other: Any) -> None:
    both = in_documents([one, other])
    assert set(both.images) == {*in_documents([one]).images, *in_documents([other]).images}
