"""The fault run itself: one trial of every fault, and a fault run that must notice a broken transaction."""

from __future__ import annotations

import re
import subprocess
import sys

ARGUMENTS = ("--count", "12", "--jobs", "2", "--seed", "test")


def faults(*arguments, program=("-m", "tools.faults")):
    ran = subprocess.run(
        [sys.executable, *program, *arguments], capture_output=True, text=True, check=False, timeout=600
    )
    return ran.returncode, ran.stdout + ran.stderr


def test_one_trial_of_every_fault_breaks_no_promise():
    code, said = faults(*ARGUMENTS)
    assert code == 0, said
    assert re.search(r"^12 releases, seed test, \d+ s, 0 violations$", said, re.MULTILINE)


BROKEN = """
import sys
from release import remote, transaction
whole = remote._push_once
def branch_only(repo, name, moves, *, atomic, hooks):
    return whole(repo, name, moves[:1], atomic=False, hooks=hooks)
remote._push_once = branch_only
from tools.faults.__main__ import main
main(sys.argv[1:])
"""


def test_a_push_that_leaves_the_tag_out_is_noticed():
    code, said = faults("--only", "4", "--seed", "test", program=("-c", BROKEN))
    assert code == 1
    assert "VIOLATION in trial 4" in said
