"""What can still be undone of a public release: never the tag, which others may have already."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from release import dates, scratch, versions
from release.change import Change
from release.errors import Refused, Usage
from release.facts import gather
from release.git import Repository, Tree
from release.merging import QUIET
from release.planner import find_changelog, read_settings
from release.plumbing import Plumbing
from release.problems import Problem
from release.sources import discover


@dataclass(frozen=True)
class Released:
    """A release that exists: its tag, its commit, and where it was made."""

    name: str
    version: Version
    tag: str
    commit: str
    branch: str
    tip: str
    remote: str | None
    changelog: str | None


def find(repository: Repository, text: str) -> Released:
    """Return the release of a version.

    Raises:
        Usage: `text` is not a version.
        Refused: there is no such release on this branch.
    """
    version = versions.parse(text)
    if version is None:
        raise Usage.because("bad-version", f"{text!r} is not a version", "for example 1.2.0")
    repo = Plumbing(repository)
    objects = repository.objects()
    facts = gather(repository, objects)
    tree = Tree(objects, facts.head)
    settings, problems = read_settings(tree)
    found = discover(tree, settings)
    changelog = find_changelog(tree, settings)
    if problems:
        raise Refused(problems)
    if settings.tag_format:
        form = versions.tag_format(settings.tag_format, found.name)
    else:
        form = versions.infer_tag_format(facts.tags, found.name, found.spelling)[0]
    tag = next((tag for tag in facts.tags if form.version(tag) == version), None)
    if tag is None:
        raise Refused([Problem("no-release", f"there is no tag of {version} here", "git fetch --tags")])
    commit = repo.text("rev-parse", f"refs/tags/{tag}^{{commit}}")
    if facts.branch is None or facts.head is None or not repo.ok("merge-base", "--is-ancestor", commit, facts.head):
        message = f"{tag} is not in the history of the branch that is checked out"
        raise Refused([Problem("other-branch", message, "git switch to the branch it was released from")])
    remote = facts.remote(settings)
    return Released(found.name, version, tag, commit, facts.branch, facts.head, remote, changelog)


def revert(repository: Repository, released: Released) -> Change | None:
    """Return the commit that takes the release's changelog section back, or None when there is nothing of it.

    The version in the files stays: the number is used up, and the next release counts from it.

    Raises:
        Refused: what the release wrote has been edited since.
    """
    repo = Plumbing(repository)
    parents = repo.text("rev-list", "--parents", "--max-count=1", released.commit).split(" ")[1:]
    path = released.changelog
    if path is None or not parents:
        return None
    message = (
        f'Revert "Release {released.version}"\n\nThis reverts commit {released.commit} as far as {path} goes.\n'
        f"The version stays, since {released.tag} is public and the number is used up.\n"
    )
    with scratch.worktree(repo, released.tip) as place:
        mainline = ("--mainline", "1") if len(parents) > 1 else ()
        place.run("revert", "--no-commit", *mainline, released.commit, check=False, config=QUIET)
        if place.run("diff", "--name-only", "-z", "--diff-filter=U", "--", path).lines():
            problem = Problem("conflict", f"{path}: edited since {released.tag}", "correct the changelog by hand")
            raise Refused([problem])
        content = place.run("show", f":{path}", check=False).out
    if content == repo.run("show", f"{released.tip}:{path}", check=False).out or not content:
        return None
    when = dates.moment(int(repo.text("log", "-1", "--format=%ct", released.tip))).when
    return Change(
        kind="undo",
        label=str(released.version),
        branch=released.branch,
        base=released.tip,
        files={path: content},
        message=message,
        tags=(),
        when=when,
    )


def yank(released: Released) -> str:
    """Return how to take the release back from the package index, which only its owner can do."""
    name = released.name or "NAME"
    return (
        f"yank it on the index: https://pypi.org/manage/project/{name}/release/{released.version}/, Options, Yank; "
        "installations that pin it go on working"
    )
