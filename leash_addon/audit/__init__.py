"""Recorded traffic, read by the live path's own code: what each call used and cost."""
