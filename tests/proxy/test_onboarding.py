"""``http://mitm.it/`` and what is trusted upstream."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from tests.proxy.world import MakeWorld, tls_of

pytestmark = pytest.mark.asyncio


async def test_the_page_offers_our_root(world: MakeWorld) -> None:
    """The page shows the fingerprint of leash's root, and its files are that root."""
    async with world() as it, it.client() as client:
        page = await client.get("http://mitm.it/")
        pem = await client.get("http://mitm.it/cert/pem")
        der = await client.get("http://mitm.it/cert/cer")
        wrong = await client.get("http://mitm.it/cert/p12")
        assert it.authority.fingerprint in page.text
        assert pem.content == it.authority.root_pem
        assert x509.load_der_x509_certificate(der.content) == it.authority.root
        assert (wrong.status_code, it.provider.requests) == (404, [])


async def test_our_own_authority_is_not_trusted_upstream(world: MakeWorld, tmp_path: Path) -> None:
    """A server that shows a certificate of leash's own authority is refused by leash."""
    async with world() as it, it.client() as client:
        seen: list[str] = []

        async def impostor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append((await reader.readline()).decode())
            writer.close()

        context = tls_of(it.authority, "localhost", tmp_path)
        server = await asyncio.start_server(impostor, "127.0.0.1", 0, ssl=context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            known = it.addon._reception
            policy = replace(known.policy, upstream=f"https://localhost:{port}")
            it.addon._reception = replace(known, policy=policy)
            answer = await it.chat(client)
        assert (answer.status_code, seen) == (502, [])
        assert "ertificate verify failed" in answer.text
