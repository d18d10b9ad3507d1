"""Answers of the OpenFeature flagd provider installed here: reads {"files", "flag", "keys"} as JSON on stdin.

Prints one string of 0 and 1 for each file: the answer for every [key, bucket], with no bucket where it is null.
"""

import json
import sys

from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext

task = json.load(sys.stdin)
for number, path in enumerate(task["files"]):
    domain = f"domain-{number}"
    provider = FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=path)
    wait = getattr(api, "set_provider_and_wait", api.set_provider)
    wait(provider, domain)
    client = api.get_client(domain)
    answers = []
    for key, bucket in task["keys"]:
        attributes = {} if bucket is None else {"rolloutBucket": bucket}
        details = client.get_boolean_details(task["flag"], False, EvaluationContext(key, attributes))
        if details.error_code:
            raise SystemExit(f"{path}: {key!r}: {details.error_code} {details.error_message}")
        answers.append("1" if details.value else "0")
    print("".join(answers), flush=True)
api.shutdown()
