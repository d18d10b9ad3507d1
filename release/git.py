"""Access to one git repository. The only module that imports GitPython.

Every call goes through `Git.execute` with a list of arguments: no shell, no quoting. Callers put
`--end-of-options` or `--` before values that come from outside. Output is bytes; names become text with
`os.fsdecode`, so that any name git can hold survives the round trip.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple, cast

from release.errors import GitFailed, Interrupted, Refused

try:
    import git  # which runs `git version`
except ModuleNotFoundError:
    raise
except ImportError as error:
    said = str(error).strip().split("\n")[0]
    raise Refused.because("no-git", f"git cannot be run: {said}", "install git, and put it on PATH") from None

# Settings of the user that would change what a command prints, or start a program of the repository's choice.
HARDENING = (
    "-c", "core.fsmonitor=false",
    "-c", "core.quotePath=false",
    "-c", "color.ui=false",
    "-c", "log.showSignature=false",
    "-c", "submodule.recurse=false",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "protocol.ext.allow=never",
)  # fmt: skip
ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_EDITOR": ":",
}
# Variables that would point git at another repository than the one of `--repo` (set inside hooks).
FOREIGN_VARIABLES = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
)  # fmt: skip
NETWORK_SECONDS = 120.0
OLDEST = (2, 36)  # the first with `git hook run` and `git worktree list -z`
OBJECT_LIMIT = 64 * 1024 * 1024
_CHUNK = 1 << 16


class Running:
    """A git process under way; several may run side by side."""

    def __init__(self, arguments: Sequence[str], process: git.Git.AutoInterrupt) -> None:
        self.arguments = arguments
        self.errors = ""  # what git wrote on stderr, once it has ended
        self._holder = process  # ends the process when this object goes away
        self.process = cast("subprocess.Popen[bytes]", process.proc)

    def result(
        self, ok: Sequence[int] = (0,), stdin: bytes | None = None, timeout: float | None = None
    ) -> tuple[int, bytes]:
        """Wait for the end and return (exit code, stdout).

        Raises:
            GitFailed: the exit code is not in `ok`.
            Interrupted: `timeout` seconds passed; the process was ended.
        """
        try:
            out, err = self.process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise Interrupted.because(
                "timeout", f"git {self.arguments[0]} gave no answer within {timeout:g} seconds",
                "check the network, then run the command again",
            ) from None  # fmt: skip
        status = self.process.returncode
        self.errors = err.decode("utf-8", "replace")
        if status not in ok:
            raise GitFailed(self.arguments[0], status, self.errors)
        return status, out

    def records(self, separator: bytes = b"\0", limit: int = OBJECT_LIMIT) -> Iterator[bytes]:
        """Yield what the process prints, cut at `separator`, without holding more than one record.

        Raises:
            Refused: one record is longer than `limit` bytes.
            GitFailed: git ended with an error.
        """
        stdout = cast("IO[bytes]", self.process.stdout)
        rest: list[bytes] = []
        held = 0
        while chunk := stdout.read1(_CHUNK):  # type: ignore[attr-defined]
            first, *others = chunk.split(separator)
            rest.append(first)
            held += len(first)
            if held > limit:
                raise Refused.because(
                    "too-large", f"git {self.arguments[0]} printed a record of more than {limit >> 20} MiB"
                )
            if others:
                yield b"".join(rest)
                yield from others[:-1]
                rest = [others[-1]]
                held = len(others[-1])
        if held:
            yield b"".join(rest)
        self.result()


class Blob(NamedTuple):
    """An object as `git cat-file` gives it."""

    oid: str
    kind: str
    data: bytes


class Objects:
    """Reads objects by name through one `git cat-file --batch`."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._stdin = cast("IO[bytes]", running.process.stdin)
        self._stdout = cast("IO[bytes]", running.process.stdout)

    def get(self, name: str, limit: int = OBJECT_LIMIT) -> Blob | None:
        """Return the object called `name` (`HEAD:path`, an id, ...), or None when there is none.

        Raises:
            Refused: the name holds a line break, or the object is larger than `limit` bytes.
        """
        if "\n" in name or "\0" in name:
            raise Refused.because("bad-name", f"{name!r} holds a line break, which no release file may")
        self._stdin.write(os.fsencode(name) + b"\n")
        self._stdin.flush()
        header = self._stdout.readline().rstrip(b"\n")
        words = header.rsplit(b" ", 2)
        if len(words) != 3 or not words[2].isdigit():
            if header.endswith((b" missing", b" ambiguous")):
                return None
            _, err = self._running.process.communicate()
            raise GitFailed("cat-file", self._running.process.returncode, err.decode("utf-8", "replace"))
        size = int(words[2])
        if size > limit:
            raise Refused.because("too-large", f"{name} holds {size:,} bytes, more than {limit:,}")
        data = self._stdout.read(size)
        self._stdout.read(1)
        return Blob(words[0].decode("ascii"), words[1].decode("ascii"), data)


def _refuse_old(said: bytes) -> None:
    """Raise Refused for a git older than `OLDEST`; what says its version in another way passes."""
    found = re.match(rb"git version (\d+)\.(\d+)[^ \n]*", said)
    if found and (int(found[1]), int(found[2])) < OLDEST:
        place = shutil.which(git.Git.GIT_PYTHON_GIT_EXECUTABLE or "git")
        raise Refused.because(
            "old-git",
            f"{found[0].decode('ascii', 'replace')} is too old: this needs git {OLDEST[0]}.{OLDEST[1]} or newer",
            f"install a newer git, or put it first on PATH (this one is {place})",
        )


class Repository:
    """One repository on disk, opened by any path inside it."""

    _git_is_new_enough = False  # asked once a process

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Find the repository that `path` lies in.

        Raises:
            Refused: there is no repository, git does not trust it, or git is too old.
        """
        self.path = Path(path)
        if not self.path.is_dir():
            raise Refused.because("no-repository", f"{self.path} is not a folder", "give --repo a folder")
        self._git = git.Git(os.fspath(self.path.absolute()))
        version = None if Repository._git_is_new_enough else self.start("version")
        try:
            # The last question has no answer in a bare repository: git answers the others, then fails.
            running = self.start(
                "rev-parse", "--is-bare-repository", "--is-shallow-repository", "--absolute-git-dir",
                "--git-common-dir", "--show-object-format", "--show-toplevel",
            )  # fmt: skip
            status, out = running.result(ok=(0, 128, 129))
            if version is not None:
                _refuse_old(version.result()[1])
                Repository._git_is_new_enough = True
            top = out.split(b"\n")
            if status and not out.startswith(b"true\n"):
                raise GitFailed("rev-parse", status, running.errors)
        except GitFailed as error:
            raise Refused.because(
                "no-repository",
                f"{self.path}: {error.stderr.strip()}",
                "run `git init`, or give --repo another folder",
            ) from None
        self.bare = top[0] == b"true"
        self.shallow = top[1] == b"true"
        self.git_dir = Path(os.fsdecode(top[2]))
        self.common_dir = (self.path / os.fsdecode(top[3])).absolute()
        self.object_format = top[4].decode("ascii")
        self.root = (self.path if self.bare else Path(os.fsdecode(top[5]))).absolute()
        self._git = git.Git(os.fspath(self.root))

    def start(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: bool = False,
        config: Sequence[str] = (),
    ) -> Running:
        """Start git and return at once; `config` are further `-c NAME=VALUE` settings."""
        command = [git.Git.GIT_PYTHON_GIT_EXECUTABLE, *HARDENING]
        for setting in config:
            command += ["-c", setting]
        process = self._git.execute(
            [*command, *arguments],
            istream=subprocess.PIPE if stdin else None,
            as_process=True,
            env={**ENVIRONMENT, **(env or {})},
        )
        return Running(arguments, process)

    def run(
        self,
        *arguments: str,
        ok: Sequence[int] = (0,),
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        config: Sequence[str] = (),
    ) -> bytes:
        """Run git to its end and return what it printed.

        Raises:
            GitFailed: the exit code is not in `ok`.
            Interrupted: no end within `timeout` seconds.
        """
        running = self.start(*arguments, env=env, stdin=stdin is not None, config=config)
        return running.result(ok, stdin, timeout)[1]

    def line(self, *arguments: str, ok: Sequence[int] = (0,)) -> str:
        """Run git and return its output as one line of text without the line break."""
        return os.fsdecode(self.run(*arguments, ok=ok)).rstrip("\n")

    def succeeds(self, *arguments: str) -> bool:
        """Tell whether git answers yes (exit code 0) or no (1); anything else raises GitFailed."""
        status, _ = self.start(*arguments).result(ok=(0, 1))
        return status == 0

    def objects(self) -> Objects:
        """Start reading objects by name."""
        return Objects(self.start("cat-file", "--batch", stdin=True))


def forget_foreign_variables() -> None:
    """Drop the variables by which a surrounding git (a hook) would redirect every git of ours."""
    for name in FOREIGN_VARIABLES:
        os.environ.pop(name, None)


class Tree:
    """The files of one commit, read as git stores them."""

    def __init__(self, objects: Objects, commit: str | None) -> None:
        self._objects = objects
        self._commit = commit
        self._folders: dict[str, dict[str, bool]] = {}

    def read(self, path: str) -> bytes | None:
        """Return a file's content; None when there is no such file."""
        folder, _, name = path.rpartition("/")
        if self._commit is None or self._entries(folder).get(name) is not False:
            return None
        blob = self._objects.get(f"{self._commit}:{path}")
        return blob.data if blob and blob.kind == "blob" else None

    def has(self, path: str) -> bool:
        """Tell whether a file or folder is there."""
        folder, _, name = path.rpartition("/")
        return name in self._entries(folder)

    def folders(self, path: str) -> list[str]:
        """Return the names of the folders below `path` (empty for the top)."""
        return [name for name, is_folder in self._entries(path.strip("/")).items() if is_folder]

    def files(self, path: str) -> list[str]:
        """Return the names of the files in `path` (empty for the top)."""
        return [name for name, is_folder in self._entries(path.strip("/")).items() if not is_folder]

    def _entries(self, folder: str) -> dict[str, bool]:
        """Return name to whether it is a folder; a raw tree is mode, name and id, once per entry."""
        if self._commit is None or any(part in (".", "..") for part in folder.split("/")):
            return {}
        if folder not in self._folders:
            above, _, name = folder.rpartition("/")
            there = not folder or self._entries(above).get(name, False)
            tree = self._objects.get(f"{self._commit}:{folder}") if there else None
            found: dict[str, bool] = {}
            data = tree.data if tree and tree.kind == "tree" else b""
            width = len(self._commit) // 2
            at = 0
            while at < len(data):
                end = data.index(b"\0", at)
                mode, _, name_bytes = data[at:end].partition(b" ")
                if mode in (b"40000", b"100644", b"100755"):  # not a submodule, not a symbolic link
                    found[os.fsdecode(name_bytes)] = mode == b"40000"
                at = end + 1 + width
            self._folders[folder] = found
        return self._folders[folder]
