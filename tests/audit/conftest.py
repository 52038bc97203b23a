"""Exchanges made for the tests, in every kind of file that an audit reads."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from leash_addon.audit.booking import Booking
from leash_addon.audit.cuts import pieces
from leash_addon.audit.exchange import Exchange
from leash_addon.audit.measure import Auditor
from leash_addon.audit.result import Result
from leash_addon.config.packs import load_providers
from leash_addon.config.prices import Prices
from leash_addon.core.money import SECOND, Instant

AT = Instant(1_790_000_000 * SECOND)

type Record = dict[str, object]


@pytest.fixture(scope="session")
def chat() -> Callable[..., Record]:
    """Make the record of a chat call with 1,000 tokens in and 100 out."""

    def make(name: str = "one", **changes: object) -> Record:
        usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
        answer = {
            "id": f"chatcmpl-{name}",
            "object": "chat.completion",
            "model": "gpt-4o-2024-08-06",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "Hello"},
                    "finish_reason": "stop",
                }
            ],
            "usage": usage,
        }
        record: Record = {
            "id": name,
            "method": "POST",
            "url": "https://api.openai.com/v1/chat/completions",
            "request_headers": {"Content-Type": "application/json"},
            "request_body": json.dumps({"model": "gpt-4o", "messages": []}),
            "status": 200,
            "response_headers": {"Content-Type": "application/json"},
            "response_body": json.dumps(answer),
            "framing": "json",
        }
        return {**record, **changes}

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write records as JSON lines and return the path."""

    def write_lines(records: Iterable[Record], name: str = "calls.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
        return path

    return write_lines


@pytest.fixture
def auditor() -> Auditor:
    """Return an auditor with the shipped pack and the published prices."""
    return Auditor(
        providers=load_providers(), booking=Booking(prices=Prices(), at=AT), pieces=pieces()
    )


@pytest.fixture
def measure(auditor: Auditor) -> Callable[..., Result]:
    """Measure one call to OpenAI with an answer of these fields."""

    def of(
        answer: object = None,
        *,
        url: str = "https://api.openai.com/v1/chat/completions",
        method: str = "POST",
        status: int | None = 200,
        asks: object = None,
        content_type: str = "application/json",
    ) -> Result:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        exchange = Exchange(
            id="it",
            place="here",
            method=method,
            url=url,
            request_headers={"content-type": "application/json"},
            request_body=b"" if asks is None else json.dumps(asks).encode(),
            status=status,
            response_headers={"content-type": content_type},
            response_body=body,
        )
        return auditor.measure(exchange)

    return of
