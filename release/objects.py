"""Writing a commit and its tags as objects, through an index of our own: nothing becomes visible."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

from release import filters
from release.change import Change, Options, Prepared, TagSpec, WrittenTag
from release.errors import GitFailed, Refused
from release.plumbing import Plumbing
from release.problems import Problem

ENCODING = ("i18n.commitEncoding=UTF-8",)
REGULAR_FILES = {"100644", "100755"}
SIGNING_SECTIONS = ("user.", "gpg.", "tag.", "author.", "committer.", "i18n.")


@contextlib.contextmanager
def quarantine(repo: Plumbing) -> Iterator[Plumbing]:
    """Yield the repository with a temporary place for new objects, gone afterwards: for a dry run."""
    with tempfile.TemporaryDirectory(prefix="release-objects-") as folder:
        information = Path(folder) / "info"
        information.mkdir()
        (information / "alternates").write_bytes(str(repo.path("objects")).encode() + b"\n")
        yield repo.within({"GIT_OBJECT_DIRECTORY": folder})


def write_tree(repo: Plumbing, change: Change) -> str:
    """Write the tree of `change.base` with `change.files` put in, and return its id.

    Raises:
        Refused: when a path is not an ordinary file, or git passes it through a filter such as LFS.
    """
    if change.tree is not None:
        return repo.text("rev-parse", "--verify", "--end-of-options", f"{change.tree}^{{tree}}")
    with tempfile.TemporaryDirectory(prefix="release-index-") as folder:
        private = repo.within({"GIT_INDEX_FILE": str(Path(folder) / "index")})
        private.run("read-tree", "--end-of-options", change.base)
        if change.files:
            private.run("update-index", "-z", "--index-info", stdin=_index_lines(private, change))
            filtered = filters.answer(filters.ask(private.repository, sorted(change.files), private.environment))
            if filtered:
                raise Refused(filtered)
        return private.text("write-tree")


def _index_lines(private: Plumbing, change: Change) -> bytes:
    paths = sorted(change.files)
    staged = private.run("ls-files", "-z", "--stage", "--", *paths).lines()
    modes = {line.partition("\t")[2]: line.split(" ", 1)[0] for line in staged}
    odd = [path for path in paths if path in modes and modes[path] not in REGULAR_FILES]
    inside = [f"{path} (below {other})" for other in modes for path in paths if other.startswith(f"{path}/")]
    if odd or inside:
        names = ", ".join(odd + inside)
        raise Refused([Problem("not-a-file", f"{names}: not an ordinary file in the repository", "name another file")])
    lines = []
    for path in paths:
        blob = private.text("hash-object", "-w", "--no-filters", "--stdin", stdin=change.files[path])
        lines.append(f"{modes.get(path, '100644')} {blob}\t{path}\0")
    return "".join(lines).encode("utf-8", "surrogateescape")


def identity(repo: Plumbing, when: int) -> dict[str, str]:
    """Return the environment that dates a commit `when`, after checking that git knows who commits."""
    ran = repo.run("var", "GIT_COMMITTER_IDENT", check=False)
    if ran.code != 0:
        fix = "git config user.name 'Your Name' and git config user.email you@example.org"
        raise Refused([Problem("no-identity", "git does not know who makes the release", fix)])
    return {"GIT_AUTHOR_DATE": f"{when} +0000", "GIT_COMMITTER_DATE": f"{when} +0000"}


def will_sign(repo: Plumbing, options: Options) -> tuple[bool, bool]:
    """Return whether the commit and whether the tags are signed: as asked, else as git's settings say."""
    if options.sign is not None:
        return options.sign, options.sign
    tags = repo.flag("tag.gpgSign") or repo.flag("tag.forceSignAnnotated")
    return repo.flag("commit.gpgSign"), tags


def write_commit(repo: Plumbing, change: Change, tree: str, message: str, *, sign: bool) -> str:
    """Write the commit object and return its id.

    Raises:
        Refused: when the commit cannot be signed.
    """
    parents = [part for parent in (change.base, *change.extra_parents) for part in ("-p", parent)]
    text = _message_bytes(message, "commit")
    options = ["-S"] if sign else []
    dated = repo.within(identity(repo, change.when))
    try:
        return dated.text("commit-tree", *options, *parents, "-F", "-", tree, stdin=text, config=ENCODING)
    except GitFailed as failed:
        raise _signing_problem(failed, sign, "commit") from failed


def write_tag(repo: Plumbing, change: Change, tag: TagSpec, commit: str, *, sign: bool) -> WrittenTag:
    """Write an annotated tag object on `commit`, named by no ref, and return it.

    Raises:
        Refused: when the name is not one git allows, or the tag cannot be signed.
    """
    if not repo.ok("check-ref-format", f"refs/tags/{tag.name}") or tag.name.startswith("-"):
        raise Refused([Problem("bad-tag-name", f"git does not allow the tag name {tag.name!r}", "change tag_format")])
    dated = repo.within(identity(repo, change.when))
    text = _message_bytes(tag.message, "tag")
    if sign:
        oid = _signed_tag(dated, tag.name, commit, text)
    else:
        tagger = dated.text("var", "GIT_COMMITTER_IDENT")
        head = f"object {commit}\ntype commit\ntag {tag.name}\ntagger {tagger}\n\n"
        oid = dated.text("mktag", stdin=head.encode("utf-8", "surrogateescape") + text)
    raw = repo.run("cat-file", "tag", oid).out
    return WrittenTag(tag.name, oid, raw.decode("utf-8", "surrogateescape"))


def _signed_tag(dated: Plumbing, name: str, commit: str, text: bytes) -> str:
    """Let git sign, in a scratch repository that shares our objects, so that no ref of ours appears."""
    with tempfile.TemporaryDirectory(prefix="release-tag-") as folder:
        objects = dated.environment.get("GIT_OBJECT_DIRECTORY") or str(dated.path("objects"))
        algorithm = dated.text("rev-parse", "--show-object-format")
        settings = _signing_settings(dated)
        dated.run("init", "--quiet", "--bare", f"--object-format={algorithm}", "--template=", "--", folder)
        scratch = dated.within({"GIT_DIR": folder, "GIT_OBJECT_DIRECTORY": objects, **settings})
        try:
            scratch.run("tag", "-s", "--cleanup=verbatim", "-F", "-", "--", name, commit, stdin=text)
        except GitFailed as failed:
            raise _signing_problem(failed, True, "tag") from failed
        return scratch.ref(f"refs/tags/{name}")


def _signing_settings(repo: Plumbing) -> dict[str, str]:
    """Return the user's signing settings, repository-local ones included, for use with another GIT_DIR."""
    pairs = [line.partition("\n") for line in repo.run("config", "--list", "-z").lines()]
    wanted = [(key, value) for key, _, value in pairs if key.startswith(SIGNING_SECTIONS)]
    found = {"GIT_CONFIG_COUNT": str(len(wanted))}
    for number, (key, value) in enumerate(wanted):
        found[f"GIT_CONFIG_KEY_{number}"] = key
        found[f"GIT_CONFIG_VALUE_{number}"] = value
    return found


def _message_bytes(message: str, what: str) -> bytes:
    if "\0" in message:
        raise Refused([Problem("nul-in-message", f"the {what} message holds a NUL byte", "take it out")])
    return message.encode("utf-8", "surrogateescape").rstrip(b"\n") + b"\n"


def _signing_problem(failed: GitFailed, sign: bool, what: str) -> Exception:
    if not sign:
        return failed
    fix = "check user.signingKey and gpg.format, or cut without signing"
    return Refused([Problem("not-signed", f"the {what} could not be signed: {failed}", fix)])


def build(repo: Plumbing, change: Change, options: Options, tree: str, message: str) -> Prepared:
    """Write commit and tags over a tree that exists, and return them."""
    sign_commit, sign_tags = will_sign(repo, options)
    commit = write_commit(repo, change, tree, message, sign=sign_commit)
    tags = tuple(write_tag(repo, change, tag, commit, sign=sign_tags) for tag in change.tags)
    return Prepared(dataclasses.replace(change, message=message), commit, tags)


def rewrite_tags(repo: Plumbing, tags: tuple[WrittenTag, ...]) -> None:
    """Write tag objects again from their content, in case git's garbage collection took them."""
    for tag in tags:
        repo.run("hash-object", "-t", "tag", "-w", "--stdin", stdin=tag.raw.encode("utf-8", "surrogateescape"))
