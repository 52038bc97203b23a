"""``leash fakeprovider``: a provider on loopback that costs nothing."""

import asyncio
import contextlib
import signal

import click

from leash_addon.cli.fakeprovider import FakeProvider, Script


@click.command(
    epilog="\b\nExamples:\n  leash fakeprovider --port 9099\n"
    "  leash fakeprovider --port 9099 --tool-loop --input-tokens 2000 --output-tokens 2000\n"
    "  leash --upstream http://127.0.0.1:9099 -- python my_agent.py\n"
    "  curl http://127.0.0.1:9099/_requests"
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=9099, show_default=True, help="0: any."
)
@click.option("--input-tokens", type=click.IntRange(0), default=100, show_default=True)
@click.option("--output-tokens", type=click.IntRange(0), default=20, show_default=True)
@click.option("--cached-tokens", type=click.IntRange(0), default=0, help="Part of the input.")
@click.option("--reasoning-tokens", type=click.IntRange(0), default=0, help="Part of the output.")
@click.option("--usage/--no-usage", default=True, help="Whether counts are reported at all.")
@click.option("--text", default="", help="The reply; without it every call gets another.")
@click.option("--tool-loop", is_flag=True, help="Every answer asks for the same tool call.")
@click.option("--tool", default="search", show_default=True, help="The tool of --tool-loop.")
@click.option("--arguments", default='{"query": "the same again"}', help="Its arguments, JSON.")
@click.option("--chunks", type=click.IntRange(1), default=5, help="Pieces of a streamed answer.")
@click.option("--delay-ms", type=click.IntRange(0), default=0, help="Before the first byte.")
@click.option("--gap-ms", type=click.IntRange(0), default=0, help="Between two pieces.")
@click.option("--status", type=click.IntRange(200, 599), default=200, help="Another is an error.")
@click.option(
    "--ending",
    type=click.Choice(["complete", "failed", "close"]),
    default="complete",
    show_default=True,
    help="How streamed answers end; failed: on WebSockets.",
)
def fakeprovider(*, port: int, **script: int | str) -> None:
    """Answer model calls without a model: JSON, SSE and WebSockets.

    Formats by path: .../chat/completions, .../responses, .../messages, ...:generateContent and
    ...:streamGenerateContent; over WebSockets .../responses, .../realtime and
    ...BidiGenerateContent. A header x-fake-NAME changes a setting for one call
    (x-fake-delay-ms: 500). A request with a JSON schema is answered in JSON; --tool-loop calls a
    command tool that the request declares, with a command that does nothing. GET /_requests
    tells what arrived, DELETE forgets it.
    """
    fixed = Script(**script)  # type: ignore[arg-type]  # click has checked each flag's type
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(fixed, port))


async def _serve(script: Script, port: int) -> None:
    loop, end = asyncio.get_running_loop(), asyncio.Event()
    for which in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(which, end.set)
    async with FakeProvider(script, port=port) as fake:
        click.echo(f"fake provider on http://127.0.0.1:{fake.port}")
        await end.wait()
