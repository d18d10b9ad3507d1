"""`cut`, `status`, `resume` and `abort` as commands, on a small Python project with a bare remote."""

from __future__ import annotations

import json
import os
import re

import pytest

from release.cli import main

PYPROJECT = '[project]\nname = "demo"\nversion = "1.0.0"\n'
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [1.0.0] - 2026-01-01\n\n- First.\n"


@pytest.fixture
def project(clone):
    clone.commit("feat: a thing", pyproject__toml=PYPROJECT, CHANGELOG__md=CHANGELOG)
    clone.git("tag", "-a", "-m", "1.0.0", "v1.0.0", "HEAD~1")
    clone.git("push", "--quiet", "origin", "main", "v1.0.0")
    return clone


def run(capsys, clone, *args):
    """Run a command and return its exit code and the JSON object it prints."""
    code = main(["--repo", str(clone.path), "--format", "json", *args])
    return code, json.loads(capsys.readouterr().out)


def test_a_dry_run_changes_nothing_and_prints_the_ids_that_execute_makes(capsys, project):
    base = project.head
    code, seen = run(capsys, project, "cut")
    assert (code, seen["executed"], seen["pushed"]) == (0, False, False)
    assert project.there("refs/heads/main") == project.head == base
    code, done = run(capsys, project, "cut", "--execute")
    assert (code, done["executed"], done["pushed"]) == (0, True, True)
    assert (done["commit_id"], done["tag_id"]) == (seen["commit_id"], seen["tag_id"])
    assert done["next"] == "1.1.0"
    assert project.there("refs/heads/main") == project.head == done["commit_id"]
    assert project.there("refs/tags/v1.1.0") == done["tag_id"]
    assert 'version = "1.1.0"' in (project.path / "pyproject.toml").read_text()
    assert project.git("status", "--porcelain") == ""


def test_text_output_names_the_ids_and_that_it_was_a_dry_run(capsys, project):
    assert main(["--repo", str(project.path), "cut"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^commit  [0-9a-f]{40}$", out, re.MULTILINE)
    assert "dry run: nothing was changed" in out


def test_after_midnight_the_same_date_makes_the_same_ids(capsys, project, monkeypatch):
    evening, morning = 1_899_936_000 - 60, 1_899_936_000 + 60
    monkeypatch.setattr("release.dates.time.time", lambda: evening)
    seen = run(capsys, project, "cut")[1]
    assert (seen["date"], seen["ids_unknown"]) == ("2030-03-16", None)
    assert seen["said"] == ["the ids above hold until midnight UTC, or with --date 2030-03-16"]
    monkeypatch.setattr("release.dates.time.time", lambda: morning)
    assert run(capsys, project, "cut")[1]["commit_id"] != seen["commit_id"]
    assert run(capsys, project, "plan", "--date", "2030-03-16")[1]["edits"] == seen["edits"]
    code, done = run(capsys, project, "cut", "--date", "2030-03-16", "--execute")
    assert (code, done["commit_id"], done["tag_id"]) == (0, seen["commit_id"], seen["tag_id"])
    assert "## [1.1.0] - 2030-03-16\n" in (project.path / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(
    "date",
    ["2030-02-30", "20300316", "16.3.2030", "1969-12-31", "2030-03-18", "", "-1", "\uff12030-03-16", "2030-03-16\n"],
)
def test_what_is_no_date_for_a_release_is_wrong_usage(capsys, project, monkeypatch, date):
    monkeypatch.setattr("release.dates.time.time", lambda: 1_899_936_000 - 60)
    for command in (["plan"], ["cut", "--execute"]):
        code, said = run(capsys, project, *command, f"--date={date}")
        assert (code, said["problems"][0]["code"]) == (2, "bad-date")
    assert project.git("tag", "--list") == "v1.0.0"


def test_a_dry_run_of_a_signed_release_says_why_it_names_no_ids(capsys, project):
    code, seen = run(capsys, project, "cut", "--sign")
    assert (code, seen["commit_id"], seen["tag_id"]) == (0, None, None)
    assert "signature" in seen["ids_unknown"]
    assert seen["ids_unknown"] in seen["said"]
    assert main(["--repo", str(project.path), "cut", "--sign"]) == 0
    assert f"not known before it is signed, of tree {seen['tree_id']}" in capsys.readouterr().out
    assert run(capsys, project, "cut", "--execute")[0] == 0
    assert project.git("rev-parse", "HEAD^{tree}") == seen["tree_id"]


def test_a_dry_run_names_the_hooks_that_may_change_the_ids(capsys, project):
    project.hook("commit-msg", 'echo "Signed-off-by: me" >> "$1"')
    seen = run(capsys, project, "cut")[1]
    assert any("commit-msg" in line for line in seen["said"])
    done = run(capsys, project, "cut", "--execute")[1]
    assert done["commit_id"] != seen["commit_id"]


def test_a_second_run_has_nothing_to_release_and_does_not_exit_0(capsys, project):
    assert run(capsys, project, "cut", "--execute")[0] == 0
    code, again = run(capsys, project, "cut", "--execute")
    assert (code, again["next"], again["executed"]) == (1, None, False)


def test_an_interrupted_release_is_named_and_finished(capsys, project):
    project.hook("pre-receive", "kill -9 $PPID", remote=True)
    code, said = run(capsys, project, "cut", "--execute")
    assert (code, said["problems"][0]["code"]) == (3, "push-broke-off")
    code, said = run(capsys, project, "status")
    assert (code, said["state"]) == (3, "pending")
    assert run(capsys, project, "resume")[0] == 3
    (project.remote / "hooks/pre-receive").unlink()
    assert run(capsys, project, "resume")[0] == 0
    assert run(capsys, project, "status") == (0, {"state": "clean", "next_step": None, "pending": []})
    assert project.there("refs/tags/v1.1.0")
    assert run(capsys, project, "resume")[0] == 0


def test_resume_does_not_exit_0_while_the_remote_lacks_the_release(capsys, project):
    assert run(capsys, project, "cut", "--execute", "--no-push")[0] == 0
    code, said = run(capsys, project, "resume")
    assert code == 1
    assert [problem["code"] for problem in said["problems"]] == ["tag-not-on-remote", "branch-not-on-remote"]


def test_abort_with_nothing_pending_is_done(capsys, project):
    assert run(capsys, project, "abort") == (0, {"aborted": []})


def test_a_dirty_tree_stops_it_with_every_other_reason(capsys, project):
    project.write("README.md", "edited\n")
    code, said = run(capsys, project, "cut", "0.5.0", "--execute")
    assert code == 1
    assert {"dirty", "not-newer"} <= {problem["code"] for problem in said["problems"]}
    assert project.there("refs/tags/v0.5.0") == ""


def merge_there(project, tmp_name, *how):
    """Merge the release branch on the remote as a forge would."""
    forge = project.another(tmp_name)
    forge.git("merge", "--quiet", *how, "origin/release/1.1.0")
    if "--squash" in how:
        forge.git("commit", "--quiet", "-m", "Release 1.1.0 (#7)")
    forge.git("push", "--quiet", "origin", "main")
    return forge.head


@pytest.mark.parametrize("how", [("--ff-only",), ("--no-ff", "-m", "Merge #7"), ("--squash",)])
@pytest.mark.parametrize("moved", [False, True])
def test_a_protected_branch_gets_a_pull_request_and_the_tag_after_its_merge(capsys, project, how, moved):
    if moved and how == ("--ff-only",):
        how = ("--no-ff", "-m", "Merge")
    code, said = run(capsys, project, "cut", "--execute", "--via-branch")
    assert (code, said["executed"]) == (0, True)
    assert project.there("refs/heads/release/1.1.0") == said["commit_id"]
    assert project.there("refs/tags/v1.1.0") == ""
    assert run(capsys, project, "status")[1]["state"] == "awaiting-merge"
    assert run(capsys, project, "resume")[1]["problems"][0]["code"] == "not-merged"
    if moved:
        forge = project.another("someone")
        forge.commit("docs: meanwhile", other__txt="x")
        forge.git("push", "--quiet")
    merged = merge_there(project, "forge", *how)
    assert run(capsys, project, "resume")[0] == 0
    tagged = project.git("rev-parse", f"{project.there('refs/tags/v1.1.0')}^{{commit}}")
    assert tagged == (merged if "--squash" in how else said["commit_id"])
    assert run(capsys, project, "status")[1]["state"] == "clean"


def test_a_release_branch_that_is_not_merged_can_be_withdrawn(capsys, project):
    run(capsys, project, "cut", "--execute", "--via-branch")
    assert run(capsys, project, "abort") == (0, {"aborted": ["release 1.1.0"]})
    assert project.there("refs/heads/release/1.1.0") == ""
    assert run(capsys, project, "status")[1]["state"] == "clean"


@pytest.mark.parametrize(
    ("script", "words"), [("echo https://example.org/7", "https://example.org/7"), ("exit 4", "open a pull request")]
)
def test_gh_opens_the_pull_request_where_it_is_installed(capsys, project, tmp_path, monkeypatch, script, words):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "gh").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\n{script}\n')
    (programs / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    code, said = run(capsys, project, "cut", "--execute", "--via-branch")
    assert code == 0
    assert words in said["said"][-1]
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[:5] == ["pr", "create", "--head=release/1.1.0", "--base=main", "--title=Release 1.1.0"]
