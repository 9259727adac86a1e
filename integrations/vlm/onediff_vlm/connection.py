"""Requests to one server, with their tries and limits, and what goes wrong with them in words."""

from __future__ import annotations

import email.utils
import ipaddress
import json
import os
import random
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx2

from onediff_plugins.errors import DescriptionError
from onediff_vlm.answers import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from onediff_vlm.settings import VlmSettings

# An answer of some thousand tokens has tens of kilobytes.
MOST_BYTES: Final = 4 * 2**20
# Seconds: the first pause between two tries, the longest one, and the longest that a server may ask for.
_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 8.0
_LONGEST_ASKED_S: Final = 60.0
_CONNECT_S: Final = 10.0
# For so many seconds after it failed a server is left alone, so that a batch does not wait for it pair by pair.
_REST_S: Final = 30.0
_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 529})


class _BusyError(DescriptionError):
    """A failure that may pass; `wait` is how long the server asked to be left alone, in seconds."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class RefusedError(DescriptionError):
    """The server does not take this very question.

    Attributes:
        text: the body of its answer.
    """

    def __init__(self, message: str, text: str) -> None:
        """Keep the answer beside the message."""
        super().__init__(message)
        self.text = text


class Connection:
    """A server, and the key that it wants. May be used by several threads at once.

    The key goes to the named host alone, in one header. It stands in no message, record, setting or `repr`.

    Attributes:
        address: of the server, without a slash at its end.
    """

    def __init__(self, address: str, settings: VlmSettings, environ: Mapping[str, str] = os.environ) -> None:
        """Contact nobody yet.

        Args:
            address: of the server.
            settings: limits, and where the key is.
            environ: holds the key.
        """
        self.address, self._settings = address, settings
        self._variable, self._key = settings.key_variable, environ.get(settings.key_variable, "").strip()
        self._rest: tuple[float, str] | None = None
        self._local = is_local(address)

    def exchange(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON object that a request is answered with, after as many tries as are set.

        Args:
            method: of HTTP.
            path: below the address.
            body: a JSON object with the name of a "model", or None.

        Raises:
            RefusedError: the server does not take this very question.
            DescriptionError: it cannot be asked, does not answer, or not with a JSON object.
        """
        self._refuse_plain_key()
        self._refuse_while_resting()
        tries = self._settings.retries + 1
        for turn in range(tries):
            try:
                return self._once(method, path, body)
            except _BusyError as busy:
                pause = min(_PAUSE_S * 2**turn, _LONGEST_PAUSE_S) * random.uniform(0.5, 1.0)
                asked = busy.wait or 0.0
                if turn + 1 == tries or asked > _LONGEST_ASKED_S:
                    tried = f" (tried {turn + 1} times)" if turn else ""
                    raise self._left_alone(f"{busy}{tried}", asked) from busy
                time.sleep(max(pause, asked))
        raise AssertionError("unreachable")

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        with self._explained():
            headers = {"Accept": "application/json", "Accept-Encoding": "identity"} | self._authorization()
            url = f"{self.address}/{path}"
            with (
                self._client() as client,
                _closed_after(self._settings.timeout_s, client),
                client.stream(method, url, json=body, headers=headers) as response,
            ):
                text = self._read(response)
        if response.status_code != 200:
            raise self._failure(response, text, None if body is None else body["model"])
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DescriptionError(
                f"{self.address} answers with no JSON but {quote(self.said(text), 80)}: check that vlm.endpoint is "
                "the address of an OpenAI-compatible server, usually one that ends in /v1"
            ) from error
        if not isinstance(found, dict):
            raise DescriptionError(f"{self.address} answers with JSON that is no object: check vlm.endpoint")
        return found

    def _client(self) -> httpx2.Client:
        """One for each request: an answer takes seconds, and a host has no end at which connections would be closed."""
        limit = self._settings.timeout_s
        timeout = httpx2.Timeout(limit, connect=min(_CONNECT_S, limit))
        # A redirect could lead the key and the images elsewhere. A proxy of the environment is not for this machine.
        return httpx2.Client(timeout=timeout, follow_redirects=False, trust_env=not self._local)

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    def _read(self, response: httpx2.Response) -> str:
        """The body as text, if it is not too long."""
        parts, size = [], 0
        for part in response.iter_raw():
            size += len(part)
            if size > MOST_BYTES:
                raise DescriptionError(
                    f"{self.address} answers with more than {MOST_BYTES // 2**20} MiB, which no answer has: check "
                    "vlm.endpoint"
                )
            parts.append(part)
        return b"".join(parts).decode("utf-8", errors="replace")

    # --- what goes wrong, in words ----------------------------------------------------------------------------

    def _refuse_plain_key(self) -> None:
        if not self._key:
            return
        if not self._local and urlsplit(self.address).scheme == "http":
            raise DescriptionError(
                f"{self.address} is not encrypted, and anybody on the way could read the key: use https://, a server "
                f"on this machine or a tunnel to one, or unset {self._variable} if the server wants no key"
            )
        if not (self._key.isascii() and self._key.isprintable() and " " not in self._key):
            raise DescriptionError(
                f"the environment variable {self._variable} holds characters that no key has, such as a space or a "
                "line break within: set it to the key alone"
            )

    def _refuse_while_resting(self) -> None:
        if self._rest is not None and time.monotonic() < self._rest[0]:
            raise DescriptionError(f"not asked so soon after it failed: {self._rest[1]}")

    def _left_alone(self, message: str, seconds: float = 0.0) -> DescriptionError:
        """An error of the server's, which the next pairs would meet as well: they do not ask for a while."""
        self._rest = time.monotonic() + max(seconds, _REST_S), message
        return DescriptionError(message)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What the client raises, as what it means."""
        try:
            yield
        except httpx2.ConnectTimeout as error:
            raise _BusyError(f"{self.address} does not answer: {_check_address(error)}") from error
        except httpx2.TimeoutException as error:  # it would take as long again
            raise DescriptionError(
                f"{self.address} gave no whole answer within {self._settings.timeout_s:g} s: raise vlm.timeout_s, or "
                "show less with vlm.batch and vlm.max_side"
            ) from error
        except httpx2.TransportError as error:
            raise _BusyError(f"{self.address} cannot be reached: {_check_address(error)}") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise DescriptionError(f"{self.address} cannot be asked: {quote(self.said(str(error)))}") from error

    def _failure(self, response: httpx2.Response, text: str, model: str | None) -> DescriptionError:
        """An answer that is not 200, about a model or the list of them."""
        status, where = response.status_code, self.address
        said = quote(self.said(message_of(text)))
        if status in (401, 403):
            # Without the server's words: some repeat a part of the key.
            todo = "holds a key that it does not take" if self._key else "is not set"
            return self._left_alone(f"{where} wants a valid key (HTTP {status}), and {self._variable} {todo}")
        if 300 <= status < 400:
            target = _host_of(response.headers.get("location", ""))
            return self._left_alone(
                f"{where} redirects to {quote(target, 80)} (HTTP {status}), which is not followed, since the key and "
                "the images would go there: set vlm.endpoint to the final address if you trust it"
            )
        if status == 404:
            if model is None:
                return self._left_alone(
                    f"{where} has no list of models (HTTP 404): name one with --set vlm.model=NAME, and check that "
                    "vlm.endpoint ends as the server's manual says, usually in /v1"
                )
            return self._left_alone(
                f"{where} knows no model {quote(model, 60)}, or no such path (HTTP 404): {said}. Check "
                "vlm.model, and that vlm.endpoint ends as the server's manual says, usually in /v1"
            )
        if status == 429:
            wait = _asked_wait(response)
            asks = f" and asks for a pause of {wait:.0f} s" if wait else ""
            todo = "Use fewer workers, or look at your quota there"
            return _BusyError(f"{where} takes no more questions for now (HTTP 429){asks}: {said}. {todo}", wait)
        if status in _BUSY:
            return _BusyError(f"{where} is busy or broken (HTTP {status}): {said}", _asked_wait(response))
        if status == 413:
            return DescriptionError(f"{where} takes no question so large (HTTP 413): lower vlm.batch or vlm.max_side")
        hint = "Check that the model takes several images; fewer are shown with a lower vlm.batch"
        return RefusedError(f"{where} refuses the question (HTTP {status}): {said}. {hint}", text)

    def said(self, text: str) -> str:
        """A server's words, which may hold the key."""
        return text.replace(self._key, "***") if self._key else text


@contextmanager
def _closed_after(seconds: float, client: httpx2.Client) -> Iterator[None]:
    """No longer than that for all of it: the client's own limits are for each piece, and a server may drip."""
    over = threading.Event()

    def close() -> None:
        over.set()
        client.close()

    timer = threading.Timer(seconds, close)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if over.is_set():  # what broke, broke by that
            raise httpx2.ReadTimeout("the time is over") from error
        raise
    finally:
        timer.cancel()


def is_local(address: str) -> bool:
    """Whether an address is this machine's own loopback."""
    host = (urlsplit(address).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_of(address: str) -> str:
    """Where a redirect leads, without what may be a secret in it."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "what is no address"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else "another path"


def message_of(text: str) -> str:
    """What an error body says; the body itself where it has no message."""
    try:
        found = json.loads(text)
        error = found["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError, RecursionError):
        return text


def _asked_wait(response: httpx2.Response) -> float | None:
    """Seconds of a Retry-After header, which are a number or a date."""
    value = response.headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = email.utils.parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return seconds if 0 < seconds < 86_400 else None


def _check_address(error: BaseException) -> str:
    """Why a connection failed and what to do, from the operating system's own error below the client's."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and len(causes) < 10:
        causes.append(cause)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return "its certificate is not trusted here. Check the address, or install the authority that signed it"
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "it does not speak https. Check the address; a server without it is written http://"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "no such host is known. Check vlm.endpoint and the network"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "nothing listens there. Start the server, or correct vlm.endpoint"
    return f"{quote(str(error) or type(error).__name__, 80)}. Check vlm.endpoint and the network"
