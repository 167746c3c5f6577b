"""HTTP/1.1 for the emulated API server: one thread for each connection, chunked streams, faults."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qsl, urlsplit

from emulated_cluster.api import Answer, Api, Asked
from emulated_cluster.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulated_cluster.cluster import FakeCluster
    from emulated_cluster.faults import Fault


class Server(http.server.ThreadingHTTPServer):
    """Listens on a free port of the loopback interface."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, cluster: FakeCluster) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cluster = cluster
        self.api = Api(cluster)
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The address for a kubeconfig."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def stop(self) -> None:
        """Stop listening, end all streams and close all connections."""
        self.stopping.set()
        self.cluster.objects.stop()
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in list(self._open):
            _break(connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError, ValueError):
            self.close_connection = True

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # names of http.server

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the recorder has it all."""

    def _serve(self) -> None:
        cluster = self.server.cluster
        parts = urlsplit(self.path)
        headers = {key.lower(): value for key, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        user = cluster.user_of(headers.get("authorization", ""))
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        asked = Asked(self.command, parts.path, query, headers, body, user)
        cluster.requests.append(asked)
        fault = cluster.faults.hit(asked.method, asked.path, parts.query)
        cut: int | None = None
        try:
            if fault is not None:
                self._misbehave(fault)
                cut = fault.cut if isinstance(fault.cut, int) else None
            answer = self.server.api.answer(asked)
            if fault is not None and fault.cut == "after":
                self._hang_up()
        except _Done:
            return
        except Refused as refused:
            self._whole(refused.status, refused.document(), refused.headers)
            return
        except Exception as error:  # a defect of ours must not look like a hang
            self._whole(500, Refused(500, f"emulated server: {error!r}").document(), {})
            raise
        if answer.stream is None:
            data = answer.data if answer.data is not None else json.dumps(answer.document).encode()
            self._send(answer.status, data, answer.content_type, {})
        else:
            self._stream(answer, answer.stream, cut)

    def _misbehave(self, fault: Fault) -> None:
        if fault.delay:
            self.server.stopping.wait(fault.delay)
        if fault.cut == "before":
            self._hang_up()
        if fault.body is not None:
            self._send(fault.status or 200, fault.body, "application/json", {})
            raise _Done
        if fault.status:
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            raise Refused(fault.status, fault.message, fault.reason, headers=headers)

    def _hang_up(self) -> NoReturn:
        _break(self.connection)
        self.close_connection = True
        raise _Done

    def _whole(self, status: int, document: Any, headers: dict[str, str]) -> None:
        self._send(status, json.dumps(document).encode(), "application/json", headers)

    def _send(self, status: int, data: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def _stream(self, answer: Answer, lines: Iterator[bytes], cut: int | None) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for number, line in enumerate(lines):
            if cut is not None and number >= cut:
                _break(self.connection)
                self.close_connection = True
                return
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
            self.wfile.flush()
        if cut is not None:
            _break(self.connection)
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()


class _Done(Exception):
    """The answer, or its absence, has been given."""


def _break(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
