"""`notes`: what a release says about itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from release.cli import Context, global_options, print_json, printable
from release.errors import Refused

if TYPE_CHECKING:
    from release.all_notes import Entry
    from release.facts import RepositoryFacts
    from release.git import Objects, Repository, Tree
    from release.settings import Settings
    from release.versions import TagFormat

EPILOG = """\b
Examples:
  python -m release notes               the notes of the last release
  python -m release notes v1.2.0        those of another one (a version will do as well)
  python -m release notes --all         the full changelog, written from all of history"""


@click.command(epilog=EPILOG)
@click.argument("tag", required=False)
@click.option("--all", "everything", is_flag=True, help="Write the changelog of all releases from the commits.")
@global_options
@click.pass_obj
def notes(context: Context, tag: str | None, everything: bool) -> int:
    """Print a release's notes: its changelog section, or one written from its commits."""
    from release.facts import gather
    from release.git import Repository, Tree
    from release.planner import read_settings

    if tag and everything:
        raise click.UsageError("Give a TAG or --all, not both.")
    repository = Repository(context.repo)
    objects = repository.objects()
    facts = gather(repository, objects)
    if facts.head is None:
        raise Refused.because("no-commits", "the repository has no commit yet", "commit something first")
    tree = Tree(objects, facts.head)
    settings, wrong = read_settings(tree)
    if wrong:
        raise Refused(wrong)
    tag_format = _tag_format(tree, facts, settings)
    if everything:
        _print_all(context, repository, facts.head, tag_format, settings)
        return 0
    entry = _one(repository, objects, tree, facts, settings, tag_format, tag)
    if context.json:
        print_json(entry._asdict())
    else:
        click.echo(printable(entry.notes))
    return 0


def _tag_format(tree: Tree, facts: RepositoryFacts, settings: Settings) -> TagFormat:
    from release import sources, versions

    found = sources.discover(tree, settings)
    if settings.tag_format:
        try:
            return versions.tag_format(settings.tag_format, found.name)
        except ValueError as error:
            raise Refused.because("bad-setting", str(error), "see docs/settings.md") from None
    return versions.infer_tag_format(facts.tags, found.name, found.spelling)[0]


def _one(
    repository: Repository, objects: Objects, tree: Tree, facts: RepositoryFacts, settings: Settings,
    tag_format: TagFormat, tag: str | None,
) -> Entry:  # fmt: skip
    """Return the notes of one release: from the changelog of today, else of its own time, else from commits."""
    from release import changelog, history
    from release import notes as writer
    from release.all_notes import Entry
    from release.git import Tree
    from release.planner import find_changelog

    assert facts.head is not None
    releases = history.releases(facts.tags, tag_format)
    if tag is None:
        wanted = history.read_range(repository, facts.head, releases, since_last=True).last
    else:
        wanted = next((made for made in releases if tag in (made.tag, str(made.version))), None)
    if wanted is None:
        named = f"there is no release {tag!r}" if tag else "there is no release yet"
        raise Refused.because("no-such-release", named, "run `python -m release plan` for what comes next")
    commit = repository.line("rev-parse", "--verify", "--end-of-options", f"refs/tags/{wanted.tag}^{{commit}}")
    for files in (tree, Tree(objects, commit)):
        path = find_changelog(files, settings)
        data = files.read(path) if path else None
        if path and data is not None:
            section = changelog.parse_text(changelog.decode(data, path), path).find(str(wanted.version))
            if section is not None and not section.empty:
                date = section.heading.rsplit(" ", 1)[-1].strip("()\r\n ")
                return Entry(str(wanted.version), wanted.tag, date, section.text.replace("\r\n", "\n"))
    older = [made for made in releases if made.version < wanted.version]
    before = wanted.version.is_prerelease
    _, kept, _ = history.read_range(repository, commit, older, before, settings.paths).counted()
    return Entry(str(wanted.version), wanted.tag, "", writer.generate(kept, settings.sections))


def _print_all(context: Context, repository: Repository, head: str, tag_format: TagFormat, settings: Settings) -> None:
    """Print every release as soon as it is complete."""
    from release.all_notes import entries, heading

    out = sys.stdout.buffer
    if context.json:
        import json

        before = '{"versions": ['
        for entry in entries(repository, head, tag_format, settings.sections, settings.paths):
            out.write((before + json.dumps(entry._asdict())).encode())
            before = ",\n"
        out.write(b"]}\n")
    else:
        out.write(b"# Changelog\n")
        for entry in entries(repository, head, tag_format, settings.sections, settings.paths):
            if entry.version or entry.notes:
                text = f"\n{heading(entry)}\n\n{entry.notes}".rstrip("\n") + "\n"
                out.write(printable(text).encode("utf-8", "backslashreplace"))
    out.flush()
