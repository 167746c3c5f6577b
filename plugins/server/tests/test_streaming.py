"""Large bundles: made while they are sent, the same bytes, within bounded memory and time, whoever reads how slowly."""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
import random
import shutil
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator

import anyio
import pytest
from aicr_server import archive, zipfiles
from aicr_server.streaming import Streamed
from aicr_server.work import Work
from http_ask import Got, ask
from http_server import ENGINES, Aicrd, get, running

from aicr_core.api import Bundle
from aicr_core.session import BundleFile

CHART = {"type": "Helm", "source": "https://charts.example", "chart": "c", "version": "1.0.0", "namespace": "n"}  # fmt: skip
HEAD = b"POST /v1/bundle HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"


def large(mib: int) -> bytes:
    """A recipe whose values nothing compresses."""
    noise = random.Random(1)
    texts = [noise.randbytes(512 * 1024).hex() for _ in range(mib)]
    ref = {"name": "big", **CHART, "overrides": {"texts": texts}}
    return json.dumps({"kind": "RecipeResult", "componentRefs": [ref]}).encode()


def resident(process: Aicrd) -> int:
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) * 1024


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest) -> Iterator[tuple[int, Aicrd]]:
    settings = {"AICR_RATE_LIMIT": "0", "LOG_LEVEL": "error", "AICR_BUNDLES_AT_ONCE": "2"}
    with running(request.param, **settings) as (port, process):
        yield port, process
        assert not [event for event in process.events() if event["msg"] == "defect"]


def _bundle(port: int, body: bytes, query: str = "") -> Got:
    return ask(port, f"/v1/bundle?{query}", "POST", body, Content_Type="application/json")


def test_a_large_archive_comes_in_chunks_and_whole(
    server: tuple[int, Aicrd], tmp_path: pathlib.Path
) -> None:
    port, _ = server
    body = large(2)
    one, two = _bundle(port, body), _bundle(port, body)
    assert (one.status, one.headers["transfer-encoding"]) == (200, "chunked")
    assert "content-length" not in one.headers
    assert one.body == two.body
    assert one.headers["etag"] == two.headers["etag"] != _bundle(port, large(1)).headers["etag"]
    with zipfile.ZipFile(io.BytesIO(one.body)) as opened:
        assert opened.testzip() is None
        names = [info.filename for info in opened.infolist() if not info.is_dir()]
        sums = opened.read("checksums.txt").decode().splitlines()
        for line in sums:
            digest, _, name = line.partition("  ")
            assert hashlib.sha256(opened.read(name)).hexdigest() == digest
    assert len(names) == int(one.headers["x-bundle-files"]) == len(sums) + 1
    listed = _bundle(port, body, "dry-run=true").json
    assert [file["path"] for file in listed["files"]] == names
    assert listed["archive"] == {"size": len(one.body), "etag": one.headers["etag"].strip('"')}
    if shutil.which("unzip"):
        (tmp_path / "bundle.zip").write_bytes(one.body)
        subprocess.run(["unzip", "-t", "-qq", str(tmp_path / "bundle.zip")], check=True)


def test_who_reads_slowly_holds_a_place_and_little_memory(server: tuple[int, Aicrd]) -> None:
    port, process = server
    body = large(6)
    assert _bundle(port, body).status == 200
    before = resident(process)
    slow = []
    for _ in range(4):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", port))
        connection.sendall(HEAD % len(body) + body)
        # Made, and sent as far as the kernel takes it; nothing is read but the status.
        slow.append((connection, connection.recv(12)))
    try:
        statuses = [answer for _, answer in slow]
        assert set(statuses) <= {b"HTTP/1.1 200", b"HTTP/1.1 503"}, statuses
        assert get(port, "/v1/recipe?service=eks") == 200
        assert resident(process) - before < 96 * 1024 * 1024
    finally:
        for connection, _ in slow:
            connection.close()
    deadline = time.monotonic() + 20
    while (found := _bundle(port, body)).status == 503 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found.status == 200


def test_what_is_not_read_in_time_is_cut_off() -> None:
    """Under uvicorn; granian takes whatever it is given, and holds it until the client has read (docs/user/server.md)."""
    settings = {"AICR_RATE_LIMIT": "0", "AICR_BUNDLES_AT_ONCE": "1", "AICR_BUNDLE_TIMEOUT_SECONDS": "3"}  # fmt: skip
    body = large(6)
    with running("uvicorn", LOG_LEVEL="error", **settings) as (port, process):
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(20)
            connection.connect(("127.0.0.1", port))
            connection.sendall(HEAD % len(body) + body)
            answer = connection.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200"), answer
            time.sleep(5)
            try:
                while got := connection.recv(1 << 20):
                    answer = (answer + got)[-16:]
            except ConnectionError:
                answer = b""
        # No end of chunks: nobody takes what came for an archive.
        assert not answer.endswith(b"0\r\n\r\n")
        assert _bundle(port, large(1)).status == 200
        assert not [event for event in process.events() if event["msg"] == "defect"]


@pytest.mark.parametrize("seconds", [0.2, 20.0])
def test_an_answer_has_an_end_only_where_it_is_whole(seconds: float) -> None:
    sent: list[dict[str, object]] = []
    work = Work(1, seconds)

    async def send(message: dict[str, object]) -> None:
        sent.append(message)
        assert work.busy == 1
        if message.get("body") == b"two":
            await anyio.sleep(0.5)

    async def run() -> None:
        parts = iter([b"one", b"two", b"three"])
        response = Streamed(parts, work, "application/zip", {"ETag": '"x"'})
        await response({"type": "http"}, None, send)  # type: ignore[arg-type]

    anyio.run(run)
    bodies = [message["body"] for message in sent[1:]]
    assert bodies == ([b"one", b"two"] if seconds < 1 else [b"one", b"two", b"three", b""])
    assert not work.busy


def test_an_archive_is_the_same_bytes_in_parts_and_whole() -> None:
    noise = random.Random(2)
    files = tuple(
        BundleFile(f"a/{number}", noise.randbytes(100_000) + b"x" * 30_000, 0o644)
        for number in range(8)
    )
    large_one = archive.of(Bundle(files, "title", ()))
    assert not large_one.data
    whole = b"".join(large_one.batches())
    assert whole == b"".join(large_one.batches()) == zipfiles.write(large_one.entries)
    sizes = [len(part) for part in large_one.batches()]
    assert len(sizes) > 4
    assert all(size >= 64 * 1024 for size in sizes[:-1])
    small = archive.of(Bundle(files[:1], "title", ()))
    assert small.data
    assert not small.entries
    assert small.etag != large_one.etag
    moded = archive.of(Bundle((files[0]._replace(mode=0o755),), "title", ()))
    renamed = archive.of(Bundle((files[0]._replace(path="a/x"),), "title", ()))
    assert len({small.etag, moded.etag, renamed.etag}) == 3
