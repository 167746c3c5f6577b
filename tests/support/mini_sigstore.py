"""A Sigstore of our own, in memory: an authority for certificates, a log of certificates, a log of signatures.

What it makes is accepted by sigstore-python and by the reference's verifier (spec/bundle.md 13). ``Services`` answers over
http on loopback as the real services do, so that signing can be tried from end to end. Nothing here is secret or safe.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import http.server
import json
import struct
import threading
import time
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PAYLOAD_TYPE = "application/vnd.in-toto+json"
ISSUER = "https://accounts.example.com"
_SCT = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_ISSUER_V1 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_ISSUER_V2 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_DER = serialization.Encoding.DER
_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def _der(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(_DER, _SPKI)


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("utf-8")


def _utf8(text: str) -> bytes:
    """A UTF8String in DER, for texts of less than 128 bytes."""
    data = text.encode("utf-8")
    assert len(data) < 128
    return bytes([0x0C, len(data)]) + data


class Leaf(NamedTuple):
    """A certificate for one signature, with its private key (None: whoever asked for it has that)."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | None


class MiniSigstore:
    """The three authorities; every method takes the time it should believe it is (seconds since 1970)."""

    def __init__(self) -> None:
        self.now = int(time.time())
        self._ca = ec.generate_private_key(ec.SECP256R1())
        self._ct = ec.generate_private_key(ec.SECP256R1())
        self._log = ec.generate_private_key(ec.SECP256R1())
        self._log_id = _sha256(_der(self._log.public_key()))
        self._leaves: list[bytes] = []
        self._root = self._authority()

    def trusted_root(self) -> dict[str, Any]:
        """The root that trusts all three."""
        start = {"start": _stamp(self.now - 86400)}

        def log(key: ec.EllipticCurvePrivateKey, url: str) -> dict[str, Any]:
            der = _der(key.public_key())
            public = {
                "rawBytes": _b64(der),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": start,
            }
            return {
                "baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": public,
                "logId": {"keyId": _b64(_sha256(der))},
            }  # fmt: skip

        raw = {"rawBytes": _b64(self._root.public_bytes(_DER))}
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(self._log, "https://log.example")],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "mini", "commonName": "mini-ca"},
                    "uri": "https://ca.example",
                    "certChain": {"certificates": [raw]},
                    "validFor": start,
                }
            ],
            "ctlogs": [log(self._ct, "https://ct.example")],
            "timestampAuthorities": [],
        }

    def leaf(
        self,
        name: str,
        issuer: str = ISSUER,
        *,
        at: int | None = None,
        minutes: int = 10,
        public_key: Any = None,
    ) -> Leaf:
        """A certificate for ``name`` (a URI, or an e-mail address), logged as the certificate log does."""
        start = datetime.datetime.fromtimestamp(self.now if at is None else at, datetime.UTC)
        key = None if public_key is not None else ec.generate_private_key(ec.SECP256R1())
        public = public_key if key is None else key.public_key()
        kind = x509.UniformResourceIdentifier if "://" in name else x509.RFC822Name
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self._root.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start - datetime.timedelta(seconds=30))
            .not_valid_after(start + datetime.timedelta(minutes=minutes))
            .add_extension(x509.KeyUsage(
                digital_signature=True, content_commitment=False, key_encipherment=False,
                data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
                encipher_only=False, decipher_only=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._ca.public_key()),
                critical=False,
            )
            .add_extension(x509.SubjectAlternativeName([kind(name)]), critical=True)
            .add_extension(
                x509.UnrecognizedExtension(_ISSUER_V1, issuer.encode("utf-8")), critical=False
            )
            .add_extension(x509.UnrecognizedExtension(_ISSUER_V2, _utf8(issuer)), critical=False)
        )  # fmt: skip
        return Leaf(self._logged(builder), key)

    def _logged(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """Add the certificate log's receipt (SCT), which is over the certificate without it."""
        before = builder.sign(self._ca, hashes.SHA256())
        body = before.tbs_certificate_bytes
        milliseconds = struct.pack(">Q", self.now * 1000)
        issuer_key = _sha256(_der(self._ca.public_key()))
        size = struct.pack(">I", len(body))[1:]
        signed = b"\0\0" + milliseconds + b"\0\1" + issuer_key + size + body + b"\0\0"
        signature = _sign(self._ct, signed)
        log_id = _sha256(_der(self._ct.public_key()))
        receipt = b"\0" + log_id + milliseconds + b"\0\0" + b"\4\3"
        receipt += struct.pack(">H", len(signature)) + signature
        listed = struct.pack(">H", len(receipt)) + receipt
        listed = struct.pack(">H", len(listed)) + listed
        assert len(listed) < 256
        octets = bytes([4, len(listed)]) if len(listed) < 128 else bytes([4, 0x81, len(listed)])
        final = builder.add_extension(
            x509.UnrecognizedExtension(_SCT, octets + listed), critical=False
        )
        return final.sign(self._ca, hashes.SHA256())

    def bundle(self, payload: bytes, leaf: Leaf, *, at: int | None = None) -> bytes:
        """Sign a statement with a certificate, and log it at the time ``at``; give the Sigstore bundle."""
        assert leaf.key is not None
        kind = PAYLOAD_TYPE.encode("ascii")
        signature = _sign(
            leaf.key, b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
        )
        pem = leaf.certificate.public_bytes(serialization.Encoding.PEM)
        envelope = {
            "payload": _b64(payload), "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": _b64(signature)}],
        }  # fmt: skip
        body = _canonical(
            self._entry(envelope, [{"signature": _b64(signature), "verifier": _b64(pem)}])
        )
        entry = self.log(body, at)
        proof = entry["verification"]["inclusionProof"]
        document = {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": _b64(leaf.certificate.public_bytes(_DER))},
                "tlogEntries": [
                    {
                        "logIndex": str(entry["logIndex"]),
                        "logId": {"keyId": _b64(self._log_id)},
                        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
                        "integratedTime": str(entry["integratedTime"]),
                        "inclusionPromise": {
                            "signedEntryTimestamp": entry["verification"]["signedEntryTimestamp"]
                        },
                        "inclusionProof": {
                            "logIndex": str(proof["logIndex"]),
                            "rootHash": _b64(bytes.fromhex(proof["rootHash"])),
                            "treeSize": str(proof["treeSize"]),
                            "hashes": [_b64(bytes.fromhex(item)) for item in proof["hashes"]],
                            "checkpoint": {"envelope": proof["checkpoint"]},
                        },
                        "canonicalizedBody": _b64(body),
                    }
                ],
            },
            "dsseEnvelope": envelope,
        }
        return json.dumps(document).encode("utf-8")

    @staticmethod
    def _entry(envelope: dict[str, Any], signatures: list[dict[str, str]]) -> dict[str, Any]:
        payload = base64.b64decode(envelope["payload"])
        return {
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": {
                    "algorithm": "sha256",
                    "value": _sha256(_canonical(envelope)).hex(),
                },
                "payloadHash": {"algorithm": "sha256", "value": _sha256(payload).hex()},
                "signatures": signatures,
            },
        }

    def log(self, body: bytes, at: int | None = None) -> dict[str, Any]:
        """Put an entry into the log of signatures, a tree of just this leaf; give what the log answers."""
        integrated = self.now if at is None else at
        root = _sha256(b"\0" + body)
        note = f"log.example - 1\n1\n{_b64(root)}\n"
        mark = self._log_id[:4] + _sign(self._log, note.encode("utf-8"))
        promise = _canonical({
            "body": _b64(body), "integratedTime": integrated, "logID": self._log_id.hex(), "logIndex": 0,
        })  # fmt: skip
        return {
            "body": _b64(body),
            "integratedTime": integrated,
            "logID": self._log_id.hex(),
            "logIndex": 0,
            "verification": {
                "signedEntryTimestamp": _b64(_sign(self._log, promise)),
                "inclusionProof": {
                    "logIndex": 0,
                    "rootHash": root.hex(),
                    "treeSize": 1,
                    "hashes": [],
                    "checkpoint": f"{note}\n\u2014 log.example {_b64(mark)}\n",
                },
            },
        }

    @property
    def root_pem(self) -> str:
        """The authority's own certificate."""
        return self._root.public_bytes(serialization.Encoding.PEM).decode("ascii")

    def _authority(self) -> x509.Certificate:
        start = datetime.datetime.fromtimestamp(self.now - 86400, datetime.UTC)
        name = x509.Name([
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "mini"),
            x509.NameAttribute(NameOID.COMMON_NAME, "mini-ca"),
        ])  # fmt: skip
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._ca.public_key())
            .serial_number(1)
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(
                digital_signature=False, content_commitment=False, key_encipherment=False,
                data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
                encipher_only=False, decipher_only=False), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self._ca.public_key()), critical=False
            )
            .sign(self._ca, hashes.SHA256())
        )  # fmt: skip


def _stamp(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def token(
    name: str, issuer: str = ISSUER, *, audience: str = "sigstore", expires: int = 600
) -> str:
    """An identity token, unsigned: the library hands it on, and the authority here does not check it."""
    now = int(time.time())
    claims = {
        "aud": audience, "iss": issuer, "sub": name, "email": name, "iat": now, "nbf": now - 5,
        "exp": now + expires,
    }  # fmt: skip
    parts = [_canonical({"alg": "HS256", "typ": "JWT"}), _canonical(claims), b"no signature"]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode("ascii") for part in parts)


class Services:
    """The authority, the log and a CI's token service behind one port; use it as a context manager.

    ``refuse`` maps a path to the HTTP status it answers with. ``asked`` are the paths that were asked for.
    """

    def __init__(self, mini: MiniSigstore) -> None:
        self.mini = mini
        self.refuse: dict[str, int] = {}
        self.asked: list[str] = []
        services = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                self._answer(json.loads(self.rfile.read(size) or b"{}"))

            def do_GET(self) -> None:
                self._answer({})

            def _answer(self, document: dict[str, Any]) -> None:
                path = self.path.partition("?")[0]
                services.asked.append(path)
                status = services.refuse.get(path, 0)
                answer: Any = {"code": status, "message": "no"}
                if not status:
                    bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
                    status, answer = services.answer(path, document, bearer)
                data = json.dumps(answer).encode("utf-8")
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, path: str, document: dict[str, Any], bearer: str) -> tuple[int, Any]:
        """Give status and answer of one request."""
        if path == "/token":
            return 200, {
                "value": token("https://git.example/team/repo/.ci/build.yaml@refs/heads/main")
            }
        if path == "/api/v2/signingCert":
            middle = bearer.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
            request = base64.b64decode(document["certificateSigningRequest"])
            public = x509.load_pem_x509_csr(request).public_key()
            leaf = self.mini.leaf(claims["sub"], claims["iss"], public_key=public)
            pem = leaf.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
            chain = {"chain": {"certificates": [pem, self.mini.root_pem]}}
            return 200, {"signedCertificateEmbeddedSct": chain}
        if path == "/api/v1/log/entries":
            proposed = document["spec"]["proposedContent"]
            envelope = json.loads(proposed["envelope"])
            signatures = [
                {"signature": item["sig"], "verifier": proposed["verifiers"][0]}
                for item in envelope["signatures"]
            ]
            return 201, {"id": self.mini.log(_canonical(MiniSigstore._entry(envelope, signatures)))}
        return 404, {"code": 404, "message": f"no {path}"}

    def config(self) -> dict[str, Any]:
        """What ``--signing-config`` names: these services, and the root that trusts them."""
        service = {
            "url": self.url, "majorApiVersion": 1, "operator": "mini",
            "validFor": {"start": _stamp(self.mini.now - 86400)},
        }  # fmt: skip
        return {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": self.mini.trusted_root(),
            "signingConfig": {
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                "caUrls": [service],
                "oidcUrls": [service],
                "rekorTlogUrls": [service],
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaUrls": [],
                "tsaConfig": {"selector": "ANY"},
            },
        }

    def __enter__(self) -> Services:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_arguments: object) -> None:
        self._server.shutdown()
        self._server.server_close()
