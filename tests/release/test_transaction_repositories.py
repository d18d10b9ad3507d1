"""`release.transaction` in every kind of repository, with every kind of file and name."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from release import transaction
from release.change import Options, TagSpec
from release.errors import Refused
from release.git import Repository
from tests.release.cutting import (
    assert_nothing_pending,
    assert_released,
    assert_unchanged,
    change_for,
    codes,
    cut,
)


def test_a_branch_checked_out_in_another_worktree_is_refused(clone, tmp_path):
    clone.git("checkout", "--quiet", "--detach")
    clone.git("worktree", "add", "--quiet", str(tmp_path / "second"), "main")
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["checked-out-elsewhere"]
    assert str(tmp_path / "second") in str(caught.value)


def test_a_linked_worktree_can_release_its_own_branch(clone, tmp_path):
    clone.git("checkout", "--quiet", "--detach")
    second = tmp_path / "second"
    clone.git("worktree", "add", "--quiet", str(second), "main")
    there = type(clone)(second, clone.remote)
    cut(there)
    assert (second / "version.txt").read_text() == "1.1.0\n"
    assert there.git("status", "--porcelain") == ""
    assert clone.there("refs/heads/main") == there.head


def test_a_branch_that_is_not_checked_out_moves_without_touching_the_work_tree(clone):
    clone.git("checkout", "--quiet", "-b", "topic")
    cut(clone)
    assert (clone.path / "version.txt").read_text() == "1.0.0\n"
    assert clone.git("status", "--porcelain") == ""
    assert_released(clone)


def test_a_bare_repository_can_release(clone, tmp_path):
    bare = tmp_path / "bare.git"
    clone.git("clone", "--quiet", "--bare", str(clone.remote), str(bare))
    there = type(clone)(bare, clone.remote)
    cut(there)
    assert there.git("rev-parse", "main") == clone.there("refs/heads/main")


def test_line_endings_modes_and_submodules_survive(clone, tmp_path):
    clone.git("config", "core.autocrlf", "true")
    clone.write("run.sh", b"#!/bin/sh\necho 1.0.0\n")
    (clone.path / "run.sh").chmod(0o755)
    clone.write(".gitattributes", b"*.sh text eol=lf\n*.bat text eol=crlf\n")
    clone.write("go.bat", b"echo 1.0.0\r\n")
    clone.git("submodule", "--quiet", "add", str(clone.remote), "sub")
    clone.commit("feat: files")
    clone.git("push", "--quiet")
    tree = clone.git("ls-tree", "HEAD", "sub")
    cut(clone, run__sh=b"#!/bin/sh\necho 1.1.0\n", go__bat=b"echo 1.1.0\n", version__txt=b"1.1.0\n")
    assert clone.git("status", "--porcelain") == ""
    assert clone.git("ls-tree", "HEAD", "sub") == tree
    assert (clone.path / "version.txt").read_bytes() == b"1.1.0\r\n"
    assert (clone.path / "go.bat").read_bytes() == b"echo 1.1.0\r\n"
    assert (clone.path / "run.sh").read_bytes() == b"#!/bin/sh\necho 1.1.0\n"
    assert (clone.path / "run.sh").stat().st_mode & 0o100
    assert clone.git("ls-tree", "HEAD", "run.sh").startswith("100755 ")


def test_a_file_stored_through_a_filter_is_refused(clone):
    clone.commit("chore: lfs", __gitattributes="*.bin filter=lfs\n")
    clone.git("push", "--quiet")
    with pytest.raises(Refused) as caught:
        cut(clone, big__bin=b"1")
    assert codes(caught) == ["filtered-path"]
    assert "filter=lfs" in str(caught.value)


def test_a_symlink_is_not_written_through(clone):
    (clone.path / "link").symlink_to("version.txt")
    clone.commit("chore: link")
    clone.git("push", "--quiet")
    with pytest.raises(Refused) as caught:
        cut(clone, link=b"1")
    assert codes(caught) == ["not-a-file"]


def test_sha256_repositories_work(tmp_path, clone):
    remote, path = tmp_path / "r256.git", tmp_path / "c256"
    clone.git("init", "--quiet", "--bare", "--object-format=sha256", str(remote))
    clone.git("init", "--quiet", "--object-format=sha256", str(path))
    there = type(clone)(path, remote)
    there.git("remote", "add", "origin", str(remote))
    there.commit("feat: begin", version__txt="1.0.0\n")
    there.git("push", "--quiet", "-u", "origin", "main")
    assert len(cut(there).commit) == 64
    assert_released(there)


@pytest.mark.parametrize("name", ["-d", "--upload-pack=x", "a b", "a..b", "x\ny", "a~1", "v.lock"])
def test_hostile_tag_names_are_refused(clone, name):
    base = clone.head
    change = dataclasses.replace(change_for(clone), tags=(TagSpec(name, "x"),))
    with pytest.raises(Refused) as caught:
        transaction.prepare(Repository(clone.path), change, Options())
    assert codes(caught) == ["bad-tag-name"]
    assert_unchanged(clone, base)


def test_a_nul_in_the_message_is_refused(clone):
    change = dataclasses.replace(change_for(clone), message="a\0b")
    with pytest.raises(Refused) as caught:
        transaction.prepare(Repository(clone.path), change, Options())
    assert codes(caught) == ["nul-in-message"]


def test_a_message_of_ten_megabytes_is_kept(clone):
    change = dataclasses.replace(change_for(clone), message="Release\n\n" + "x" * 10_000_000)
    prepared = transaction.prepare(Repository(clone.path), change, Options())
    outcome = transaction.execute(Repository(clone.path), prepared, Options())
    assert len(clone.git("log", "-1", "--format=%B", outcome.commit)) > 10_000_000


def test_without_a_name_git_cannot_commit_and_it_says_so(clone, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    clone.git("config", "user.useConfigOnly", "true")
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["no-identity"]


def test_a_tag_name_that_collides_with_a_folder_of_tags_is_refused_before_the_push(clone):
    base = clone.head
    clone.git("tag", "v1.1.0/x")
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["refs"]
    assert clone.there("refs/heads/main") == base
    assert_nothing_pending(clone)


def test_a_merge_under_way_is_refused(clone):
    clone.write(".git/MERGE_HEAD", f"{clone.head}\n")
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["operation-under-way"]


def test_several_push_addresses_are_refused(clone, tmp_path):
    clone.git("remote", "set-url", "--add", "--push", "origin", str(clone.remote))
    clone.git("remote", "set-url", "--add", "--push", "origin", str(tmp_path / "second.git"))
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["several-push-urls"]


def test_a_file_system_without_hard_links_will_do(clone, monkeypatch):
    def refuse(self, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    cut(clone)
    assert_released(clone)
