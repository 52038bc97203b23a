"""Calls of the official SDKs through a proxy, and the error that each raises when it is refused.

Importing the three takes seconds, so that only the tests that make these calls import this.
"""

from typing import Any

import anthropic
import httpx2
import openai
from google import genai
from google.genai import errors, types

from tests.proxy.world import RUN, World

MESSAGES: Any = [{"role": "user", "content": "hi"}]


def http(it: World) -> httpx2.AsyncClient:
    """Return a client as the SDKs use them, through the proxy."""
    return httpx2.AsyncClient(proxy=f"http://{RUN}:x@127.0.0.1:{it.port}", verify=it.trust)


async def drained(stream: Any) -> None:  # noqa: ANN401 - each SDK has its own
    """Read a stream to its end."""
    async for _ in stream:
        pass


async def openai_chat(_: World, client: httpx2.AsyncClient) -> None:
    """Make a plain chat call."""
    sdk = openai.AsyncOpenAI(api_key="k", http_client=client)  # type: ignore[arg-type]
    await sdk.chat.completions.create(model="tiny", messages=MESSAGES)


async def openai_stream(_: World, client: httpx2.AsyncClient) -> None:
    """Make a streamed chat call."""
    sdk = openai.AsyncOpenAI(api_key="k", http_client=client)  # type: ignore[arg-type]
    await drained(await sdk.chat.completions.create(model="tiny", messages=MESSAGES, stream=True))


async def openai_responses(_: World, client: httpx2.AsyncClient) -> None:
    """Make a streamed call to responses."""
    sdk = openai.AsyncOpenAI(api_key="k", http_client=client)  # type: ignore[arg-type]
    await drained(await sdk.responses.create(model="tiny", input="hi", stream=True))


async def anthropic_messages(_: World, client: httpx2.AsyncClient) -> None:
    """Make a plain call to messages."""
    sdk = anthropic.AsyncAnthropic(api_key="k", http_client=client)  # type: ignore[arg-type]
    await sdk.messages.create(model="tiny", messages=MESSAGES, max_tokens=9)


async def anthropic_stream(_: World, client: httpx2.AsyncClient) -> None:
    """Make a streamed call to messages."""
    sdk = anthropic.AsyncAnthropic(api_key="k", http_client=client)  # type: ignore[arg-type]
    create = sdk.messages.create
    await drained(await create(model="tiny", messages=MESSAGES, max_tokens=9, stream=True))


async def google(it: World, _: httpx2.AsyncClient) -> None:
    """Make a call to generateContent."""
    proxied = {"proxy": f"http://{RUN}:x@127.0.0.1:{it.port}", "verify": it.trust}
    options = types.HttpOptions(async_client_args=proxied)
    sdk = genai.Client(api_key="k", http_options=options)
    try:
        await sdk.aio.models.generate_content(model="tiny", contents="hi")
    finally:
        await sdk.aio.aclose()


CALLS = {
    "openai chat": (openai_chat, openai.RateLimitError),
    "openai chat stream": (openai_stream, openai.RateLimitError),
    "openai responses stream": (openai_responses, openai.RateLimitError),
    "anthropic": (anthropic_messages, anthropic.RateLimitError),
    "anthropic stream": (anthropic_stream, anthropic.RateLimitError),
    "google-genai": (google, errors.ClientError),
}
"""What is called, and what it raises, by the name of a test's row."""
