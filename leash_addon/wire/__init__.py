"""The pure wire layer: what a request asks, and from the bytes of an answer to its usage."""
