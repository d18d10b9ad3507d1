"""The first half of a rehearsal: a bare remote and a clone of their own, then plan, dry run and cut."""

from __future__ import annotations

import subprocess
from pathlib import Path

from release import planner
from release.change import Options
from release.commands.cut import perform
from release.errors import GitFailed, Interrupted, Refused
from release.git import Repository
from release.plan import ReleasePlan
from release.plumbing import Plumbing
from release.problems import Problem
from release.rehearsal.stage import Stage

BRANCH = "main"
PERSON = (("user.name", "Rehearsal"), ("user.email", "rehearsal@localhost"))


def copy(stage: Stage, source: Repository) -> tuple[Path, str]:
    """Make the bare remote from what is committed in `source`, and a clone of it; return the clone."""
    remote, clone = stage.folder / "remote.git", stage.folder / "clone"
    origin = Plumbing(source)
    head = origin.ref("HEAD")
    if not head:
        raise Refused([Problem("no-commits", "the repository has no commit yet", "commit something first")])
    origin.run("clone", "--quiet", "--bare", "--no-hardlinks", "--template=", "--", str(source.root), str(remote))
    bare = Plumbing(Repository(remote))
    words = [f"commit {head[:12]}"]
    if not origin.ok("symbolic-ref", "--quiet", "HEAD"):
        bare.run("update-ref", f"refs/heads/{BRANCH}", head)
        bare.run("symbolic-ref", "HEAD", f"refs/heads/{BRANCH}")
        words.append(f"HEAD is on no branch and is rehearsed as {BRANCH}")
    if bare.repository.shallow:
        words.append(_complete(bare, origin, remote))
    for name, value in (("receive.denyNonFastForwards", "true"), ("receive.fsckObjects", "true")):
        Plumbing(Repository(remote)).run("config", name, value)
    origin.run("clone", "--quiet", "--no-hardlinks", "--template=", "--", str(remote), str(clone))
    made = Plumbing(Repository(clone))
    if not made.ok("var", "GIT_COMMITTER_IDENT"):
        for name, value in PERSON:
            made.run("config", name, value)
    dirty = len(origin.run("status", "--porcelain", "--untracked-files=no").lines()) if not source.bare else 0
    if dirty:
        words.append(f"uncommitted changes in {dirty} files are left out")
    return clone, ", ".join(words)


def _complete(bare: Plumbing, origin: Plumbing, remote: Path) -> str:
    """Give a copy of a shallow clone its whole history from the clone's own remote, or cut it off cleanly."""
    address = origin.run("remote", "get-url", "--", "origin", check=False).text
    if address and bare.ok("fetch", "--quiet", "--unshallow", "--tags", "--", address):
        return "the clone is shallow, so its history was fetched"
    whole = remote.with_name("whole.git")
    origin.run("init", "--quiet", "--bare", f"--object-format={origin.repository.object_format}", str(whole))
    exporting = ("fast-export", "--all", "--signed-tags=strip", "--tag-of-filtered-object=drop", "--reencode=no")
    with subprocess.Popen(["git", *exporting], cwd=remote, stdout=subprocess.PIPE) as export:
        ran = subprocess.run(["git", "fast-import", "--quiet"], cwd=whole, stdin=export.stdout, check=False)
    head = bare.text("symbolic-ref", "HEAD")
    if ran.returncode != 0 or export.returncode != 0:
        raise Refused([Problem("shallow", "the shallow clone could not be copied", "git fetch --unshallow")])
    Plumbing(Repository(whole)).run("symbolic-ref", "HEAD", head)
    remote.rename(remote.with_name("shallow.git"))
    whole.rename(remote)
    return "the clone is shallow and its remote did not answer, so the oldest commit here counts as the first"


def plan(clone: Path, version: str) -> tuple[ReleasePlan, str]:
    """Plan in the clone; when nothing asks for a release, add a commit that does."""
    repository = Repository(clone)
    made = planner.make(repository, version)
    note = ""
    if {problem.code for problem in made.problems} & {"nothing-to-release", "no-changes"}:
        here = Plumbing(repository)
        here.run("commit", "--quiet", "--allow-empty", "--no-verify", "-m", "fix: rehearse a release")
        here.run("push", "--quiet", "--no-verify", "origin", "HEAD")
        made = planner.make(repository, version)
        note = ", by a commit added for the rehearsal, since nothing asks for a release"
    if made.problems:
        raise Refused(made.problems)
    return made, f"{made.current} -> {made.next} ({made.bump}){note}: {made.reason}"


def cut(clone: Path, made: ReleasePlan, sign: bool | None) -> tuple[str, str]:
    """Run `cut` dry and then for real, and hold the one against the other; return the commit."""
    repository = Repository(clone)
    options = Options(remote=made.remote, sign=sign)
    seen = perform(repository, made, options, execute=False)
    done = perform(repository, made, options, execute=True)
    same = (seen["commit_id"], seen["tag_id"]) == (done["commit_id"], done["tag_id"])
    if not same and seen["commit_id"] is not None and not done["said"]:
        raise Refused([Problem("ids-differ", "the dry run named other ids than the release has", "report this")])
    words = "the ids of the dry run" if same else "; ".join(seen["said"] + done["said"])
    files = ", ".join(edit.path for edit in made.edits)
    return done["commit_id"], f"commit {done['commit_id'][:12]}, tag {made.tag} ({words}); edited {files or 'nothing'}"


def verify(clone: Path, made: ReleasePlan, commit: str) -> tuple[None, str]:
    """Look at the remote itself: branch and tag are there and belong together, and every object is sound."""
    remote = Plumbing(Repository(clone.with_name("remote.git")))
    try:
        tagged = remote.text("rev-parse", "--verify", "--end-of-options", f"refs/tags/{made.tag}^{{commit}}")
        branch = remote.text("rev-parse", "--verify", "--end-of-options", f"refs/heads/{made.branch}")
        remote.run("fsck", "--strict", "--connectivity-only")
    except GitFailed as error:
        raise Interrupted(error.problems) from error
    if not tagged == branch == commit:
        raise Interrupted([Problem("half-pushed", "branch and tag on the remote do not belong together", "")])
    return None, f"{made.branch} and {made.tag} are at the same commit, fsck is clean"


def checkout(stage: Stage, made: ReleasePlan) -> tuple[Path, str]:
    """Clone the tag afresh, as whoever builds it would."""
    place = stage.folder / "source"
    remote = Plumbing(Repository(stage.folder / "remote.git"))
    clone = ("clone", "--quiet", "--template=", "--branch", str(made.tag), "--", str(remote.directory), str(place))
    remote.run(*clone)
    return place, f"a clean clone of {made.tag}"


def summary(source: Repository, made: ReleasePlan) -> list[str]:
    """Return what the real release would push."""
    address = Plumbing(source).run("remote", "get-url", "--push", "--", made.remote or "origin", check=False).text
    where = address or "nowhere (there is no remote)"
    return [f"push {made.branch} and {made.tag} to {where}"]
