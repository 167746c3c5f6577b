"""An answer that is made while it is sent: part by part in threads, at the pace of the client.

It holds a place of the work that is allowed at once until its end, so clients that read slowly hold no more memory
than that many answers take, and for no longer than one piece of work may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.types import Receive, Scope, Send

    from aicr_server.work import Work


class Streamed(Response):
    """Sends ``parts``; their length is not known, so HTTP/1.1 gets chunks."""

    def __init__(
        self, parts: Iterator[bytes], work: Work, media_type: str, headers: Mapping[str, str]
    ) -> None:
        # The body is not known yet, and the framework would state the length of an empty one.
        self.body = b""
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        self._parts = parts
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send. Raises Problem (503), before anything is sent, where there is no room."""
        with self._work.room("bundle"):
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(start)
            with anyio.move_on_after(self._work.seconds) as time:
                while (part := await self._work.step(self._next)) is not None:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            if not time.cancelled_caught:
                await send({"type": "http.response.body", "body": b""})
            # Else the answer stays without an end, and the HTTP server cuts the connection: nobody takes it for whole.

    def _next(self) -> bytes | None:
        return next(self._parts, None)
