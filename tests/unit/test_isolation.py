"""Plugins in processes of their own: the same bytes as in process, and a bad one hurts nobody but itself."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from distributions import distribution

from aicr_core.app.environment import Environment
from aicr_core.cli.root import run
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.run import Context, Runner, Task
from aicr_core.model.settings import Settings
from aicr_core.plugins import providers
from aicr_core.plugins.guarded import guarded
from aicr_core.plugins.manager import resolve
from aicr_core.plugins.remote import RemotePlugin
from aicr_core.plugins.workers import environment as allowed

RECIPE: dict[str, Any] = {
    "kind": "RecipeResult",
    "apiVersion": "aicr.nvidia.com/v1alpha1",
    "criteria": {"service": "eks"},
    "componentRefs": [
        {"name": name, "namespace": "n", "type": "Helm", "source": "https://e.example", "version": "1"}
        for name in ("csi", "dns", "log")
    ],
}  # fmt: skip
HEAD = "import os, sys, time\nfrom aicr_core import api\n"
GOOD = """
@api.hookimpl
def aicr_bundlers():
    for name in ("csi", "dns"):
        yield api.Bundler(component=name, call=lambda ctx, component, values, plan: api.ComponentBundle(
            name=component["name"], values={"seen": values, "left": ctx.remaining() > 0},
            manifests=(api.Artifact(path="m.yaml", data=b"kind: X\\napiVersion: v1\\nmetadata: {name: m}\\n"),)))
@api.hookimpl
def aicr_collectors(settings):
    yield api.Collector(name="acme", produces="Acme", call=lambda ctx: api.Measurement(
        type="Acme", subtypes=(api.Subtype(name="x", data={"a": 1, "b": True, "c": "d"}),)))
@api.hookimpl
def aicr_matchers():
    yield api.Matcher(name="acme", dimension="service", detect=lambda snapshot: api.Detection(
        value="eks", confidence=0.9, reading="Acme.x.a"))
@api.hookimpl
def aicr_patch_values(component, values, criteria):
    return {**values, "patched": {1: [component["name"], criteria["service"], None, 2.5]}}
@api.hookimpl
def aicr_policy(subject, stage):
    return [{"verdict": "warn", "message": f"{stage} of {subject['criteria']['service']}"}]
"""
HOOKS = ("aicr_bundlers", "aicr_collectors", "aicr_matchers", "aicr_patch_values", "aicr_policy")


@pytest.fixture
def site(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("AICR_INDEX_DIR", str(tmp_path / "index"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(to_yaml(RECIPE))
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith(("aicr_acme", "aicr_bad", "aicr_good")):
            del sys.modules[name]


def plugin(
    site: pathlib.Path,
    name: str,
    source: str,
    hooks: tuple[str, ...],
    isolation: str = "process",
    more: str = "",
) -> None:
    listed = json.dumps(list(hooks))
    manifest = f'name = "{name}"\nhookspec = ">=1.0,<2"\nhooks = {listed}\nisolation = "{isolation}"\n{more}'
    distribution(site, name, manifest, HEAD + source)


def environment(**env: str) -> Environment:
    return Environment(Settings.from_env({**os.environ, **env}))


def files(folder: pathlib.Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


# --- the same as in process -----------------------------------------------------------------------


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_bundles_are_the_same_bytes_however_a_plugin_runs(
    isolation: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, said = [], []
    for how in ("inline", isolation):
        site = tmp_path / how
        site.mkdir()
        plugin(site, "acme", GOOD, HOOKS, how)
        for jobs in ("1", "4"):
            env = {
                **os.environ, "PYTHONPATH": str(site), "AICR_INDEX_DIR": str(tmp_path / f"index-{how}"),
            }  # fmt: skip
            out = tmp_path / "out"
            (tmp_path / "recipe.yaml").write_text(to_yaml(RECIPE))
            done = subprocess.run(
                [sys.executable, "-m", "aicr_core", "bundle", "-r", "recipe.yaml", "-o", "out", "--jobs", jobs],
                cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            made.append(files(out))
            said.append(done.stdout + done.stderr)
            out.rename(tmp_path / f"{how}-{jobs}")
    assert made[0] == made[1] == made[2] == made[3]
    assert b"patched" in made[0]["csi/values.yaml"]
    assert "bundle of eks" in said[0]
    assert "bundle of eks" in said[3]


@pytest.mark.parametrize("isolation", ["inline", "thread", "process"])
def test_collectors_and_matchers(isolation: str, site: pathlib.Path) -> None:
    plugin(site, "acme", GOOD, HOOKS, isolation)
    manager = environment().manager
    known = manager.named("aicr_collectors", "name", settings=manager.settings)
    measured = resolve(known["acme"][1].call)(Context())
    assert measured.subtypes[0].data == {"a": 1, "b": True, "c": "d"}
    matcher = manager.named("aicr_matchers", "name")["acme"][1]
    assert resolve(matcher.detect)({}).value == "eks"


def test_nothing_of_the_plugin_is_imported_here(site: pathlib.Path) -> None:
    plugin(site, "acme", GOOD, HOOKS)
    assert environment().manager.providers("aicr_bundlers")
    assert "aicr_acme.hooks" not in sys.modules
    assert "aicr_acme" not in sys.modules


def test_several_calls_at_once_take_several_workers_which_are_kept(site: pathlib.Path) -> None:
    plugin(site, "acme", """
def call(ctx):
    time.sleep(0.5)
    return [os.getpid()]
@api.hookimpl
def aicr_collectors(settings):
    yield api.Collector(name="acme", produces="Acme", call=call)
""", ("aicr_collectors",))  # fmt: skip
    call = collector(environment(), "acme")
    tasks = [Task(str(number), "acme", call, 20.0) for number in range(2)]
    first = {outcome.value[0] for outcome in Runner(2).run(tasks)}
    again = {outcome.value[0] for outcome in Runner(2).run(tasks)}
    assert len(first) == 2
    assert again == first


def collector(made: Environment, name: str) -> Callable[..., Any]:
    known = made.manager.named("aicr_collectors", "name", settings=made.settings)
    assert name in known, made.manager.problems
    return resolve(known[name][1].call)  # type: ignore[no-any-return]


# --- the bad ones ---------------------------------------------------------------------------------

CALLS = {
    "raises": ("1 / 0", "ZeroDivisionError: division by zero", None),
    "raises ours": ("raise api.AicrError(api.Code.NOT_FOUND, 'no gpu', hint='plug one in')", "no gpu", Code.NOT_FOUND),
    "raises the unpicklable": (
        "raise type('Odd', (Exception,), {'__reduce__': lambda s: 1 / 0, '__str__': lambda s: 1 / 0})(sys)", "Odd", None),
    "gives the unknown": ("return object()", "cannot go to another process", Code.INTERNAL),
    "exits": ("sys.exit(3)", "SystemExit: 3", None),
    "exits at once": ("os._exit(3)", "ended in the middle of its work (status 3)", Code.INTERNAL),
    "is killed": ("os.kill(os.getpid(), 9)", "signal 9", Code.INTERNAL),
    "crashes": ("import ctypes; ctypes.string_at(0)", "signal 11", Code.INTERNAL),
    "hangs": ("time.sleep(60)", "took longer than", Code.TIMEOUT),
    "hangs deaf": (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    while True: pass", "took longer than", Code.TIMEOUT),
    "hungry": ("return ['x' * (1 << 33)]", "MemoryError", None),
    "recursive": ("f = lambda: f()\n    return f()", "RecursionError", None),
    "prints without end": ("while True: print('y' * 1000)", "printed without an end", Code.INTERNAL),
    "logs without end": ("while True: ctx.log('y' * 1000)", "printed without an end", Code.INTERNAL),
    "gives too much": ("return [b'x' * (60 << 20)]", "a message without an end", Code.INTERNAL),
    "writes garbage": ("say(b'garbage\\n'); time.sleep(60)", "nonsense", Code.INTERNAL),
    "writes a lie": (
        "say(b'{\"type\":\"gift\"}\\n'); time.sleep(60)", "nonsense", Code.INTERNAL),
    "asks unasked": (
        "say(b'{\"type\":\"ask\"}\\n'); time.sleep(60)", "was not given", Code.INTERNAL),
    "closes its pipes": ("os.closerange(3, 9); time.sleep(60)", "closed its output", Code.INTERNAL),
    "leaves a child with its pipes": (
        "pid = os.fork()\n    if not pid: time.sleep(60)\n    os._exit(4)", "status 4", Code.INTERNAL),
    "forks and hangs": ("[os.fork() for _ in range(5)]; time.sleep(60)", "took longer than", Code.TIMEOUT),
}  # fmt: skip
BAD = """
def say(data):
    for fd in range(3, 9):
        try: os.write(fd, data)
        except OSError: pass
def call(ctx):
    {body}
@api.hookimpl
def aicr_collectors(settings):
    yield api.Collector(name="bad", produces="Bad", call=call)
    yield api.Collector(name="fine", produces="Fine", call=lambda ctx: api.Measurement(type="Fine"))
"""


@pytest.mark.parametrize("kind", CALLS)
def test_a_bad_call_is_an_error_with_the_plugins_name(
    kind: str, site: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, text, code = CALLS[kind]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    plugin(site, "bad", BAD.format(body=body), ("aicr_collectors",))
    made = environment()
    call = collector(made, "bad")
    heard: list[str] = []
    timeout = 1.5 if code is Code.TIMEOUT else 30.0
    with within(timeout + 10), pytest.raises(Exception) as caught:
        call(Context(timeout=timeout, log=heard.append))
    assert text in f"{type(caught.value).__name__}: {caught.value}"
    if code is not None:
        assert isinstance(caught.value, AicrError)
        assert caught.value.code is code
        assert caught.value.plugin == "bad"
    assert len(heard) <= 201
    # The same plugin goes on working, and its processes and folders are gone when it is closed.
    assert collector(made, "fine")(Context()).type == "Fine"
    made.manager.load(made.index.row("bad") or {}).close()
    assert not list(temporary.iterdir())
    assert not _running(temporary)


def _running(folder: pathlib.Path) -> list[str]:
    """Give the processes that work, or worked, in a folder."""
    found = []
    for place in pathlib.Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if str(folder) in os.readlink(place):
                found.append(place.parent.name)
    return found


IMPORTS = {
    "raises": ("1 / 0", "ZeroDivisionError"),
    "exits": ("os._exit(3)", "status 3"),
    "hangs": ("time.sleep(60)", "took longer than"),
    "prints": ("while True: print('y' * 1000)", "printed without an end"),
    "takes wrong arguments": ("@api.hookimpl\ndef aicr_deployers(nothing): ...", "nothing"),
    "reads standard input": ("assert not sys.stdin.read()\nraise ValueError('read')", "read"),
}


@pytest.mark.parametrize("kind", IMPORTS)
def test_a_bad_import_leaves_the_others(
    kind: str, site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, text = IMPORTS[kind]
    plugin(site, "bad", source, HOOKS, more="[limits]\nseconds = 2\n")
    plugin(site, "acme", GOOD, HOOKS)
    manager = environment().manager
    found = manager.providers("aicr_bundlers")
    assert {name for name, _ in found if name in ("acme", "bad")} == {"acme"}
    (problem,) = [problem for problem in manager.problems if problem.plugin == "bad"]
    assert text in problem.message


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("return 3", "int"),
        ("return [object()]", "cannot go to another process"),
        ("return api.Detection(value='x', confidence=1, reading='y')", "cannot give a Detection"),
        ("return ['x' * 10]", "no provider"),
        ("time.sleep(60)", "took longer"),
    ],
)
def test_bad_answers_of_hooks(body: str, text: str, site: pathlib.Path) -> None:
    source = f"@api.hookimpl\ndef aicr_bundlers():\n    {body}\n"
    plugin(site, "bad", source, ("aicr_bundlers",), more="[limits]\nseconds = 2\n")
    manager = environment().manager
    assert "bad" not in {name for name, _ in manager.named("aicr_bundlers", "component").values()}
    (problem,) = [problem for problem in manager.problems if problem.plugin == "bad"]
    assert text in problem.message


@pytest.mark.parametrize(
    ("hook", "provider"),
    [
        ("aicr_commands", "api.Command(name='x', section='s', summary='s', call='os:getcwd')"),
        ("aicr_agents", "api.Agent(name='x', call='os:getcwd')"),
        ("aicr_clusters", "api.ClusterAccess(name='x', connect='os:getcwd')"),
        ("aicr_check_runners", "api.CheckRunner(name='x', open='os:getcwd')"),
        ("aicr_signers", "api.Signer(name='x', material='publicKey', open='os:getcwd')"),
    ],
)
def test_what_gives_live_objects_is_refused_with_the_reason(
    hook: str, provider: str, site: pathlib.Path
) -> None:
    plugin(site, "bad", f"@api.hookimpl\ndef {hook}():\n    yield {provider}\n", (hook,))
    manager = environment().manager
    assert "x" not in manager.named(hook, "name")
    (problem,) = [problem for problem in manager.problems if problem.plugin == "bad"]
    assert "cannot run in a process of its own" in problem.message


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_a_hook_that_hangs_is_given_up(
    isolation: str, site: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aicr_core.kit.limits.HOOK", 0.5)
    source = "@api.hookimpl\ndef aicr_patch_values(component, values, criteria): time.sleep(60)\n"
    more = "[limits]\nseconds = 1\n" if isolation == "process" else ""
    plugin(site, "bad", source, ("aicr_patch_values",), isolation, more)
    plugin(site, "good", GOOD, ("aicr_patch_values",))
    manager = environment().manager
    with within(8):
        answers = manager.call(
            "aicr_patch_values", component={"name": "x"}, values={"a": 1}, criteria={"service": "s"}
        )
    assert [name for name, _ in answers] == ["good"]
    (problem,) = [problem for problem in manager.problems if problem.plugin == "bad"]
    assert "took longer than" in problem.message


def test_a_function_that_hangs_in_a_thread_is_given_up(
    site: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aicr_core.kit.limits.TASK", 0.5)
    source = """
@api.hookimpl
def aicr_matchers():
    yield api.Matcher(name="bad", dimension="service", detect=lambda snapshot: time.sleep(60))
"""
    plugin(site, "bad", source, ("aicr_matchers",), "thread")
    matcher = environment().manager.named("aicr_matchers", "name")["bad"][1]
    with within(5), pytest.raises(AicrError, match="took longer than") as caught:
        resolve(matcher.detect)({})
    assert caught.value.code is Code.TIMEOUT


def test_the_policy_puts_a_plugin_into_a_process(
    site: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    made = environment()
    policy = pathlib.Path(made.settings.policy_path)
    policy.parent.mkdir(parents=True)
    policy.write_text('isolate = ["acme"]\n')
    plugin(site, "acme", GOOD, HOOKS, "inline")
    assert environment().manager.providers("aicr_bundlers")
    assert "aicr_acme" not in sys.modules


@pytest.mark.parametrize("wants", [">=9", "<1"])
def test_a_worker_that_cannot_agree_says_so(wants: str, site: pathlib.Path) -> None:
    plugin(site, "acme", GOOD, HOOKS)
    made = environment()
    row = {**(made.index.row("acme") or {}), "hookspec": wants}
    with pytest.raises(AicrError, match="it wants hook API") as caught:
        RemotePlugin(row, made.settings, print).hook("aicr_bundlers", {})
    assert caught.value.plugin == "acme"


# --- from the command line ------------------------------------------------------------------------


def test_a_bad_collector_leaves_the_snapshot_of_the_others(
    site: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin(site, "bad", BAD.format(body="os._exit(3)"), ("aicr_collectors",))
    plugin(site, "acme", GOOD, ("aicr_collectors",))
    assert (
        run(["snapshot", "--local", "--collector", "bad", "--collector", "acme", "-o", "s.yaml"])
        == 0
    )
    text = capsys.readouterr()
    assert "type: Acme" in (tmp_path / "s.yaml").read_text()
    assert "ended in the middle of its work (status 3)" in text.err + text.out


def test_a_bad_bundler_fails_its_component_and_names_itself(
    site: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin(site, "bad", """
def call(ctx, component, values, plan):
    print("what it says")
    os._exit(3)
@api.hookimpl
def aicr_bundlers():
    yield api.Bundler(component="log", call=call)
""", ("aicr_bundlers",))  # fmt: skip
    plugin(site, "acme", GOOD, HOOKS)
    assert run(["bundle", "-r", "recipe.yaml", "-o", "bundle"]) == 8
    text = capsys.readouterr().err
    assert "ended in the middle of its work (status 3)" in text
    assert "bad" in text
    assert not (tmp_path / "bundle").exists()


def test_a_policy_that_crashes_stops_the_command(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin(
        site,
        "bad",
        "@api.hookimpl\ndef aicr_policy(subject, stage): os._exit(0)\n",
        ("aicr_policy",),
    )
    assert run(["bundle", "-r", "recipe.yaml", "-o", "bundle"]) != 0
    assert "status 0" in capsys.readouterr().err


def test_calls_are_traced(
    site: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AICR_TRACE_PLUGINS", "1")
    plugin(site, "acme", GOOD, HOOKS)
    assert run(["bundle", "-r", "recipe.yaml", "-o", "bundle"]) == 0
    text = capsys.readouterr().err
    assert "acme: aicr_bundlers() -> list in " in text
    assert "ComponentBundle in " in text
    assert "in a worker" in text


# --- what a worker has ----------------------------------------------------------------------------


def test_the_environment_is_a_list_of_what_is_allowed() -> None:
    env = {
        "PATH": "/bin", "LC_ALL": "C", "TZ": "UTC", "AICR_X": "1", "AICR_SIGNING_TOKEN": "s", "AWS_SECRET_ACCESS_KEY": "s",
        "SSH_AUTH_SOCK": "s", "ACME_HOME": "h", "ACME_TOKEN": "t", "KUBECONFIG": "k", "aicr_password": "s", "https_proxy": "p",
    }  # fmt: skip
    assert set(allowed(env, (), ())) == {"PATH", "LC_ALL", "TZ", "AICR_X"}
    assert {"ACME_HOME"} == set(allowed(env, ("ACME_*",), ())) - set(allowed(env, (), ()))
    assert "ACME_TOKEN" in allowed(env, ("ACME_TOKEN",), ())
    assert {"KUBECONFIG", "https_proxy"} <= set(allowed(env, (), ("cluster.read", "net")))


def test_a_worker_has_a_folder_three_streams_and_no_secrets(
    site: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AICR_ACME_TOKEN", "s3cret")
    monkeypatch.setenv("SSH_AUTH_SOCK", "s3cret")
    opened, kept = os.pipe()
    os.set_inheritable(opened, True)
    plugin(site, "acme", """
def call(ctx):
    print("said to", "standard output")
    os.system("echo said by a child")
    open("left", "w").close()
    return [dict(os.environ), dict(ctx.settings.env), os.getcwd(), sorted(os.listdir("/proc/self/fd")), ctx.remaining()]
@api.hookimpl
def aicr_collectors(settings):
    yield api.Collector(name="acme", produces="Acme", call=call)
""", ("aicr_collectors",))  # fmt: skip
    heard: list[str] = []
    made = environment()
    env, settings, folder, descriptors, left = collector(made, "acme")(
        Context(timeout=7, log=heard.append, settings=made.settings)
    )
    os.close(opened)
    os.close(kept)
    assert "s3cret" not in {*env.values(), *settings.values()}
    assert "PATH" in env
    assert len(descriptors) == 6, "three streams, two pipes of messages, the listing"
    assert 0 < left < 7.2
    assert sorted(heard) == ["acme: said by a child", "acme: said to standard output"]
    assert pathlib.Path(folder, "left").exists()
    made.manager.load(made.index.row("acme") or {}).close()
    assert not pathlib.Path(folder).exists()


@pytest.mark.parametrize("limit", ["seconds = 1", "memory_mib = 300"])
def test_the_manifest_bounds_a_call(limit: str, site: pathlib.Path) -> None:
    body = "time.sleep(60)" if "seconds" in limit else "return [len('x' * (400 << 20))]"
    plugin(site, "bad", BAD.format(body=body), ("aicr_collectors",), more=f"[limits]\n{limit}\n")
    with within(15), pytest.raises(Exception, match=r"took longer than 1 s|MemoryError|^$"):
        collector(environment(), "bad")(Context(timeout=30))


# --- the end --------------------------------------------------------------------------------------


def test_a_call_that_nobody_wants_any_more_is_ended(site: pathlib.Path) -> None:
    plugin(site, "bad", BAD.format(body="time.sleep(60)"), ("aicr_collectors",))
    call = collector(environment(), "bad")
    cancelled = threading.Event()
    threading.Timer(0.5, cancelled.set).start()
    with within(2.5), pytest.raises(AicrError, match="not wanted any more"):
        call(Context(timeout=30, cancelled=cancelled))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_the_command(
    number: signal.Signals, site: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    body = "open(os.environ['AICR_ACME_MARK'], 'w').close(); os.fork(); time.sleep(60)"
    plugin(site, "bad", BAD.format(body=body), ("aicr_collectors",))
    mark, temporary = tmp_path / "mark", tmp_path / "temporary"
    temporary.mkdir()
    env = {
        **os.environ, "PYTHONPATH": str(site), "AICR_ACME_MARK": str(mark), "TMPDIR": str(temporary),
    }  # fmt: skip
    command = subprocess.Popen(
        [sys.executable, "-m", "aicr_core", "snapshot", "--local", "--collector", "bad", "-o", "s.yaml"],
        env=env, cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    end = time.monotonic() + 30
    while not mark.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    assert _running(temporary)
    with within(3.5):
        command.send_signal(number)
        status = command.wait(10)
        while _running(temporary) or any(temporary.iterdir()):
            time.sleep(0.05)
    command.communicate()
    assert status == (9 if number == signal.SIGINT else status)


def test_what_cleans_up_after_an_interrupt_is_not_put_into_a_thread() -> None:
    """An interrupt reaches the main thread alone: an agent in another one would leave its Job behind."""
    agent = providers.Agent(name="x", call=print)
    collector = providers.Collector(name="x", produces="X", call=print)
    kept, held = guarded([agent, collector], "x")
    assert kept.call is print
    assert held.call is not print


def test_what_a_bundler_prints_is_seen(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run of bundlers has nobody who listens to their context; what is printed is shown all the same."""
    plugin(site, "acme", """
def call(ctx, component, values, plan):
    print("hello out")
    print("hello err", file=sys.stderr)
    ctx.log("hello log")
    return api.ComponentBundle(name=component["name"], values=values)
@api.hookimpl
def aicr_bundlers():
    yield api.Bundler(component="log", call=call)
""", ("aicr_bundlers",))  # fmt: skip
    assert run(["bundle", "-r", "recipe.yaml", "-o", "bundle"]) == 0
    said = capsys.readouterr().err
    for word in ("out", "err", "log"):
        assert f"acme: hello {word}" in said
