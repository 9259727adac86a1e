"""A real OpenAI-compatible server on this machine that behaves, or misbehaves, as a test tells it to."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    Reply = Callable[[dict[str, Any]], "Raw"]


class Raw(NamedTuple):
    """What the server sends: status, body, headers, seconds before it, and seconds between any two bytes."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    wait: float = 0.0
    drip: float = 0.0


class Asked(NamedTuple):
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


def completion(text: Any, **choice: Any) -> Raw:
    """A chat completion with a text."""
    message = {"role": "assistant", "content": text} | choice.pop("message", {})
    found = {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"} | choice],
    }
    return Raw(body=json.dumps(found).encode())


def texts(body: dict[str, Any]) -> str:
    """All text of the last message of a request."""
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "\n".join(p["text"] for p in content if p["type"] == "text")


def images(body: dict[str, Any]) -> list[Image.Image]:
    """All images of the first message of a request, in order."""
    urls = [part["image_url"]["url"] for part in body["messages"][0]["content"] if part["type"] == "image_url"]
    return [Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/jpeg;base64,")))) for url in urls]


def places(body: dict[str, Any]) -> list[int]:
    """The numbers of the places that are asked about."""
    return [
        int(number) for number in re.findall(r"place (\d+) before", texts({"messages": body["messages"][:1]}), re.M)
    ]


def sensible(body: dict[str, Any]) -> Raw:
    """What a good model answers."""
    answer: dict[str, Any] = {"regions": [{"id": n, "caption": f"the thing at place {n} is new"} for n in places(body)]}
    if '"caption" comes last' in texts(body):
        answer["caption"] = "several things are new"
    return completion(json.dumps(answer))


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # the client had enough
            super().handle_error(request, client_address)


class ChatServer:
    """Replies in turn with what `replies` holds, the last one for good.

    Attributes:
        url: its address, as the setting `vlm.endpoint` takes it.
        models: the names that it lists.
        replies: functions of a request's body.
        asked: what came in.
    """

    def __init__(self) -> None:
        server = self
        self.models: list[Any] = ["test-vlm"]
        self.replies: list[Reply] = [sensible]
        self.asked: list[Asked] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.asked.append(Asked("GET", self.path, dict(self.headers), {}))
                found = {"object": "list", "data": [{"id": name} for name in server.models]}
                self._send(Raw(body=json.dumps(found).encode()) if self.path == "/v1/models" else Raw(404))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.asked.append(Asked("POST", self.path, dict(self.headers), body))
                reply = server.replies.pop(0) if len(server.replies) > 1 else server.replies[0]
                self._send(reply(body))

            def _send(self, raw: Raw) -> None:
                if raw.wait:
                    time.sleep(raw.wait)
                with suppress(BrokenPipeError, ConnectionResetError):  # the client had enough
                    self.send_response(raw.status)
                    for name, value in raw.headers:
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(raw.body)))
                    self.end_headers()
                    if not raw.drip:
                        self.wfile.write(raw.body)
                    for byte in raw.body if raw.drip else b"":
                        self.wfile.write(bytes([byte]))
                        time.sleep(raw.drip)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> ChatServer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def questions(self) -> list[dict[str, Any]]:
        """The bodies of the chat requests that came in."""
        return [asked.body for asked in self.asked if asked.method == "POST"]
