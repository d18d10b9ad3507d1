"""What the tests of a transaction share: a small release, and what must hold before and after."""

from __future__ import annotations

from release import recover, transaction
from release.change import Change, Options, Outcome, TagSpec
from release.git import Repository


def change_for(clone, version="1.1.0", **files) -> Change:
    contents = {name.replace("__", "."): text for name, text in files.items()}
    return Change(
        kind="release",
        label=version,
        branch="main",
        base=clone.git("rev-parse", "refs/heads/main"),
        files=contents or {"version.txt": f"{version}\n".encode()},
        message=f"Release {version}\n",
        tags=(TagSpec(f"v{version}", f"{version}\n\n# not a comment\n"),),
        when=1_700_000_000,
    )


def cut(clone, version="1.1.0", options=None, **files) -> Outcome:
    repository = Repository(clone.path)
    options = options or Options()
    prepared = transaction.prepare(repository, change_for(clone, version, **files), options)
    return transaction.execute(repository, prepared, options)


def codes(caught) -> list[str]:
    return [problem.code for problem in caught.value.problems]


def states(clone) -> list[str]:
    return [standing.state for standing in recover.standings(Repository(clone.path))]


def assert_released(clone, version="1.1.0"):
    """Branch and tag are on the remote and here, they belong together, and nothing is pending."""
    tag = clone.there(f"refs/tags/v{version}")
    assert tag
    commit = clone.git("rev-parse", f"{tag}^{{commit}}")
    assert clone.there("refs/heads/main") == commit
    assert clone.git("rev-parse", f"refs/tags/v{version}") == tag
    assert clone.git("rev-parse", "refs/heads/main") == commit
    assert_nothing_pending(clone)


def assert_unchanged(clone, base, version="1.1.0"):
    assert clone.there("refs/heads/main") == base
    assert clone.there(f"refs/tags/v{version}") == ""
    assert clone.git("rev-parse", "refs/heads/main") == base
    assert clone.git("tag", "--list") == ""


def assert_nothing_pending(clone):
    assert clone.git("for-each-ref", "refs/release") == ""
    assert clone.git("worktree", "list", "--porcelain").count("worktree ") == 1
    clone.git("fsck", "--strict")
