"""``leash healthcheck``: ask a serving leash whether it is ready, for containers."""

import ssl
import urllib.error
import urllib.request
from http.client import HTTPException

import click

EXAMPLES = """\b
Examples:
  leash healthcheck
  leash healthcheck --url http://127.0.0.1:9090/healthz

Exit codes: 0 when it says yes, 1 when it says no or nothing.
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--url",
    default="http://127.0.0.1:9090/readyz",
    show_default=True,
    envvar="LEASH_HEALTH_URL",
    help="The probe on the port of --admin.",
)
@click.option("--timeout", type=click.FloatRange(0.1), default=3.0, show_default=True)
@click.pass_context
def healthcheck(ctx: click.Context, /, *, url: str, timeout: float) -> None:
    """Exit with 0 when the leash serve behind URL is ready, and with 1 when it is not."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it asks this machine
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with direct.open(url, timeout=timeout) as answer:
            said = answer.read(200).decode(errors="replace").strip()
    except urllib.error.HTTPError as error:
        said = error.read(200).decode(errors="replace").strip()
        click.echo(f"{error.code} {said}", err=True)
        ctx.exit(1)
    except (OSError, HTTPException, ValueError) as error:
        click.echo(f"{url} does not answer: {getattr(error, 'reason', error)}", err=True)
        ctx.exit(1)
    click.echo(said)
