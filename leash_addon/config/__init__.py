"""Files, environment and flags become frozen settings, price tables and provider packs."""
