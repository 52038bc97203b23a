"""A ledger in PostgreSQL, shared by any number of proxies on any number of machines."""
