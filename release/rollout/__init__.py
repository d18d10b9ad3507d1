"""Staged rollout: the flag file, who is in, the evidence, and the gate that decides when to move on.

`bucket`, `flag_file`, `policy`, `gate` and `evidence` are values and pure functions; `history` reads git;
`prometheus` reads a server; `actions` turns a decision into one commit and one tag; `simulate`, `report` and
`rehearse` show that it works.
"""
