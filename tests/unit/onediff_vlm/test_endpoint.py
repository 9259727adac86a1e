"""A server that behaves, and one that does not: what is sent, what is made of the answer, what is said of a failure."""

from __future__ import annotations

import contextlib
import email.utils
import json
import logging
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from onediff_plugins.errors import DescriptionError
from onediff_vlm import connection as module
from onediff_vlm.answers import UnusableAnswerError
from onediff_vlm.chat import Turn
from onediff_vlm.connection import MOST_BYTES, is_local
from onediff_vlm.endpoint import Endpoint
from onediff_vlm.settings import KEY_VARIABLE, VlmSettings

KEY = "sk-very-secret-0123456789"
QUESTION = [Turn("user", ("What is new?", Image.new("RGB", (40, 30), (200, 10, 10)), "Say it."))]


@pytest.fixture
def make_endpoint(server):
    """An endpoint at the test server, called with settings and, as `key`, the key in the environment."""

    def make(*, key=None, **settings):
        environ = {} if key is None else {settings.get("key_variable", KEY_VARIABLE): key}
        return Endpoint(VlmSettings(**{"endpoint": server.url, "model": "test-vlm", **settings}), environ)

    return make


def test_a_question_is_a_chat_request_with_its_pictures_in_order(make_endpoint, server, chat):
    server.replies = [lambda body: chat.completion("a box is new")]
    assert make_endpoint(max_tokens=99).ask(QUESTION) == "a box is new"
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/v1/chat/completions")
    assert (asked.body["model"], asked.body["max_tokens"], asked.body["temperature"]) == ("test-vlm", 99, 0)
    assert asked.body["response_format"]["json_schema"]["schema"]["required"] == ["regions", "caption"]
    assert [part["type"] for part in asked.body["messages"][0]["content"]] == ["text", "image_url", "text"]
    (picture,) = chat.images(asked.body)
    assert (picture.size, picture.format) == ((40, 30), "JPEG")
    assert picture.getpixel((20, 15)) == pytest.approx((200, 10, 10), abs=3)
    assert "Authorization" not in asked.headers


def test_the_key_comes_from_the_variable_and_goes_into_one_header(make_endpoint, server):
    make_endpoint(key=f" {KEY}\n").ask(QUESTION)
    make_endpoint(key=KEY, key_variable="MY_API_KEY").ask(QUESTION)
    assert [asked.headers["Authorization"] for asked in server.asked] == [f"Bearer {KEY}"] * 2
    assert KEY not in json.dumps([asked.body for asked in server.asked])


def test_an_answer_in_parts_is_put_together(make_endpoint, server, chat):
    server.replies = [
        lambda body: chat.completion([{"type": "text", "text": "a box "}, {"type": "text", "text": "is new"}])
    ]
    assert make_endpoint().ask(QUESTION) == "a box is new"


# --- which model ---


def test_the_only_model_of_a_server_needs_no_name(make_endpoint, server):
    only = make_endpoint(model=None)
    assert only.record.name == "hf-vlm"
    only.ask(QUESTION)
    only.ask(QUESTION)
    assert only.record.name == "hf-vlm:test-vlm"
    assert [asked.path for asked in server.asked] == ["/v1/models", *["/v1/chat/completions"] * 2]
    assert {body["model"] for body in server.questions} == {"test-vlm"}


@pytest.mark.parametrize(
    ("models", "says"),
    [
        (["a", "b"], 'has 2 models ("a", "b"): name one with --set vlm.model=NAME'),
        ([], "lists no model: name one with --set vlm.model=NAME"),
        ([None, 3, " ", "x" * 1000, "\x1b[31m"], "lists no model"),
    ],
)
def test_a_server_of_many_models_is_not_guessed_at(make_endpoint, server, models, says):
    server.models = models
    with pytest.raises(DescriptionError) as error:
        make_endpoint(model=None).ask(QUESTION)
    assert says in str(error.value)
    assert server.questions == []


def test_a_server_without_a_list_of_models_is_told_of_both_reasons(make_endpoint, server, chat):
    with pytest.raises(DescriptionError) as error:
        make_endpoint(model=None, endpoint=server.url + "/elsewhere").ask(QUESTION)
    assert "has no list of models (HTTP 404): name one with --set vlm.model=NAME, and check that" in str(error.value)


# --- what goes wrong ---


def failing(make_endpoint, **settings):
    """The message of a question that fails."""
    with pytest.raises(DescriptionError) as error:
        make_endpoint(**settings).ask(QUESTION)
    return str(error.value)


def openai_error(chat, status, message, **raw):
    return chat.Raw(status, json.dumps({"error": {"message": message}}).encode(), **raw)


# name -> what the server sends, how often it is asked, and what is said.
WRONG = {
    "busy": (lambda c: openai_error(c, 500, "boom"), 3, 'is busy or broken (HTTP 500): "boom" (tried 3 times)'),
    "gateway": (
        lambda c: c.Raw(502, b"<html>bad gateway</html>"),
        3,
        '(HTTP 502): "<html>bad gateway</html>" (tried 3',
    ),
    "quota": (
        lambda c: openai_error(c, 429, "slow down"),
        3,
        '(HTTP 429): "slow down". Use fewer workers, or look at your quota there (tried 3 times)',
    ),
    "unauthorised": (lambda c: openai_error(c, 401, "no key"), 1, f"(HTTP 401), and {KEY_VARIABLE} is not set"),
    "forbidden": (lambda c: openai_error(c, 403, "no"), 1, f"(HTTP 403), and {KEY_VARIABLE} is not set"),
    "unknown": (
        lambda c: openai_error(c, 404, "model not found"),
        1,
        'knows no model "test-vlm", or no such path (HTTP 404): "model not found". Check vlm.model',
    ),
    "large": (lambda c: c.Raw(413), 1, "takes no question so large (HTTP 413): lower vlm.batch or vlm.max_side"),
    "refused": (
        lambda c: openai_error(c, 400, "at most 1 image"),
        1,
        'refuses the question (HTTP 400): "at most 1 image"',
    ),
    "elsewhere": (
        lambda c: c.Raw(307, headers=(("Location", "https://evil.example/v1?key=x"),)),
        1,
        'redirects to "https://evil.example" (HTTP 307), which is not followed',
    ),
    "slash": (
        lambda c: c.Raw(308, headers=(("Location", "/v2/chat"),)),
        1,
        'redirects to "another path" (HTTP 308), which is not followed',
    ),
    "page": (
        lambda c: c.Raw(body=b"<html>hello</html>"),
        1,
        'answers with no JSON but "<html>hello</html>": check that vlm.endpoint',
    ),
    "bytes": (lambda c: c.Raw(body=bytes(range(256))), 1, "answers with no JSON but"),
    "list": (lambda c: c.Raw(body=b"[1]"), 1, "answers with JSON that is no object: check vlm.endpoint"),
    "schema": (
        lambda c: c.Raw(body=b'{"answer": "hello"}'),
        1,
        "answers with other JSON in place of a chat completion",
    ),
    "no choice": (lambda c: c.Raw(body=b'{"choices": []}'), 1, "answers with other JSON in place"),
    "null": (lambda c: c.Raw(body=b'{"choices": [{"message": null}]}'), 1, "answers with other JSON in place"),
    "error": (
        lambda c: c.Raw(body=b'{"error": {"message": "out of memory"}}'),
        1,
        'answers with the error "out of memory" in place',
    ),
    "huge": (lambda c: c.Raw(body=b" " * (MOST_BYTES + 1)), 1, "answers with more than 4 MiB, which no answer has"),
    "deep": (lambda c: c.Raw(body=b"[" * 100_000), 1, "answers with no JSON"),
    "empty": (lambda c: c.completion(""), 1, "it is empty"),
    "nothing": (lambda c: c.completion(None), 1, "it is empty"),
    "refusal": (lambda c: c.completion(None, message={"refusal": "I will not"}), 1, 'it refuses: "I will not"'),
    "cut": (lambda c: c.completion('{"regions": [', finish_reason="length"), 1, "it was cut off at vlm.max_tokens"),
    "silent": (lambda c: c.Raw(wait=3.0), 1, "gave no whole answer within 0.3 s: raise vlm.timeout_s"),
    "slow": (lambda c: c.Raw(body=b"{" * 100, drip=0.05), 1, "gave no whole answer within 0.3 s: raise vlm.timeout_s"),
}


def limit_of(name):
    """Short where it is to run out, and long where a busy machine must not make it do so."""
    return 0.3 if name in ("silent", "slow") else 30


@pytest.mark.parametrize("name", WRONG)
def test_what_a_server_does_wrong_is_said_with_what_to_do(make_endpoint, server, chat, name):
    reply, times, says = WRONG[name]
    server.replies = [lambda body: reply(chat)]
    message = failing(make_endpoint, timeout_s=limit_of(name))
    assert says in message
    assert len(server.questions) == times
    assert "\n" not in message


def test_nothing_that_listens_is_tried_again_and_told(make_endpoint):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    message = failing(make_endpoint, endpoint=f"http://127.0.0.1:{port}/v1")
    assert message == (
        f"http://127.0.0.1:{port}/v1 cannot be reached: nothing listens there. Start the server, or correct "
        "vlm.endpoint (tried 3 times)"
    )


def test_a_host_that_nobody_knows_is_told(make_endpoint):
    message = failing(make_endpoint, endpoint="http://nowhere.invalid/v1", retries=0)
    assert (
        message
        == "http://nowhere.invalid/v1 cannot be reached: no such host is known. Check vlm.endpoint and the network"
    )


def test_a_server_without_https_is_told(make_endpoint, server):
    message = failing(make_endpoint, endpoint=server.url.replace("http", "https"), retries=0)
    assert "cannot be reached: it does not speak https. Check the address" in message


def test_a_server_that_drips_even_its_headers_is_left_in_time(make_endpoint):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)

        def drip():
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                for _ in range(1000):
                    connection.sendall(b"x")
                    time.sleep(0.02)

        thread = threading.Thread(target=drip)
        thread.start()
        started = time.monotonic()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        assert "gave no whole answer within 0.3 s" in failing(make_endpoint, endpoint=address, timeout_s=0.3)
        assert time.monotonic() - started < 10
        thread.join()


def test_a_server_that_hangs_up_is_tried_again(make_endpoint):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)

        def hang_up():
            for _ in range(2):
                connection, _ = listening.accept()
                connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        message = failing(make_endpoint, endpoint=f"http://127.0.0.1:{listening.getsockname()[1]}/v1", retries=1)
        thread.join()
    assert "cannot be reached" in message
    assert message.endswith("(tried 2 times)")


@pytest.mark.parametrize("location", ["http://[", "//user:hunter2@evil.example/?key=hunter2", "\xff", ""])
def test_a_redirect_to_whatever_is_told_without_its_secrets(make_endpoint, server, chat, location):
    server.replies = [lambda body: chat.Raw(302, headers=(("Location", location),))]
    message = failing(make_endpoint)
    assert "(HTTP 302), which is not followed" in message
    assert "hunter2" not in message


def test_an_address_that_the_client_does_not_take_is_told(make_endpoint):
    assert 'cannot be asked: "URL too long"' in failing(make_endpoint, endpoint=f"http://{'a' * 70_000}/v1")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "error", "text", "refusal", "finish_reason"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values, st.sampled_from([200, 200, 302, 400, 401, 404, 413, 418]))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_whatsoever_raises_anything_else(found, status):
    answered = Endpoint(VlmSettings(endpoint="http://127.0.0.1:9/v1", model="m"), {})
    answer = httpx2.MockTransport(
        lambda request: httpx2.Response(status, stream=httpx2.ByteStream(json.dumps(found).encode()))
    )
    answered._connection._client = lambda: httpx2.Client(transport=answer)
    with contextlib.suppress(DescriptionError):
        assert isinstance(answered.ask(QUESTION), str)


# --- tries ---


def test_a_busy_server_is_asked_again_until_it_answers(make_endpoint, server, chat):
    server.replies = [lambda b: chat.Raw(500), lambda b: chat.Raw(429), lambda b: chat.completion("at last")]
    assert make_endpoint().ask(QUESTION) == "at last"
    assert len(server.questions) == 3


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_wait_that_a_server_asks_for_is_kept(make_endpoint, server, chat, form):
    value = (
        "0.4"
        if form == "seconds"
        else email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    )
    server.replies = [lambda b: chat.Raw(429, headers=(("Retry-After", value),)), lambda b: chat.completion("ok")]
    started = time.monotonic()
    assert make_endpoint().ask(QUESTION) == "ok"
    assert time.monotonic() - started > (0.35 if form == "seconds" else 0.8)


def test_a_long_wait_is_not_sat_out(make_endpoint, server, chat):
    server.replies = [lambda b: chat.Raw(429, headers=(("Retry-After", "3600"),))]
    started = time.monotonic()
    busy = make_endpoint()
    with pytest.raises(DescriptionError, match="HTTP 429"):
        busy.ask(QUESTION)
    with pytest.raises(DescriptionError, match=r"not asked so soon after it failed: .*HTTP 429"):
        busy.ask(QUESTION)
    assert time.monotonic() - started < 60
    assert len(server.questions) == 1


@pytest.mark.parametrize("value", ["soon", "-5", "nan", "1e9", ""])
def test_a_wait_that_makes_no_sense_is_passed_over(make_endpoint, server, chat, value):
    server.replies = [lambda b: chat.Raw(503, headers=(("Retry-After", value),)), lambda b: chat.completion("ok")]
    assert make_endpoint().ask(QUESTION) == "ok"


def test_pauses_grow_and_are_never_twice_the_same(make_endpoint, server, chat, monkeypatch):
    pauses = []
    monkeypatch.setattr(module, "_PAUSE_S", 0.5)
    # Of this module alone: other threads of the process sleep, too.
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=pauses.append, monotonic=time.monotonic))
    server.replies = [lambda b: chat.Raw(500)]
    failing(make_endpoint, retries=6)
    bounds = [0.5, 1, 2, 4, 8, 8]
    assert all(bound / 2 <= pause <= bound for pause, bound in zip(pauses, bounds, strict=True))
    assert len(set(pauses)) == 6


def test_a_server_that_failed_is_left_alone_for_a_while_and_then_asked_again(make_endpoint, server, chat, monkeypatch):
    monkeypatch.setattr(module, "_REST_S", 1.5)
    server.replies = [lambda b: chat.Raw(401), lambda b: chat.completion("ok")]
    resting = make_endpoint()
    for says in ("wants a valid key", r"not asked so soon after it failed: .*wants a valid key"):
        with pytest.raises(DescriptionError, match=says):
            resting.ask(QUESTION)
    time.sleep(1.6)
    assert resting.ask(QUESTION) == "ok"
    assert len(server.questions) == 2


def test_a_question_that_took_too_long_keeps_nobody_from_the_next(make_endpoint, server, chat):
    server.replies = [lambda b: chat.Raw(wait=4), lambda b: chat.completion("ok")]
    slow = make_endpoint(timeout_s=2)
    with pytest.raises(DescriptionError, match="no whole answer"):
        slow.ask(QUESTION)
    assert slow.ask(QUESTION) == "ok"


# --- servers of another opinion ---


def test_what_a_server_does_not_take_is_left_out_and_not_sent_again(make_endpoint, server, chat):
    def picky(body):
        for name in ("response_format", "temperature", "max_tokens"):
            if name in body:
                return openai_error(chat, 400, f"Unsupported parameter: '{name}'")
        return chat.completion("ok")

    server.replies = [picky]
    asked = make_endpoint(max_tokens=77)
    assert asked.ask(QUESTION) == asked.ask(QUESTION) == "ok"
    assert len(server.questions) == 5
    assert server.questions[-1].keys() == {"model", "messages", "max_completion_tokens"}
    assert server.questions[-1]["max_completion_tokens"] == 77


def test_a_server_that_refuses_a_part_for_ever_is_not_asked_for_ever(make_endpoint, server, chat):
    server.replies = [lambda b: openai_error(chat, 400, "response_format temperature max_tokens")]
    assert "refuses the question" in failing(make_endpoint)
    assert len(server.questions) == 4


# --- the key ---


def test_a_key_is_not_sent_unencrypted_to_another_machine(make_endpoint, monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("something was sent")

    monkeypatch.setattr(module.httpx2.Client, "stream", refuse)
    message = failing(make_endpoint, key=KEY, endpoint="http://gpu.example:8000/v1")
    assert message == (
        "http://gpu.example:8000/v1 is not encrypted, and anybody on the way could read the key: use https://, a "
        f"server on this machine or a tunnel to one, or unset {KEY_VARIABLE} if the server wants no key"
    )


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_is_none_is_refused_without_being_shown(make_endpoint, server, key):
    message = failing(make_endpoint, key=key)
    assert f"the environment variable {KEY_VARIABLE} holds characters that no key has" in message
    assert key not in message
    assert server.asked == []


@pytest.mark.parametrize("name", WRONG)
def test_the_key_is_in_no_message_no_log_and_no_repr(make_endpoint, server, chat, caplog, name):
    reply = WRONG[name][0]

    def echoing(body):
        raw = reply(chat)
        repeated = raw.body.replace(b"boom", KEY.encode()).replace(b"no key", KEY.encode())
        return raw._replace(body=repeated.replace(b"out of memory", KEY.encode()).replace(b"hello", KEY.encode()))

    server.replies = [echoing]
    caplog.set_level(logging.DEBUG)
    asked = make_endpoint(key=KEY, timeout_s=limit_of(name))
    with pytest.raises(DescriptionError) as error:
        asked.ask(QUESTION)
    causes, cause = [], error.value
    while cause is not None:
        causes.append(f"{cause!r} {cause}")
        cause = cause.__cause__ or cause.__context__
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in " ".join(
        [*causes, caplog.text, repr(asked), repr(asked._connection), repr(asked.record), asked.identity()]
    )


def test_a_redirect_is_not_followed_with_the_key_and_the_images(make_endpoint, server, chat):
    with chat.ChatServer() as other:
        server.replies = [lambda b: chat.Raw(307, headers=(("Location", f"{other.url}/chat/completions"),))]
        failing(make_endpoint, key=KEY)
        assert other.asked == []


def test_a_proxy_of_the_environment_does_not_see_what_is_for_this_machine(make_endpoint, server, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    make_endpoint().ask(QUESTION)
    assert len(server.questions) == 1


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("http://127.0.0.1:1/v1", True),
        ("http://127.1.2.3/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://localhost/v1", True),
        ("http://LOCALHOST./v1", True),
        ("http://vlm.localhost/v1", True),
        ("http://localhost.evil.example/v1", False),
        ("http://127.0.0.1.evil.example/v1", False),
        ("http://192.168.1.2/v1", False),
        ("http://host.docker.internal/v1", False),
        ("http://0.0.0.0/v1", False),
    ],
)
def test_only_the_loopback_is_this_machine(address, local):
    assert is_local(address) == local


def test_an_unusable_answer_is_one_that_may_be_asked_for_again(make_endpoint, server, chat):
    server.replies = [lambda b: chat.completion("")]
    with pytest.raises(UnusableAnswerError):
        make_endpoint().ask(QUESTION)
