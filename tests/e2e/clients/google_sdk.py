"""The official Google GenAI SDK as its documentation uses it: nothing here knows of leash."""

from google import genai
from turns import run

MODEL = "gemini-2.5-flash"
client = genai.Client()


def plain() -> str:
    """Ask, and wait for the whole answer."""
    return client.models.generate_content(model=MODEL, contents="hi").text or ""


def streamed() -> str:
    """Ask, and read the answer as it comes."""
    stream = client.models.generate_content_stream(model=MODEL, contents="hi")
    return "".join(chunk.text or "" for chunk in stream)


async def async_plain() -> str:
    """Ask asynchronously."""
    answer = await client.aio.models.generate_content(model=MODEL, contents="hi")
    return answer.text or ""


async def async_streamed() -> str:
    """Read a stream asynchronously."""
    stream = await client.aio.models.generate_content_stream(model=MODEL, contents="hi")
    return "".join([chunk.text or "" async for chunk in stream])


run(
    {
        "plain": plain,
        "streamed": streamed,
        "async plain": async_plain,
        "async streamed": async_streamed,
    }
)
