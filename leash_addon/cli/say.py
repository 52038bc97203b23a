"""Messages of leash itself: on standard error, each line marked as leash's."""

import contextlib

import click


def say(message: str) -> None:
    """Tell the person; a terminal that has hung up hears nothing and breaks nothing."""
    with contextlib.suppress(OSError, ValueError):
        click.echo(f"leash: {message}", err=True)
