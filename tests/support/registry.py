"""A real registry (Debian's ``docker-registry``) for tests: plain, with users, with tokens, with TLS.

Tests that use it skip where the program is not installed; ``.ci/run`` installs it where it can.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import http.client
import http.server
import json
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

USER, PASSWORD = "robin", "open sesame"
# Made once with bcrypt, for the password above: the only form of htpasswd files that the registry reads.
HTPASSWD = f"{USER}:$2b$04$vf957V2pRpPtAbM5TTTrq.6pvi7UN4npcDHhRURTF077DTjU9DCQi\n"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def program() -> str:
    """Give the path of the registry's program, or skip the test."""
    found = shutil.which("docker-registry")
    if found is None:
        pytest.skip("docker-registry (Debian package of that name) is not installed")
    return found


def free_port() -> int:
    """Give a port of the loopback interface that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def registry(folder: pathlib.Path, more: dict[str, Any] | None = None) -> Iterator[str]:
    """Run a registry that keeps its data in ``folder``; give ``127.0.0.1:PORT``. ``more`` is added to its settings."""
    executable = program()
    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(3):  # somebody else may take the port in between
        port = free_port()
        settings: dict[str, Any] = {
            "version": "0.1",
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
            "http": {"addr": f"127.0.0.1:{port}", **(more or {}).get("http", {})},
        }
        settings |= {key: value for key, value in (more or {}).items() if key != "http"}
        config = folder / "config.json"
        config.write_text(json.dumps(settings))  # JSON is YAML
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [executable, "serve", str(config)],
                stdout=log,
                stderr=log,
                env={"HOME": str(folder)},
            )
        try:
            if _wait(process, port):
                yield f"127.0.0.1:{port}"
                return
        finally:
            process.terminate()
            process.wait(10)
    pytest.fail(f"docker-registry does not start: {(folder / 'log').read_text()}")


def _wait(process: subprocess.Popen[bytes], port: int) -> bool:
    for _ in range(200):
        if process.poll() is not None:
            return False
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        time.sleep(0.05)
    return False


def with_users(folder: pathlib.Path) -> dict[str, Any]:
    """Settings of a registry that knows one user."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "htpasswd").write_text(HTPASSWD)
    return {"auth": {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}}


def certificate(
    folder: pathlib.Path, name: str = "server", *, by_address: bool = True
) -> tuple[pathlib.Path, pathlib.Path]:
    """Make a self-signed certificate for ``localhost`` and its address; give its file and that of its key."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    title = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    local: list[x509.GeneralName] = [x509.DNSName("localhost")]
    if by_address:
        local.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    made = (
        x509.CertificateBuilder()
        .subject_name(title)
        .issuer_name(title)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(local), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.crt", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def with_tls(folder: pathlib.Path) -> tuple[dict[str, Any], pathlib.Path]:
    """Settings of a registry that speaks TLS, and the file of its certificate."""
    cert, key = certificate(folder)
    return {"http": {"tls": {"certificate": str(cert), "key": str(key)}}}, cert


class TokenServer:
    """The other half of token authentication: trades user and password for a signed token. ``asked`` is its log.

    It gives pull rights to anybody, push rights to the one user, by password or by the identity token ``renew me``.
    """

    identity = "renew me"

    def __init__(self, folder: pathlib.Path) -> None:
        from cryptography.hazmat.primitives import serialization

        self.cert, key = certificate(folder, "token")
        self._key: Any = serialization.load_pem_private_key(key.read_bytes(), None)
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                known = self.headers.get("Authorization") == f"Basic {BASIC}"
                server.answer(self, query, known, "Authorization" in self.headers)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                form = urllib.parse.parse_qs(self.rfile.read(length).decode())
                known = form.get("refresh_token") == [server.identity]
                server.answer(self, form, known, True)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.realm = f"http://127.0.0.1:{self._server.server_port}/token"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def settings(self) -> dict[str, Any]:
        """Settings of a registry that believes this server's tokens."""
        token = {"realm": self.realm, "service": "tests", "issuer": "tests"}
        return {"auth": {"token": {**token, "rootcertbundle": str(self.cert)}}}

    def answer(self, handler: Any, query: dict[str, list[str]], known: bool, tried: bool) -> None:
        """Answer one request for a token."""
        self.asked.append((handler.command, query))
        if tried and not known:
            return self._send(handler, 401, {"errors": [{"code": "UNAUTHORIZED"}]})
        access = []
        for scope in query.get("scope", []):
            kind, name, actions = scope.split(":")
            allowed = [a for a in actions.split(",") if known or a == "pull"]
            access.append({"type": kind, "name": name, "actions": allowed})
        return self._send(handler, 200, {"token": self.token(access)})

    @staticmethod
    def _send(handler: Any, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def token(self, access: list[dict[str, Any]], seconds: int = 60) -> str:
        """Sign a token with these rights."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        now = int(time.time())
        pem = self.cert.read_text().split("-----")[2].replace("\n", "")
        head = {"typ": "JWT", "alg": "ES256", "x5c": [pem]}
        claims = {
            "iss": "tests", "sub": USER, "aud": "tests", "exp": now + seconds, "nbf": now - 60,
            "iat": now, "jti": str(now), "access": access,
        }  # fmt: skip
        text = b".".join(_base64url(json.dumps(part).encode()) for part in (head, claims))
        r, s = utils.decode_dss_signature(self._key.sign(text, ec.ECDSA(hashes.SHA256())))
        return f"{text.decode()}.{_base64url(r.to_bytes(32) + s.to_bytes(32)).decode()}"

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def ask(
    host: str, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, Any, bytes]:
    """Ask a plain registry by hand, not with the code under test; give status, headers, body."""
    connection = http.client.HTTPConnection(host, timeout=30)
    with contextlib.closing(connection):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, names)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
