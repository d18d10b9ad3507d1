"""`rollout rehearse`, `simulate`, `report`: shows that it works, what it would do, what it did."""

from __future__ import annotations

import click

from release.cli import Context, global_options, print_json, printable


@click.command()
@click.option("--keep", is_flag=True, help="Keep the temporary folder.")
@global_options
@click.pass_obj
def rehearse(context: Context, keep: bool) -> None:
    """The whole rollout in a throw-away repository, with real exporters and a real Prometheus on loopback."""
    from release.rollout.rehearse import rehearse as run

    lines: list[str] = []

    def say(text: str) -> None:
        lines.append(text)
        click.echo(printable(text), err=context.json)

    run(say, keep)
    if context.json:
        print_json({"rehearsed": True, "log": lines})
