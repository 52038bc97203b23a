"""Requests whose input is more than their bytes."""

import pytest

from leash_addon.wire.unseen import has_unseen_input


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"previous_response_id": "resp_1","input":"go on"}', id="a stored answer"),
        pytest.param('{"conversation":"conv_1","input":"go on"}', id="a conversation"),
        pytest.param('{"cachedContent":"cachedContents/1","contents":[]}', id="a cache"),
        pytest.param('{"input":[{"type":"input_file","file_id":"file-1"}]}', id="a file"),
        pytest.param('{"image_url":{"url":"https://a.example/b.png"}}', id="an address"),
        pytest.param('{"source":{"type":"url","url":"http://a.example/c.pdf"}}', id="a document"),
        pytest.param('{"type":"image","source":{"type":"base64","data":"AA"}}', id="an image"),
        pytest.param('{"parts":[{"inlineData":{"mimeType":"video/mp4"}}]}', id="a film"),
        pytest.param('{"fileData":{"fileUri":"gs://a/b"}}', id="a file in a bucket"),
        pytest.param('{"file\\u005Fid":"file-1"}', id="a name with an escape"),
        pytest.param('{"t\\u0079pe" : "im\\u0061ge"}', id="a type with an escape"),
        pytest.param('{"url":"https\\u003a//a.example"}', id="an address with an escape"),
    ],
)
def test_input_that_is_only_named_is_seen(body: str) -> None:
    """What the provider will fetch, look up or count by the page is not bounded by bytes."""
    assert has_unseen_input(body.encode())


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"messages":[{"role":"user","content":"hi"}]}', id="text"),
        pytest.param('{"previous_response_id":null,"input":"hi"}', id="null"),
        pytest.param(
            '{"content":"write {\\"type\\": \\"image\\", \\"file_id\\": \\"x\\"}"}', id="in a text"
        ),
        pytest.param(r'{"content":"{\"file\\u005fid\": \"x\"}"}', id="an escape in a text"),
        pytest.param("", id="empty"),
    ],
)
def test_a_request_of_text_shows_all_its_input(body: str) -> None:
    """Text, also text that quotes such a request, is what its bytes are."""
    assert not has_unseen_input(body.encode())
