# %% [markdown]
# # From a snapshot to a bundle, in Python
#
# Each `# %%` begins a cell: editors and Jupyter (by jupytext) open this file as a notebook. The test suite runs it.

# %%
import json
import pathlib
import tempfile

from aicr_core import api

session = api.Session()
folder = pathlib.Path(tempfile.mkdtemp())

# %% [markdown]
# ## A snapshot
# `session.snapshot()` measures this host; here is what a node with eight H100 on EKS says, shortened.

# %%
snapshot = {
    "kind": "Snapshot",
    "apiVersion": "aicr.nvidia.com/v1alpha1",
    "measurements": [
        {
            "type": "K8s",
            "subtypes": [
                {"subtype": "server", "data": {"version": "v1.33.5"}},
                {"subtype": "node", "data": {"provider": "eks"}},
            ],
        },
        {
            "type": "OS",
            "subtypes": [
                {"subtype": "release", "data": {"ID": "ubuntu", "VERSION_ID": "24.04"}},
                {"subtype": "sysctl", "data": {"/proc/sys/kernel/osrelease": "6.8.0-1021-aws"}},
            ],
        },
        {
            "type": "GPU",
            "subtypes": [{"subtype": "smi", "data": {"gpu.model": "NVIDIA H100 80GB HBM3"}}],
        },
    ],
}
measured = api.Text(json.dumps(snapshot).encode())

# %% [markdown]
# ## The recipe
# What the snapshot cannot know is said. In a notebook the last line of a cell is shown as a table.

# %%
recipe = session.recipe({"intent": "training"}, snapshot=measured)
assert recipe.document["criteria"]["accelerator"] == "h100"
recipe

# %% [markdown]
# ## Does the node satisfy it?

# %%
text = api.Text(json.dumps(recipe.document).encode())
report = session.validate(text, measured)
gate = next(phase for phase in report.phases if phase.gate)
assert all(item.result.status == "passed" for item in gate.items)

# %% [markdown]
# ## Where does a value come from?

# %%
(row,) = session.explain(text, ["components.gpu-operator.values.driver.version"])
print(row["value"], row["origin"])

# %% [markdown]
# ## What would another accelerator change?

# %%
criteria = {"service": "eks", "os": "ubuntu", "intent": "training"}
changes, warnings = session.diff(
    criteria | {"accelerator": "h100"}, criteria | {"accelerator": "gb200"}
)
print(sorted(changes))

# %% [markdown]
# ## The bundle
# In memory, or on disk as `aicr bundle` writes it; the bytes are the same.

# %%
(folder / "recipe.yaml").write_text(api.to_yaml(recipe.document))
report = session.write_bundle(recipe=str(folder / "recipe.yaml"), output=str(folder / "bundle"))
trust = session.verify(bundle=str(folder / "bundle"))
assert not trust.errors
print(report.title, report.files)

# %% [markdown]
# ## Keep results
# `to_dict` gives what `json.dumps` takes, `from_dict` makes it again.

# %%
kept = json.dumps(api.to_dict(recipe))
assert api.from_dict(api.Resolved, json.loads(kept)) == recipe
