"""The web page: one file, no request to anywhere, readable on a phone, on paper and without colour."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from benchmarks.table import number
from tools.migrate.gains import seconds
from tools.performance_report import plots


def render(document: Mapping[str, Any]) -> str:
    """Return the page for one result document."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"seconds": seconds, "number": number, "kilobytes": lambda v: f"{v / 1024:,.0f}"}
    functions = document["functions"]
    return environment.get_template("page.html.j2").render(
        result=document,
        speedups=plots.speedups(functions),
        claims=plots.claims(functions),
        latencies=plots.latencies(functions),
        missed=missed(document),
    )


def missed(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every function and workload below what it was to reach."""
    found = []
    for entry in document["functions"]:
        if entry["reached"] is False:
            found.append({"what": entry["name"], "ratio": entry["ratio"], "reach": entry["reach"]})
        for workload in entry["workloads"]:
            if workload["reached"] is False:
                what = f"{entry['name']}: {workload['name']}"
                found.append({"what": what, "ratio": workload["ratio"], "reach": workload["reach"]})
    return found
