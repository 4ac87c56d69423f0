"""Extracts the reason of a failed task and the end of its log."""

from __future__ import annotations

import re

_START = re.compile(r"\[DAG TEST\] starting task_id=(\S+) map_index=(-?\d+)")
_RAISED = re.compile(r"^(?:\w+\.)*(?P<kind>[A-Z]\w*(?:Error|Exception|Timeout)): (?P<message>.+)$", re.MULTILINE)


def log_of_task(log: str, task_id: str, map_index: int) -> str:
    """Return the part of a ``dags test`` log for a task instance's last try; empty if there is none."""
    starts = list(_START.finditer(log))
    for position, start in reversed(list(enumerate(starts))):
        if (start[1], int(start[2])) == (task_id, map_index):
            following = starts[position + 1].start() if position + 1 < len(starts) else len(log)
            # The lines after the task's end belong to the run.
            ended = log.find("[DAG TEST] end task", start.end(), following)
            end = following if ended < 0 else ended
            return log[log.rfind("\n", 0, start.start()) + 1 : log.rfind("\n", 0, end) + 1]
    return ""


def reason(task_log: str) -> str:
    """Return why a task failed: the message of the last exception, without the traceback."""
    raised = list(_RAISED.finditer(task_log))
    if not raised:
        return "the log has no exception"
    message = raised[-1]["message"]
    glue = re.search(r"AWS Glue job failed\..*?(?:ErrorMessage|-) ?(.*)", message)
    return glue[1] if glue and glue[1] else message


def tail(task_log: str, lines: int = 25) -> str:
    """Return the last lines of a task's log."""
    return "\n".join(task_log.rstrip().splitlines()[-lines:])
