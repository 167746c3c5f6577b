"""A browser in front of a real aicrd, for the tests of the page; a certificate for those of TLS."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest
from browser import Browser, browser
from http_server import running
from ui_lab import matters, open_page

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with running("uvicorn", AICR_RATE_LIMIT="0") as (port, _):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture
def page(window: Browser, site: str) -> Iterator[Browser]:
    """A window of the usual size on the page; whatever a test does, the console stays empty and no other host is asked."""
    window.size(1280, 900)
    window.media(prefers_color_scheme="light")
    open_page(window, f"{site}/ui/")
    yield window
    assert [row["message"] for row in window.log() if matters(row["message"])] == []
    assert [url for url in window.requests() if not url.startswith((site, "blob:", "about:"))] == []


@pytest.fixture
def certificate(tmp_path: pathlib.Path) -> tuple[str, str]:
    """A certificate of localhost and its key, as files."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    (tmp_path / "tls.crt").write_bytes(made.public_bytes(pem))
    (tmp_path / "tls.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(tmp_path / "tls.crt"), str(tmp_path / "tls.key")
