"""What `python -m benchmarks.profile` reads out of perf's report."""

from __future__ import annotations

from benchmarks import profile

REPORT = """\
    60.00%\t[kernel.kallsyms]  \t[k] filldir64
    20.00%\tlibpython3.11.so.1.0\t[.] _PyEval_EvalFrameDefault
    10.00%\tsky_rs.abi3.so\t[.] 0x000000000002f45d
     6.00%\tlibcrypto.so.3\t[.] 0x000000000029de4a
     4.00%\tlibc.so.6\t[.] __memchr_avx2
"""


def test_shares_and_named_functions() -> None:
    shares, symbols = profile._shares("\n" + REPORT)
    wanted = {"kernel": 0.6, "our code": 0.1, "Python": 0.2, "OpenSSL": 0.06, "other": 0.04}
    assert {name: round(share, 4) for name, share in shares.items()} == wanted
    assert [name for _, name in symbols] == ["filldir64", "_PyEval_EvalFrameDefault", "__memchr_avx2"]
