"""The pure core: money, usage, pricing, journal, balances, boundaries, verdict."""
