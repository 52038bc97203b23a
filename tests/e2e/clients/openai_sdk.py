"""The official OpenAI SDK as its documentation uses it: nothing here knows of leash."""

from openai import AsyncOpenAI, OpenAI
from turns import run

MODEL = "gpt-4o"
client, aclient = OpenAI(), AsyncOpenAI()


def chat() -> str:
    """Ask, and wait for the whole answer."""
    answer = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "hi"}]
    )
    return answer.choices[0].message.content or ""


def chat_stream() -> str:
    """Ask, and read the answer as it comes."""
    stream = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "hi"}], stream=True
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream)


def responses() -> str:
    """Ask the Responses API."""
    return client.responses.create(model=MODEL, input="hi").output_text


def responses_stream() -> str:
    """Ask the Responses API for a stream."""
    stream = client.responses.create(model=MODEL, input="hi", stream=True)
    return "".join(event.delta for event in stream if event.type == "response.output_text.delta")


async def achat() -> str:
    """Ask asynchronously."""
    answer = await aclient.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "hi"}]
    )
    return answer.choices[0].message.content or ""


async def achat_stream() -> str:
    """Read a stream asynchronously."""
    stream = await aclient.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "hi"}], stream=True
    )
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


run(
    {
        "plain": chat,
        "streamed": chat_stream,
        "async plain": achat,
        "async streamed": achat_stream,
        "responses": responses,
        "responses streamed": responses_stream,
    }
)
