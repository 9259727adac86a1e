"""hf-vlm behind the host: who answers, what the record says, and that nothing of a failure is lost or leaked."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor

from onediff_plugins import hookimpl

KEY = "sk-very-secret-0123456789"


def compare(host, pictures, **more):
    return host.compare(*pictures, domain="toy", captioner="hf-vlm", **more)


def test_a_chat_model_says_what_the_detector_found(make_host, server, pictures, schema_errors):
    result = compare(make_host(), pictures)
    assert (result.changed, result.caption, result.caption_source) == (
        True,
        "Several things are new.",
        "hf-vlm:test-vlm",
    )
    assert [region.caption for region in result.regions] == [f"The thing at place {n} is new." for n in (1, 2, 3)]
    assert result.provenance.fallbacks == ()
    record = json.loads(result.model_dump_json())
    assert "fallbacks" not in record["provenance"]
    assert schema_errors(record) == []


def test_the_model_is_shown_both_images_and_every_place_before_and_after(make_host, server, chat, pictures):
    compare(make_host(), pictures)
    (question,) = server.questions
    shown = chat.images(question)
    assert [picture.size for picture in shown[:2]] == [(200, 160)] * 2
    assert len(shown) == 2 + 2 * 3
    assert shown[0].getpixel((40, 35))[0] < 130
    assert shown[1].getpixel((40, 35))[0] > 240
    for before, after in zip(shown[2::2], shown[3::2], strict=True):
        assert before.size == after.size
        middle = before.width // 2, before.height // 2
        assert before.getpixel(middle)[0] < 130 < after.getpixel(middle)[0]


def test_a_pair_that_is_not_changed_is_never_sent(make_host, server, pictures):
    result = compare(make_host(), (pictures[0], pictures[0]))
    assert (result.changed, result.caption) == (False, "Nothing is new.")
    assert server.asked == []


def test_the_same_pair_is_asked_about_once_whatever_the_host(make_host, server, pictures):
    first, second = (compare(make_host(model="test-vlm"), pictures) for _ in range(2))
    assert len(server.asked) == 1
    assert second.replace(timings_ms={}).model_dump_json() == first.replace(timings_ms={}).model_dump_json()
    compare(make_host(cache=False), pictures)
    assert len(server.questions) == 2


# --- a server that fails ---


def test_a_server_that_fails_leaves_the_words_to_the_next_captioner_and_the_record_says_so(
    make_host, server, chat, pictures, schema_errors, caplog
):
    template = make_host().compare(*pictures, domain="toy")
    server.replies = [lambda body: chat.Raw(503, b"overloaded")]
    result = compare(make_host(), pictures)
    assert (result.caption, result.caption_source) == (template.caption, "template")
    assert result.regions == template.regions
    (fallback,) = result.provenance.fallbacks
    assert (fallback.role, fallback.model, fallback.instead, fallback.regions) == (
        "describe",
        "hf-vlm",
        "template",
        None,
    )
    assert fallback.reason == f'{server.url} is busy or broken (HTTP 503): "overloaded" (tried 3 times)'
    record = json.loads(result.model_dump_json())
    assert schema_errors(record) == []
    assert record["provenance"]["models"]["describe"]["name"] == "template"
    (line,) = [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.WARNING]
    assert line == f"pair '000001': words by template, since hf-vlm has none: {fallback.reason}"


def test_a_batch_does_not_wait_for_a_dead_server_pair_by_pair(make_host, server, chat, pictures):
    server.replies = [lambda body: chat.Raw(500)]
    host = make_host()
    results = [compare(host, pictures, id=str(number)) for number in range(4)]
    assert len(server.questions) == 3
    reasons = [result.provenance.fallbacks[0].reason for result in results]
    assert all("(HTTP 500)" in reason for reason in reasons)
    assert ["not asked so soon" in reason for reason in reasons] == [False, True, True, True]


def test_regions_without_words_get_those_of_the_next_captioner(make_host, server, chat, pictures, schema_errors):
    template = make_host().compare(*pictures, domain="toy")
    server.replies = [
        lambda body: chat.completion(json.dumps({"regions": [{"id": 1, "caption": "a white box"}], "caption": "boxes"}))
    ]
    result = compare(make_host(max_regions=2), pictures)
    assert (result.caption, result.caption_source) == ("Boxes.", "hf-vlm:test-vlm")
    assert [region.caption for region in result.regions] == [
        "A white box.",
        template.regions[1].caption,
        template.regions[2].caption,
    ]
    (fallback,) = result.provenance.fallbacks
    assert (fallback.model, fallback.instead, fallback.regions) == ("hf-vlm", "template", (2, 3))
    assert fallback.reason == (
        "only the 2 strongest regions are shown (vlm.max_regions); it gave no answer for region 2"
    )
    assert schema_errors(json.loads(result.model_dump_json())) == []


def test_a_key_in_the_environment_reaches_the_server_and_nothing_else(
    make_host, server, chat, pictures, monkeypatch, caplog, tmp_path
):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("ONEDIFF_VLM_API_KEY", KEY)
    good = compare(make_host(), pictures)
    server.replies = [lambda body: chat.Raw(400, f"bad key {KEY}".encode())]
    host = make_host(cache=False)
    bad = compare(host, pictures)
    assert {asked.headers["Authorization"] for asked in server.asked} == {f"Bearer {KEY}"}
    assert 'refuses the question (HTTP 400): "bad key ***".' in bad.provenance.fallbacks[0].reason
    kept = "".join(path.read_text() for path in (tmp_path / "kept").iterdir())
    everything = f"{good.model_dump_json()}{bad.model_dump_json()}{good!r}{host.sections()}{caplog.text}{kept}"
    assert KEY not in everything


def test_domains_and_threads_of_a_host_share_one_server(make_host, server, pictures):
    host = make_host(cache=False)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda number: compare(host, pictures, id=str(number)), range(8)))
    assert {result.caption for result in results} == {"Several things are new."}
    assert len(server.questions) == 8


def test_the_digest_of_the_settings_counts_the_model_settings_only_where_they_steer(make_host, server):
    one, two = make_host(batch=2), make_host(batch=3)
    digests = [host.settings_digest("toy", "difference", "hf-vlm", ()) for host in (one, two)]
    assert digests[0] != digests[1]
    plain = [host.settings_digest("toy", "difference", "template", ()) for host in (one, two)]
    assert plain[0] == plain[1]


def test_a_prompt_of_the_domain_reaches_the_model(make_host, server, chat, pictures):
    class Asking:
        @hookimpl(wrapper=True)
        def onediff_caption_prompt(self):
            yield
            return "What stands in the yard?"

    compare(make_host(Asking()), pictures)
    assert "What is asked about the scene as a whole: What stands in the yard?" in chat.texts(server.questions[0])
