"""Makes the plan: reads the repository, decides the version, writes the edits, lists the problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from packaging.version import Version

from release import changelog as changelogs
from release import checks, dates, edits, filters, history, notes, settings, sources, versions
from release.commits import Commit
from release.errors import GitFailed, Interrupted, Refused, Usage
from release.facts import RepositoryFacts, ask_remote, gather
from release.git import Objects, Repository, Tree
from release.plan import ReleasePlan
from release.problems import Problem
from release.settings import Settings
from release.versions import TagFormat

CHANGELOGS = ("changelog.md", "changes.md", "history.md", "news.md")
_NOTHING = Version("0.0.0")


def make(repository: Repository, request: str = "auto", offline: bool = False, date: str | None = None) -> ReleasePlan:
    """Plan a release; changes nothing.

    Args:
        repository: where.
        request: one of `versions.REQUESTS`, or a version.
        offline: do not ask the remote.
        date: of the release, as YYYY-MM-DD; today's, or that of SOURCE_DATE_EPOCH, when not given.

    Raises:
        Usage: `request` is not a version, or `date` not a date.
    """
    return _Planner(repository, request, offline, date).plan()


def find_changelog(tree: Tree, chosen: Settings) -> str | None:
    """Return the changelog's path: the setting, or a file with a usual name."""
    if chosen.changelog:
        return chosen.changelog
    names = sorted(tree.files(""))
    return next((name for usual in CHANGELOGS for name in names if name.lower() == usual), None)


def read_settings(tree: Tree) -> tuple[Settings, list[Problem]]:
    """Read the settings of a commit; what is wrong with them comes as problems, beside the defaults."""
    for name in ("release.toml", "pyproject.toml"):
        data = tree.read(name)
        if data is not None and (name == "release.toml" or b"release" in data):
            try:
                return settings.read(data.decode("utf-8"), name), []
            except UnicodeDecodeError as error:
                line = data.count(b"\n", 0, error.start) + 1
                return Settings(), [Problem("bad-toml", f"{name}:{line}: not UTF-8", f"save {name} as UTF-8")]
            except Refused as error:
                return Settings(), list(error.problems)
    return Settings(), []


class _Step(NamedTuple):
    """The decision about the version."""

    version: Version | None
    kind: str
    reason: str


class _Planner:
    """One planning run; each method is one question, asked in the order of `plan`."""

    def __init__(self, repository: Repository, request: str, offline: bool, date: str | None) -> None:
        self.repository = repository
        self.request = request
        self.explicit = None if request in versions.REQUESTS else versions.parse(request)
        if self.explicit is None and request not in versions.REQUESTS:
            raise Usage.because(
                "bad-version", f"{request!r} is neither a version nor one of {', '.join(versions.REQUESTS)}"
            )  # fmt: skip
        self.offline = offline
        self.date = date
        self.problems: list[Problem] = []
        self.assumptions: list[str] = []
        self.about_tags = ""  # how the format of the tags was found

    def plan(self) -> ReleasePlan:
        objects = self.repository.objects()
        facts = gather(self.repository, objects)
        tree = Tree(objects, facts.head)
        chosen, wrong = read_settings(tree)
        self.problems += checks.repository(facts, chosen)
        self.problems += checks.paths(chosen.paths, tree) if facts.head else []
        self.problems += wrong
        found = sources.discover(tree, chosen)
        self.problems += [problem for problem in found.problems if problem not in self.problems]
        path = find_changelog(tree, chosen)
        paths = {place.path for place in found.places} | {file.path for file in chosen.version_files}
        watch = filters.Watch(self.repository, tree, facts.head, paths | ({path} if path else set()))
        tag_format, happened = self._history(facts, chosen, found)
        happened, counted, cancelled = happened.counted()
        current = self._current(happened, found)
        log = self._changelog(tree, path)
        step = self._step(happened, current, counted, log, chosen)
        self.problems += checks.versions(found, happened.last, step.version)
        plan_edits, section = [], ""
        tag = None
        moment = dates.moment(facts.head_time, self.date)
        if step.version is not None:
            tag = self._tag(step.version, current, happened, tag_format, facts)
            changes, failed = edits.version_edits(found, step.version)
            self.problems += failed
            text = notes.generate(counted, chosen.sections)
            change, section = self._write(log, path, step.version, tag or "", moment.date, text, chosen)
            plan_edits = [*changes, *change]
        elif facts.head is not None:
            self.problems.append(Problem("nothing-to-release", step.reason, "name a version to release anyway"))
        self.problems += watch.problems()
        remote = self._remote(facts, chosen, tag, objects)
        self._say(facts, found, path, cancelled, counted)
        fill = _Fill(step.version, tag or "", found.name, section)
        readable = [commit for commit in happened.commits if commit.type is not None]
        return ReleasePlan(
            name=found.name,
            current=str(current),
            next=None if step.version is None else str(step.version),
            bump=step.kind,
            reason=step.reason,
            tag=tag,
            branch=facts.branch,
            base=facts.head,
            remote=remote,
            when=moment.when,
            date=moment.date,
            holds=moment.holds,
            sources=tuple((f"{place.path}:{place.line}", place.text) for place in found.places),
            commits=tuple(readable),
            unparsed=tuple(commit for commit in happened.commits if commit.type is None),
            reverted=tuple(commit.id for commit in cancelled),
            edits=tuple(plan_edits),
            notes=section,
            message=fill(chosen.message),
            tag_message=fill(chosen.tag_message),
            problems=tuple(self.problems),
            assumptions=tuple(self.assumptions),
        )

    def _tag_format(self, tags: tuple[str, ...], chosen: Settings, found: sources.Found) -> TagFormat:
        if chosen.tag_format:
            try:
                return versions.tag_format(chosen.tag_format, found.name)
            except ValueError as error:
                problem = Problem("bad-setting", str(error), "see docs/settings.md")
                self.problems += [] if problem in self.problems else [problem]
        tag_format, self.about_tags = versions.infer_tag_format(tags, found.name, found.spelling)
        if not self.about_tags and not tags:
            self.about_tags = f"no tag yet: tags will be named like {tag_format.prefix}1.2.3"
        return tag_format

    def _history(
        self, facts: RepositoryFacts, chosen: Settings, found: sources.Found
    ) -> tuple[TagFormat, history.Range]:
        """Read the commits since the last release, from the remote where a shallow clone hides them."""
        tag_format = self._tag_format(facts.tags, chosen, found)
        if facts.head is None:
            return tag_format, history.Range(None, None, [])
        since_last = self.request in ("pre", "post")
        happened = history.read_range(
            self.repository, facts.head, history.releases(facts.tags, tag_format), since_last, chosen.paths
        )  # fmt: skip
        if not facts.shallow:
            return tag_format, happened
        if chosen.paths and (happened.final is None or history.cut_off(self.repository, happened)):
            self._complain_shallow("the setting paths needs the folders of all commits since that")
            return tag_format, happened
        if happened.final is not None:
            return tag_format, happened
        remote = facts.remote(chosen)
        if remote is None or self.offline:
            self._complain_shallow("there is no remote to ask" if remote is None else "--offline forbids asking")
            return tag_format, happened
        from release import deepen

        try:
            tags = deepen.remote_tags(self.repository, remote)
            tag_format = self._tag_format(tuple(tags), chosen, found)
            whole = deepen.fetched_range(self.repository, facts.head, remote, tags, tag_format, since_last)
        except (GitFailed, Interrupted) as error:
            self._complain_shallow(" ".join(str(error).split()))
            return tag_format, happened
        self.assumptions.append(
            f"shallow clone: {len(whole.commits)} commits since {whole.last.tag if whole.last else 'the beginning'}"
            f" were read from {remote} into a temporary folder; this repository is as before"
        )
        return tag_format, whole

    def _complain_shallow(self, why: str) -> None:
        self.problems.append(
            Problem(
                "shallow",
                f"this clone is shallow and hides the last release tag; {why}",
                "run `git fetch --unshallow --tags`",
            )
        )

    def _current(self, happened: history.Range, found: sources.Found) -> Version:
        if happened.last is not None:
            return happened.last.version
        written = next((versions.parse(place.text) for place in found.places), None)
        if written is not None:
            self.assumptions.append(
                f"no release tag: {written}, as written in {found.places[0].path}, counts as released"
            )
            return Version(written.base_version) if written.is_devrelease else written
        self.assumptions.append("no release tag and no version in any file: counting from 0.0.0")
        return _NOTHING

    def _changelog(self, tree: Tree, path: str | None) -> changelogs.Changelog | None:
        data = tree.read(path) if path else None
        if path is None or data is None:
            return None
        try:
            return changelogs.parse_text(changelogs.decode(data, path), path)
        except Refused as error:
            self.problems += error.problems
            return None

    def _step(
        self, happened: history.Range, current: Version, counted: list[Commit],
        log: changelogs.Changelog | None, chosen: Settings,
    ) -> _Step:  # fmt: skip
        """Decide the version: whichever of commits and changelog asks for more."""
        asked, reason = _asked_by_commits(counted, chosen)
        unreleased = log.unreleased if log else None
        by_heading, title = changelogs.asked_level(unreleased, chosen.headings)
        if versions.higher(asked, by_heading) != asked:
            asked, reason = (
                by_heading,
                f"the changelog's Unreleased section has {title!r}, which asks for a {by_heading} release",
            )
        since = f"since {happened.last.tag}" if happened.last else "so far"
        if self.explicit is not None:
            return _Step(self.explicit, "explicit", f"{self.explicit} was asked for")
        if asked == "none":
            reason = f"nothing {since} asks for a release ({len(happened.commits)} commits)"
        first = happened.last is None
        if first and current == _NOTHING and asked != "none" and self.request == "auto":
            return _Step(Version("0.1.0"), "minor", f"{reason}; a first release is 0.1.0")
        final = happened.final.version if happened.final else None
        if first and not current.is_prerelease:
            final = current
        version, kind = versions.next_version(final, current, self.request, asked)
        if version is None and self.request == "final":
            reason = f"{current} is final already"
        if version is not None and self.request != "auto":
            reason = f"{self.request} was asked for" + (f"; {reason}" if asked != "none" else "")
        elif kind != asked and asked == "major" and version is not None and version.major == 0:
            reason += ", a minor one before 1.0.0"
        return _Step(version, kind, reason)

    def _tag(
        self, version: Version, current: Version, happened: history.Range, tag_format: TagFormat, facts: RepositoryFacts
    ) -> str | None:
        try:
            tag = tag_format.name(version)
        except ValueError as error:
            self.problems.append(Problem("no-spelling", f"tag: {error}", "set tag-format to use {version}"))
            return None
        self.problems += checks.target(version, current, happened.last is None, tag, facts)
        nothing_new = happened.last is not None and not happened.commits and version.post is None
        if nothing_new and not (happened.last and happened.last.version.is_prerelease):
            self.problems.append(Problem("no-changes", f"no commit since {happened.last.tag}" if happened.last else ""))
        return tag

    def _write(
        self, log: changelogs.Changelog | None, path: str | None, version: Version, tag: str, date: str,
        generated: str, chosen: Settings,
    ) -> tuple[list[edits.Edit], str]:  # fmt: skip
        """Return the changelog's edit and the section's text."""
        if log is None and chosen.changelog and path:
            if any(problem.message.startswith(f"{path}:") for problem in self.problems):
                return [], generated
            text = f"# Changelog\n\n## [Unreleased]\n\n## [{version}] - {date}\n\n{generated}\n"
            return [edits.Edit(path, None, text.encode())], generated
        if log is None:
            return [], generated
        unreleased = log.unreleased
        if not generated and (unreleased is None or unreleased.empty):
            line = f":{unreleased.line}" if unreleased else ""
            self.problems.append(
                Problem(
                    "empty-changelog", f"{log.path}{line}: nothing to say about {version}",
                    "write it under `## [Unreleased]`, and commit",
                )
            )  # fmt: skip
            return [], ""
        try:
            changelogs.check(log, str(version))
        except Refused as error:
            self.problems += error.problems
            return [], generated
        new, section = changelogs.release(log, str(version), tag, date, generated)
        return [edits.Edit(log.path, changelogs.encode(log.write()), changelogs.encode(new))], section.replace(
            "\r\n", "\n"
        )

    def _remote(self, facts: RepositoryFacts, chosen: Settings, tag: str | None, objects: Objects) -> str | None:
        remote = facts.remote(chosen)
        if remote is None:
            self.assumptions.append("no remote: the release stays in this repository")
        elif self.offline:
            self.assumptions.append(f"{remote} was not asked (--offline)")
        elif facts.branch and facts.head and (remote in facts.remotes or not chosen.remote):
            answer = ask_remote(self.repository, remote, facts.branch, tag)
            relation = self._relation(facts.head, answer.head, objects)
            self.problems += checks.remote(remote, facts.branch, tag, facts.head, answer, relation)
        return remote

    def _relation(self, head: str, there: str | None, objects: Objects) -> str:
        if there is None or there == head:
            return "same"
        if objects.get(there) is None:
            return "behind"
        if self.repository.succeeds("merge-base", "--is-ancestor", there, head):
            return "unpushed"
        return "behind" if self.repository.succeeds("merge-base", "--is-ancestor", head, there) else "diverged"

    def _say(
        self, facts: RepositoryFacts, found: sources.Found, path: str | None, cancelled: list[Commit],
        counted: list[Commit],
    ) -> None:  # fmt: skip
        """Note what was taken for granted."""
        self.assumptions += [self.about_tags] if self.about_tags else []
        if not found.places:
            how = f" ({found.from_tags})" if found.from_tags else ""
            self.assumptions.append(f"no file holds the version: it comes from the tag{how}")
        if path is None:
            self.assumptions.append(
                'no changelog: the notes are written from the commits; set changelog = "CHANGELOG.md" to start one'
            )
        if facts.branch and not facts.main_branches:
            self.assumptions.append(f"no main branch is known: releasing from {facts.branch}")
        if cancelled:
            self.assumptions.append(f"{len(cancelled)} commits cancel each other (reverts) and do not count")
        self.assumptions += [
            f"{commit.id[:12]} mentions BREAKING CHANGE inside a paragraph; that is not a footer and does not count"
            for commit in counted
            if commit.quotes_footer and not commit.breaking
        ]


class _Fill:
    """Fills the placeholders of a message; other braces stay."""

    def __init__(self, version: Version | None, tag: str, name: str, section: str) -> None:
        self.values: Mapping[str, str] = {}
        if version is not None:
            try:
                semver = versions.semver(version)
            except ValueError:
                semver = str(version)
            self.values = {"version": str(version), "semver": semver, "tag": tag, "name": name, "notes": section}

    def __call__(self, template: str) -> str:
        import re

        return re.sub(r"\{(\w+)\}", lambda match: self.values.get(match[1], match[0]), template).strip()


def _asked_by_commits(commits: list[Commit], chosen: Settings) -> tuple[str, str]:
    """Return the highest level any commit asks for, and why."""
    level, first, count = "none", "", 0
    for commit in commits:
        asked = _level(commit, chosen)
        if asked == level:
            count += 1
        elif versions.higher(asked, level) == asked:
            level, first, count = asked, f"{commit.subject} ({commit.id[:12]})", 1
    if level == "none":
        return level, ""
    what = "breaking changes" if level == "major" else f"commits that ask for a {level} release"
    return level, f"{count} {what}: {first}" + (" and others" if count > 1 else "")


def _level(commit: Commit, chosen: Settings) -> str:
    types = {message.type for message in commit.messages} or ({"revert"} if commit.type == "revert" else set())
    if commit.breaking:
        return "major"
    if types & set(chosen.minor_types):
        return "minor"
    return "patch" if types & set(chosen.patch_types) else "none"
