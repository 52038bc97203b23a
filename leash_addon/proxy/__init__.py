"""mitmproxy's side of leash: hooks, interception, refusals. Everything else is below it."""

from leash_addon.proxy.trimmed import trim

trim()  # before any module here imports mitmproxy
