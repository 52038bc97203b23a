"""mitmproxy's side of leash: hooks, interception, refusals. Everything else is below it."""
