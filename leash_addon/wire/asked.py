"""What one request asks for: its model, its limits, and how its answer will come."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The facts of a request that admission and metering need.

    ``model``: as the body names it, else as the URL does. ``stream``: the answer was asked for in
    pieces. ``max_output``: the request's own limit on output tokens, for one choice.
    ``choices``: how many answers. ``input_tokens``: an estimate, the body's bytes / 4; base64 of
    images is counted like text, which overstates them. ``can_inject``: the body may have
    ``stream_options.include_usage`` added. ``free``: the request costs nothing by what it says.
    ``signed``: the body is under an AWS signature and cannot be changed. ``broken``: why the body
    could not be read; the other fields then hold what is known without it.
    """

    model: str | None = None
    stream: bool = False
    max_output: int | None = None
    choices: int = 1
    input_tokens: int = 0
    can_inject: bool = False
    free: bool = False
    signed: bool = False
    broken: str | None = None
