"""DAG runs on a bench of ``make chaos``, and their AWS calls."""

import json
import re
import time
from collections import Counter

EFFECT = re.compile(r"(Put|Copy|Create|Delete|Update|Start|Stop|Execute|Cancel|Batch(?!Get))")


def wait(bench, dag_id, run_id, seconds=1000):
    return bench.api.wait_for_dag_run(dag_id, run_id, timeout_seconds=seconds, on_look=lambda _: bench.keep_alive())


def assert_green(bench, dag_id, run_id):
    run = wait(bench, dag_id, run_id)
    failed = {
        task["task_id"]: log_of(bench, dag_id, run_id, task)[-1500:]
        for task in bench.api.task_instances(dag_id, run_id, states=["failed"])
    }
    assert run["state"] == "success", failed


def log_of(bench, dag_id, run_id, task):
    return bench.api.task_log(dag_id, run_id, task["task_id"], task["try_number"], map_index=task["map_index"])


class Since:
    """The AWS calls since the creation of this object."""

    def __init__(self, bench):
        self._log = bench.state_dir / "calls.jsonl"
        self._read = self._log.stat().st_size
        self._operations = Counter()

    def operations(self, of=None):
        with self._log.open("rb") as log:
            log.seek(self._read)
            # The last line may still be incomplete.
            complete = log.read().rpartition(b"\n")[0]
        if complete:
            self._read += len(complete) + 1
            made = [call for call in map(json.loads, complete.splitlines()) if call["access_key_id"] == "local-aws"]
            self._operations.update(call["operation"] for call in made)
        return Counter({name: total for name, total in self._operations.items() if of is None or name in of})

    def effects(self):
        """Return the operations that Airflow's tasks have called, without reads."""
        return {name for name in self.operations() if EFFECT.match(name)}

    def wait_for(self, operation, seconds=600):
        deadline = time.monotonic() + seconds
        while not self.operations()[operation]:
            assert time.monotonic() < deadline, f"{operation} was not called"
            time.sleep(0.1)
