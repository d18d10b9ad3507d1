"""The dashboard and the alert rules beside docs/rollout.md, checked with promtool, and that they name real metrics."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import prometheus_client
import pytest

from sky.utils import rust_metrics
from sky.utils.rust_evidence import CALLS, OUTCOMES

DOCS = Path(rust_metrics.__file__).parents[2] / "docs"


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    assert found, "promtool is needed: apt-get install prometheus"
    return found


def expressions() -> list[str]:
    dashboard = json.loads((DOCS / "grafana-rollout.json").read_text("utf-8"))
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(found) == len(dashboard["panels"]) >= 6
    return found


@pytest.mark.slow  # needs promtool, which no package index has
def test_the_alert_rules(promtool: str) -> None:
    ran = subprocess.run(
        [promtool, "check", "rules", str(DOCS / "prometheus-rules.yml")], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert "5 rules found" in ran.stdout


@pytest.mark.slow
def test_every_expression_of_the_dashboard_parses(promtool: str, tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:number:{number}", "expr": text.replace("$rollout", "sky-rs-0.1.0")}
        for number, text in enumerate(expressions())
    ]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    ran = subprocess.run([promtool, "check", "rules", str(path)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_an_alert_fires_on_a_bad_release_and_not_on_a_good_one(promtool: str, tmp_path: Path) -> None:
    def series(bad: int) -> list[dict[str, str]]:
        labels = 'rollout_units_total{{rollout="r",percent="10",cohort="{}",outcome="{}"}}'
        return [
            {"series": labels.format("rust", "finished"), "values": "0+10x1500"},
            {"series": labels.format("python", "finished"), "values": "0+90x1500"},
            {"series": labels.format("rust", "error"), "values": f"0+{bad}x1500"},
            {"series": labels.format("python", "error"), "values": "0+1x1500"},
            {"series": labels.format("rust", "started"), "values": "0+10x1500"},
        ]

    def case(bad: int, alerts: int) -> dict[str, object]:
        fired = [
            {
                "exp_labels": {"severity": "page", "rollout": "r"},
                "exp_annotations": {
                    "summary": "r: Rust units end badly three times as often as Python units",
                    "action": "python -m release rollout gate --prometheus URL; python -m release rollout rollback",
                },
            }
        ]
        check = {"eval_time": "24h", "alertname": "RolloutWorseThanPython", "exp_alerts": fired[:alerts]}
        return {"interval": "1m", "input_series": series(bad), "alert_rule_test": [check]}

    path = tmp_path / "test.yml"
    rules = str(DOCS / "prometheus-rules.yml")
    path.write_text(json.dumps({"rule_files": [rules], "tests": [case(0, 0), case(1, 1)]}))
    ran = subprocess.run([promtool, "test", "rules", str(path)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_names_are_the_ones_that_are_exported() -> None:
    registry = prometheus_client.CollectorRegistry()
    row = {"rollout": "r", "percent": "10", "cohort": "rust"}
    document = {
        "rows": [{**row, **dict.fromkeys(OUTCOMES, 0)}],
        "calls": [{**row, "format_float": dict.fromkeys(CALLS, 0)}],
    }
    rust_metrics.register(lambda: document, registry)
    exported = {sample.name for metric in registry.collect() for sample in metric.samples}
    text = "\n".join([*expressions(), (DOCS / "prometheus-rules.yml").read_text("utf-8")])
    assert set(re.findall(r"\brollout_\w+", text)) == exported
    named = {word for part in re.findall(r'outcome=~?"([^"]+)"', text) for word in part.split("|")}
    assert named <= {*OUTCOMES, *CALLS}
