"""`merge` and `undo`: one checked commit and one push, or nothing at all."""

from __future__ import annotations

import json

import pytest

from release.cli import main

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [1.0.0] - 2026-01-01\n\n- First.\n"


def run(capsys, clone, *args):
    code = main(["--repo", str(clone.path), "--format", "json", *args])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def topic(clone):
    """A clone with a branch `topic`, and a main that has moved on since."""
    clone.git("checkout", "--quiet", "-b", "topic")
    clone.commit("feat: on the branch", topic__txt="topic\n")
    clone.git("checkout", "--quiet", "main")
    clone.commit("fix: on main", main__txt="main\n")
    clone.git("push", "--quiet", "origin", "main")
    return clone


def test_a_dry_run_names_the_commit_that_execute_makes(capsys, topic):
    base, tip = topic.head, topic.git("rev-parse", "topic")
    code, seen = run(capsys, topic, "merge", "topic")
    assert (code, seen["executed"], topic.head) == (0, False, base)
    code, done = run(capsys, topic, "merge", "topic", "--execute")
    assert (code, done["pushed"], done["commit_id"]) == (0, True, seen["commit_id"])
    assert topic.there("refs/heads/main") == topic.head == done["commit_id"]
    assert topic.git("rev-parse", "HEAD^1", "HEAD^2").split() == [base, tip]
    assert topic.git("log", "-1", "--format=%B") == "Merge branch 'topic' into main\n\n* feat: on the branch"
    assert (topic.path / "topic.txt").read_text() == "topic\n"
    assert topic.git("status", "--porcelain") == ""
    assert run(capsys, topic, "merge", "topic", "--execute")[1]["up_to_date"]


def test_a_branch_that_is_only_on_the_remote_is_found(capsys, topic):
    topic.git("push", "--quiet", "origin", "topic")
    topic.git("branch", "--quiet", "-D", "topic")
    assert run(capsys, topic, "merge", "topic", "--execute")[0] == 0


def test_conflicts_are_named_by_file_and_nothing_changes(capsys, topic):
    topic.git("checkout", "--quiet", "topic")
    topic.commit("feat: same file", version__txt="2\n")
    topic.git("checkout", "--quiet", "main")
    base = topic.commit("fix: same file", version__txt="3\n")
    topic.write("untracked.txt", "mine\n")
    code, said = run(capsys, topic, "merge", "topic", "--execute")
    assert code == 1
    assert [problem["message"] for problem in said["problems"]] == ["version.txt: both sides changed it"]
    assert topic.head == base
    assert topic.git("status", "--porcelain") == "?? untracked.txt"
    assert topic.git("worktree", "list", "--porcelain").count("worktree ") == 1


@pytest.mark.parametrize(
    ("check", "code"), [("test -f topic.txt", 0), ("test -f missing.txt", 1), ("no-such-program", 1)]
)
def test_the_checks_run_on_the_merged_files_before_anything_is_written(capsys, topic, check, code):
    base = topic.commit("build: checks", pyproject__toml=f'[tool.release.merge]\nchecks = ["{check}"]\n')
    topic.git("push", "--quiet")
    assert run(capsys, topic, "merge", "topic", "--execute")[0] == code
    assert (topic.there("refs/heads/main") != base) == (code == 0)


@pytest.mark.parametrize("name", ["--upload-pack=x", "-d", "nowhere", "a..b"])
def test_what_is_no_branch_is_refused(capsys, topic, name):
    code, said = run(capsys, topic, "merge", "--", name)
    assert code == 1
    assert said["problems"][0]["code"] in {"no-branch", "bad-branch"}


@pytest.fixture
def released(clone, capsys):
    clone.commit(
        "feat: a thing", pyproject__toml='[project]\nname = "demo"\nversion = "1.0.0"\n', CHANGELOG__md=CHANGELOG
    )
    clone.git("tag", "-a", "-m", "1.0.0", "v1.0.0", "HEAD~1")
    clone.git("push", "--quiet", "origin", "main", "v1.0.0")
    assert run(capsys, clone, "cut", "--execute")[0] == 0
    return clone


def test_undo_takes_the_changelog_back_and_never_the_tag(capsys, released):
    tag, before = released.there("refs/tags/v1.1.0"), released.head
    code, seen = run(capsys, released, "undo", "1.1.0")
    assert (code, released.head) == (0, before)
    code, done = run(capsys, released, "undo", "1.1.0", "--execute")
    assert code == 0
    steps = {step["step"]: step for step in done["steps"]}
    assert steps["revert"]["commit_id"] == released.head == released.there("refs/heads/main")
    assert steps["revert"]["commit_id"] == {step["step"]: step for step in seen["steps"]}["revert"]["commit_id"]
    assert "manage/project/demo/release/1.1.0" in steps["index"]["said"]
    assert released.there("refs/tags/v1.1.0") == tag
    assert (released.path / "CHANGELOG.md").read_text() == CHANGELOG
    assert 'version = "1.1.0"' in (released.path / "pyproject.toml").read_text()
    code, plan = run(capsys, released, "plan")
    assert (code, plan["current"], plan["next"]) == (0, "1.1.0", "1.2.0")


def test_undo_of_what_was_never_released_is_refused(capsys, released):
    assert run(capsys, released, "undo", "9.9.9")[0] == 1
    assert run(capsys, released, "undo", "nonsense")[0] == 2
