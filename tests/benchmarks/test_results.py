"""Ratios, means, targets, and what counts as slower."""

from __future__ import annotations

import pytest

from benchmarks import results, table
from benchmarks.measure import Pairing
from benchmarks.workloads import Workload


def pairing(function: str, name: str, first: tuple[float, ...], second: tuple[float, ...], **more) -> Pairing:
    return Pairing(Workload(function, name, **more), first, second)


def test_a_function_counts_the_geometric_mean_of_its_counted_workloads() -> None:
    pairs = [
        pairing("f", "a", (4.0, 5.0), (1.0, 2.0)),
        pairing("f", "b", (9.0, 9.0), (1.0, 1.0)),
        pairing("f", "c", (1.0, 1.0), (2.0, 2.0), counted=False),
    ]
    targets = {"functions": {"f": {"reach": 5.5, "floors": {"a": 3.0}, "reaches": {"c": 1.0}}}}
    (entry,) = results.functions(pairs, targets)
    assert entry["ratio"] == pytest.approx(6.0)
    assert entry["reached"] is True
    assert entry["worst"] == {"name": "c", "ratio": 0.5}
    assert [w["floor"] for w in entry["workloads"]] == [3.0, None, None]
    assert entry["workloads"][2]["reached"] is False


def test_both_means_and_the_worst_are_in_the_summary() -> None:
    entries = results.functions(
        [pairing("f", "a", (4.0, 4.0), (1.0, 1.0)), pairing("g", "b", (1.0, 1.0), (1.0, 1.0))], {}
    )
    found = results.summary(entries, {"mean": {"arithmetic": {"reach": 10.0}}})
    assert found["arithmetic"] == {"ratio": pytest.approx(2.5), "reach": 10.0}
    assert found["geometric"] == {"ratio": pytest.approx(2.0)}
    assert found["worst"] == {"function": "g", "name": "b", "ratio": 1.0}


def document(first: tuple[float, ...], second: tuple[float, ...]) -> dict:
    return {"functions": results.functions([pairing("f", "a", first, second)], {})}


def test_slower_is_what_noise_does_not_explain() -> None:
    old = document((10.0, 10.0), (1.0, 1.0))
    assert results.slower(old, document((10.0, 10.0), (1.04, 1.04))) == []
    (lost,) = results.slower(old, document((10.0, 10.0), (1.2, 1.2)))
    assert lost["change"] == pytest.approx(-1 / 6)
    noisy = document((10.0, 10.0, 10.0), (1.2, 1.8, 1.8))
    assert results.slower(old, noisy) == []
    assert results.slower(old, document((20.0, 20.0), (2.0, 2.0))) == []  # a slower machine, the same ratio


def test_what_an_older_result_does_not_have_is_not_compared() -> None:
    assert results.slower({"functions": []}, document((1.0, 1.0), (5.0, 5.0))) == []


def test_a_grid_is_aligned() -> None:
    assert table.grid([["name", "n"], ["a", "100"]]) == "name    n\na     100"


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (1.234, "1.23"), (540.4, "540"), (12345.6, "12,346")])
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert table.number(value) == text
