"""The fake provider behind TLS: ``tls_provider.py HOST PORT CHAIN``, the key in the same file."""

import asyncio
import ssl
import sys

from leash_addon.cli.fakeprovider import FakeProvider, Script


async def main(host: str, port: int, chain: str) -> None:
    """Serve until killed; a line says that it does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    fake = FakeProvider(Script(input_tokens=2_000, output_tokens=2_000))
    server = await asyncio.start_server(fake._connection, host, port, ssl=context)
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    await server.serve_forever()


asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
