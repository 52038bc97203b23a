"""The admin port of ``leash serve``: health, metrics, and an API in JSON."""
