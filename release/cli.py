"""The command line frame: global options, commands loaded when asked for, errors turned into exit codes."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from release import errors

# Command name -> (module, attribute, line for --help). Nothing of it is imported before it is asked for.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "plan": ("release.commands.plan", "plan", "Show what a release would do and everything that stops it; reads only."),
    "notes": ("release.commands.notes", "notes", "Print a release's notes, or the changelog of all of history."),
    "cut": ("release.commands.cut", "cut", "Make a release, all or nothing; a dry run without --execute."),
    "status": ("release.commands.recover", "status", "Say where an interrupted release stands, and what to do."),
    "resume": ("release.commands.recover", "resume", "Finish an interrupted release."),
    "abort": ("release.commands.recover", "abort", "Undo an interrupted release of which nothing is public yet."),
    "merge": ("release.commands.merge", "merge", "Merge a branch: checked in a scratch area, one commit, one push."),
    "undo": ("release.commands.undo", "undo", "Say, and with --execute do, what can be undone of a public release."),
    "rehearse": ("release.commands.rehearse", "rehearse", "Run the whole release in a throw-away clone."),
    "dist": ("release.commands.dist", "dist", "Say which files a release must have, and check a folder of them."),
    "rollout": ("release.commands.rollout", "rollout", "Stage a release by percentage, decide by evidence, roll back."),
}
EPILOG = """\b
Examples:
  python -m release plan                   what would be released now
  python -m release --format json plan     the same for programs
  python -m release --repo ../other plan   another repository

Exit codes: 0 done, or ready; 1 refused, nothing changed; 2 wrong usage; 3 interrupted, or the remote did
not answer; 4 the gate says hold; 5 the gate says roll back."""

Function = TypeVar("Function", bound=Callable[..., Any])


class Context(NamedTuple):
    """The global options, as every command gets them (`@click.pass_obj`)."""

    repo: str
    format: str

    @property
    def json(self) -> bool:
        """Whether one JSON object is wanted instead of text."""
        return self.format == "json"


class LazyGroup(click.Group):
    """A group that imports a command's module when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} is not a click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for a misspelt one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing any."""
        rows = [(name, text) for name, (_, _, text) in COMMANDS.items()]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def _keep(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Let an option given after the command win over the one before it."""
    if value is not None and parameter.name is not None:
        ctx.obj = (ctx.obj or Context(".", "text"))._replace(**{parameter.name: value})


def global_options(function: Function) -> Function:
    """Add `--repo` and `--format`; used on the group and on every command, so both places work."""
    for option in (
        click.option(
            "--format", type=click.Choice(["text", "json"]), expose_value=False, callback=_keep,
            help="Text for people (default), or one JSON object on standard output.",
        ),
        click.option(
            "--repo", metavar="DIR", expose_value=False, callback=_keep,
            help="The repository (default: this folder).",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@global_options
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Plan, cut and stage releases of any git repository.

    Nothing is changed unless a command is told --execute.
    """
    ctx.obj = ctx.obj or Context(".", "text")


def printable(text: str) -> str:
    """Make `text` safe to show: control characters and undecodable bytes become escapes."""
    if text.replace("\n", "").replace("\t", "").isprintable():  # as nearly all text is, and some is long
        return text
    return "".join(map(_escape, text))


def _escape(character: str) -> str:
    if character.isprintable() or character in "\n\t":
        return character
    if 0xDC80 <= ord(character) <= 0xDCFF:  # a byte that was not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def print_json(value: object) -> None:
    """Print one JSON object on standard output; undecodable bytes in names are shown as escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    click.echo(text.encode("utf-8", "backslashreplace"))


def report(error: errors.ReleaseError, as_json: bool) -> None:
    """Tell the user what stopped the command: text on stderr, and the JSON object when it was asked for."""
    if as_json:
        print_json({"problems": [problem.as_json() for problem in error.problems]})
    for problem in error.problems:
        click.echo(f"{click.style('error', fg='red', bold=True)}: {printable(problem.message)}", err=True)
        if problem.fix:
            click.echo(f"  {click.style('next', fg='cyan')}: {printable(problem.fix)}", err=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "json" in arguments or "--format=json" in arguments
    try:
        name = Path(sys.argv[0]).stem
        program = name if name == "sky-rs-release" else "python -m release"
        result = cli.main(arguments, prog_name=program, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        if as_json:
            print_json({"problems": [{"code": "usage", "message": error.format_message(), "fix": "see --help"}]})
        return errors.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; `python -m release status` says where things stand", err=True)
        return errors.INTERRUPTED
    except errors.ReleaseError as error:
        report(error, as_json)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return errors.DONE
    except OSError as error:
        report(
            errors.Refused.because("system", f"{error.filename or 'system'}: {error.strerror or error}"),
            as_json,
        )
        return errors.REFUSED
    return result if isinstance(result, int) else errors.DONE
