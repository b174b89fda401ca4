"""`samvad trace`: a turn's trace, by the turn's id alone."""

from typing import Annotated

import typer

from infra.cli.refusals import refuse
from infra.jaeger_query import JaegerUnavailable, trace_in_jaeger
from infra.trace_tree import tree
from observability.tracing import untraced

TURN = Annotated[str, typer.Argument(help="a turn's id, as frames, rows and logs have it")]
JAEGER = Annotated[str, typer.Option(help="where Jaeger's page and query API are")]


def trace(turn_id: TURN, jaeger: JAEGER = "http://127.0.0.1:16686") -> None:
    """Print a turn's trace id, Jaeger's link to it, and its spans as a tree."""
    trace_id = untraced().turn(turn_id).trace_id
    typer.echo(f"{jaeger.rstrip('/')}/trace/{trace_id}")
    try:
        spans = trace_in_jaeger(jaeger, trace_id)
    except JaegerUnavailable as error:
        refuse(str(error))
    if not spans:
        refuse("Jaeger has no such trace: the turn was not sampled, is older than Jaeger's memory, or never was")
    typer.echo("\n".join(tree(spans)))
