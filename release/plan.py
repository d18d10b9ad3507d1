"""The release plan: everything a release would do, decided before anything is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from release.commits import Commit
    from release.edits import Edit
    from release.problems import Problem
    from release.transaction import Change


class ReleasePlan(NamedTuple):
    """What a release would do to one repository. Versions are PEP 440 strings.

    Attributes:
        name: the package's name; empty when the repository does not say.
        current: the version of the last release (or of the files, when there was none).
        next: the version to release; None when nothing asks for a release.
        bump: "major", "minor", "patch", "pre", "final", "post", "explicit" or "none".
        reason: why that version, in one sentence.
        tag: the tag's name; None when `next` is.
        branch: the branch the release is cut from; None on a detached HEAD.
        base: the commit the release builds on; None in a repository without commits.
        remote: the remote it is pushed to; None when there is none.
        sources: where the version is written ("path:line") and what stands there.
        commits: commits since the last release, newest first, that could be read (merges and reverts included).
        unparsed: those that could not be read as Conventional Commits.
        reverted: ids of commits that cancel each other, and do not count.
        edits: the files of the release commit.
        notes: the changelog section as it is published, without its heading.
        message: the commit's message.
        tag_message: the tag's message.
        when: seconds since the epoch that commit and tag carry (UTC).
        date: YYYY-MM-DD, as the changelog shows it (UTC).
        holds: what the ids of a dry run hold for.
        problems: everything that stops the release.
        assumptions: what was taken for granted because the repository does not say.
    """

    name: str
    current: str | None
    next: str | None
    bump: str
    reason: str
    tag: str | None
    branch: str | None
    base: str | None
    remote: str | None
    when: int
    date: str = ""
    holds: str = ""
    sources: tuple[tuple[str, str], ...] = ()
    commits: tuple[Commit, ...] = ()
    unparsed: tuple[Commit, ...] = ()
    reverted: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    notes: str = ""
    message: str = ""
    tag_message: str = ""
    problems: tuple[Problem, ...] = ()
    assumptions: tuple[str, ...] = ()

    @property
    def refs(self) -> tuple[str, ...]:
        """The refs the release creates or moves."""
        if self.next is None:
            return ()
        branch = (f"refs/heads/{self.branch}",) if self.branch else ()
        return (*branch, f"refs/tags/{self.tag}")

    def change(self) -> Change:
        """Return the transaction that carries the plan out.

        Raises:
            Refused: there are problems, or there is nothing to release.
        """
        from release.errors import Refused
        from release.transaction import Change, TagSpec

        if self.problems or self.next is None or self.tag is None or self.branch is None or self.base is None:
            raise Refused(self.problems)
        return Change(
            kind="release",
            label=self.next,
            branch=self.branch,
            base=self.base,
            files={edit.path: edit.new for edit in self.edits},
            message=self.message,
            tags=(TagSpec(self.tag, self.tag_message),),
            when=self.when,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the object `plan --format json` prints."""
        return {
            "current": self.current,
            "next": self.next,
            "bump": self.bump,
            "reason": self.reason,
            "tag": self.tag,
            "commits": [commit.as_json() for commit in self.commits],
            "unparsed": [commit.as_json() for commit in self.unparsed],
            "edits": [{"path": edit.path, "diff": edit.diff()} for edit in self.edits],
            "refs": list(self.refs),
            "notes": self.notes,
            "problems": [problem.as_json() for problem in self.problems],
            "name": self.name,
            "branch": self.branch,
            "base": self.base,
            "remote": self.remote,
            "when": self.when,
            "date": self.date,
            "reverted": list(self.reverted),
            "sources": [{"place": place, "version": version} for place, version in self.sources],
            "assumptions": list(self.assumptions),
        }
