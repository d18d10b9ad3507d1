"""`release.objects`: commits and tags signed as git's settings say, with real gpg and ssh keys."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from release import transaction
from release.change import Change, Options, TagSpec
from release.errors import Refused
from release.git import Repository
from tests.release.cutting import cut


@pytest.fixture
def ssh(clone, tmp_path):
    """An ssh key set in the clone's own settings, and the file that says whose it is."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    signers = tmp_path / "signers"
    signers.write_text(f"tester@example.org {(tmp_path / 'key.pub').read_text()}")
    for name, value in (
        ("gpg.format", "ssh"), ("user.signingKey", str(key)), ("gpg.ssh.allowedSignersFile", str(signers)),
    ):  # fmt: skip
        clone.git("config", name, value)
    return clone


@pytest.fixture
def gpg(clone, monkeypatch):
    """A gpg key in a home of its own, set in the clone's own settings."""
    home = Path(tempfile.mkdtemp(prefix="gpg-", dir="/tmp"))  # the agent's socket needs a short path
    home.chmod(0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    make = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "tester@example.org", "ed25519"]
    subprocess.run(make, check=True, capture_output=True)
    clone.git("config", "user.signingKey", "tester@example.org")
    yield clone
    subprocess.run(["gpgconf", "--kill", "all"], check=False, env={**os.environ, "GNUPGHOME": str(home)})
    shutil.rmtree(home, ignore_errors=True)


def assert_signed(clone):
    clone.git("verify-commit", "HEAD")
    clone.git("verify-tag", "v1.1.0")
    assert "# not a comment" in clone.git("tag", "-l", "--format=%(contents)", "v1.1.0")
    assert clone.there("refs/tags/v1.1.0") == clone.git("rev-parse", "refs/tags/v1.1.0")
    clone.git("fsck", "--strict")


def test_ssh_signatures_from_the_settings_of_the_repository(ssh):
    ssh.git("config", "commit.gpgSign", "true")
    ssh.git("config", "tag.gpgSign", "true")
    cut(ssh)
    assert_signed(ssh)


def test_openpgp_signatures_from_the_settings_of_the_repository(gpg):
    gpg.git("config", "commit.gpgSign", "true")
    gpg.git("config", "tag.forceSignAnnotated", "true")
    cut(gpg)
    assert_signed(gpg)


def test_asked_for_signatures_need_no_settings_but_a_key(ssh):
    cut(ssh, options=Options(sign=True))
    assert_signed(ssh)


def test_asked_not_to_sign_wins_over_the_settings(ssh):
    ssh.git("config", "commit.gpgSign", "true")
    cut(ssh, options=Options(sign=False))
    assert "gpgsig" not in ssh.git("cat-file", "commit", "HEAD")


@pytest.mark.parametrize("what", ["commit.gpgSign", "tag.gpgSign"])
def test_a_dry_run_does_not_sign_and_says_why_an_id_is_not_known(ssh, what):
    ssh.git("config", what, "true")
    change = Change("release", "1", "main", ssh.head, {"x": b""}, "m", (TagSpec("v1", "m"),), 1_800_000_000)
    repository = Repository(ssh.path)
    seen = transaction.preview(repository, change, Options())
    made = transaction.prepare(repository, change, Options())
    assert seen.tree == ssh.git("rev-parse", f"{made.commit}^{{tree}}")
    assert seen.tags == ()
    if what.startswith("tag"):
        assert (seen.commit, seen.unknown[:7]) == (made.commit, "the tag")
    else:
        assert (seen.commit, seen.unknown[:10]) == (None, "the commit")
    assert transaction.preview(repository, change, Options(sign=False)).unknown == ""


@pytest.mark.parametrize("what", ["commit.gpgSign", "tag.gpgSign"])
def test_a_failing_signer_changes_nothing(clone, what):
    base = clone.head
    clone.git("config", what, "true")
    clone.git("config", "gpg.program", "false")
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert [problem.code for problem in caught.value.problems] == ["not-signed"]
    assert clone.there("refs/heads/main") == clone.head == base
    assert clone.git("for-each-ref", "refs/release", "refs/tags") == ""
