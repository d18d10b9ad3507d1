"""`cut --execute` in a clone of a repository with 100,000 commits and 1,000 tags."""

from __future__ import annotations

import json

import pytest

from benchmarks import synthetic_repos
from release.cli import main


@pytest.mark.slow
def test_a_release_from_a_hundred_thousand_commits(capsys, clone, tmp_path):
    source = synthetic_repos.build(tmp_path / "source", 100_000, 1_000, merges=True)
    remote, path = tmp_path / "large.git", tmp_path / "large"
    clone.git("clone", "--quiet", "--bare", str(source), str(remote))
    clone.git("clone", "--quiet", str(remote), str(path))
    large = type(clone)(path, remote)
    assert main(["--repo", str(path), "--format", "json", "cut"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert main(["--repo", str(path), "--format", "json", "cut", "--execute"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["commit_id"] == seen["commit_id"] == large.there("refs/heads/main") == large.head
    assert done["tag_id"] == seen["tag_id"] == large.there(f"refs/tags/{done['tag']}")
    assert large.git("status", "--porcelain") == ""
