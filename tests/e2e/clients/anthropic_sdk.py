"""The official Anthropic SDK as its documentation uses it: nothing here knows of leash."""

from anthropic import Anthropic, AsyncAnthropic
from anthropic.types import MessageParam
from turns import run

MODEL = "claude-sonnet-4-5"
QUESTION: list[MessageParam] = [{"role": "user", "content": "hi"}]
client, aclient = Anthropic(), AsyncAnthropic()


def plain() -> str:
    """Ask, and wait for the whole answer."""
    answer = client.messages.create(model=MODEL, max_tokens=1024, messages=QUESTION)
    return "".join(block.text for block in answer.content if block.type == "text")


def streamed() -> str:
    """Ask, and read the answer as it comes."""
    with client.messages.stream(model=MODEL, max_tokens=1024, messages=QUESTION) as stream:
        return "".join(stream.text_stream)


async def async_plain() -> str:
    """Ask asynchronously."""
    answer = await aclient.messages.create(model=MODEL, max_tokens=1024, messages=QUESTION)
    return "".join(block.text for block in answer.content if block.type == "text")


async def async_streamed() -> str:
    """Read a stream asynchronously."""
    async with aclient.messages.stream(model=MODEL, max_tokens=1024, messages=QUESTION) as stream:
        return "".join([text async for text in stream.text_stream])


run(
    {
        "plain": plain,
        "streamed": streamed,
        "async plain": async_plain,
        "async streamed": async_streamed,
    }
)
