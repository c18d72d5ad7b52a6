"""A server that answers each request by what a test has laid ready, whatever that is; it keeps what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Answering:
    """`answers` are given one after the other, the last one again and again; a callable makes one of the request."""

    def __init__(
        self, listener: socket.socket, answers: list[bytes | Callable[[bytes], bytes]], trust: ssl.SSLContext | None
    ) -> None:
        self._listener, self._answers, self._trust = listener, answers, trust
        self.asked: list[bytes] = []

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with suppress(OSError), connection:
                self._answer(connection if self._trust is None else self._trust.wrap_socket(connection, server_side=True))

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            head, length = b"", 0
            for line in stream:
                head += line
                length = int(line.partition(b":")[2]) if line.lower().startswith(b"content-length:") else length
                if line == b"\r\n":
                    break
            request = head + stream.read(length)
            if not request:
                return
            self.asked.append(request)
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            connection.sendall(answer if isinstance(answer, bytes) else answer(request))


@contextmanager
def answering(
    *answers: bytes | Callable[[bytes], bytes], path: Path | None = None, trust: ssl.SSLContext | None = None
) -> Iterator[Answering]:
    """Answer at this path, or on a free port of this machine."""
    listener = socket.socket(socket.AF_INET if path is None else socket.AF_UNIX)
    listener.bind(("127.0.0.1", 0) if path is None else str(path))
    listener.listen()
    server = Answering(listener, list(answers), trust)
    thread = threading.Thread(target=server.serve, name="answering", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(15)


def json_answer(value: Any, status: int = 200) -> bytes:  # noqa: ANN401 - JSON
    body = json.dumps(value).encode()
    return b"HTTP/1.1 %d x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body)
