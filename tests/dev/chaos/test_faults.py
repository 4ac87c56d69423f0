import contextlib
import os
import socket
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from botocore.endpoint import DEFAULT_TIMEOUT

from dev.chaos.bench import SLOW_SECONDS
from dev.chaos.boundaries import Boundaries
from dev.chaos.faults import CLIENT_SECONDS, TASK_SECONDS, Fault, Faults, Kind, process_of
from local_aws.front.server import Call
from local_aws.protocol.errors import AwsError
from local_aws.protocol.http_request import HttpRequest
from local_aws.protocol.http_response import HttpResponse
from local_aws.protocol.signature import RequestContext
from local_aws.redshift.execution import StatementFailedError
from local_aws.redshift.statement_store import StatementRecord

DAY = date(2022, 1, 1)
RAW = "/lake/raw/window=20220101-20220102/attempt="
CONTEXT = RequestContext(region="us-east-1", account_id="123456789012", access_key_id="x", session_token=None)


def put(path):
    request = HttpRequest(method="PUT", raw_path=path, query="", headers=(), body=b"")
    return Call("s3", "PutObject", CONTEXT, request, None)


def statements(*texts):
    return [StatementRecord(str(n), "db", "group", text, 0.0) for n, text in enumerate(texts, 1)]


MERGE = statements(
    "-- load/lock_loads\nLOCK crypto.load_lock",
    "-- load/counts/delete_etl_metadata\nDELETE FROM x WHERE batch = '20220101-20220102-0123456789abcdef'",
    "-- load/replace/insert_staged_rows\nMERGE INTO x",
)


@pytest.fixture
def faults():
    return Faults(Boundaries(), slow_seconds=0)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "Java's IPv6"])
def test_the_process_of_a_connection_is_found(family):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(family) as client:
        client.connect(("::ffff:127.0.0.1" if family == socket.AF_INET6 else "127.0.0.1", server.getsockname()[1]))
        assert process_of(client.getsockname()[1]) == os.getpid()
        assert process_of(1) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_closed_connection_on_the_same_port_does_not_hide_the_process(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        port = client.getsockname()[1]
        closed = f"0: 0100007F:{port:04X} 0100007F:0001 06 0:0 03:0 0 0 0 0 3\n"
        read = Path.read_text
        monkeypatch.setattr(
            Path, "read_text", lambda path: read(path) + (closed if path.match("/proc/net/tcp*") else "")
        )
        assert process_of(port) == os.getpid()


def test_a_kill_counts_and_is_signalled_only_if_a_process_was_killed(monkeypatch):
    signalled: list[date] = []
    faults = Faults(Boundaries(), slow_seconds=0, on_fire=signalled.append)
    fault = Fault(DAY, "put raw object #1", Kind.KILLED)
    faults.arm(fault)
    victim = subprocess.Popen(["sleep", "60"])
    try:
        for process, fired in ((None, []), (victim.pid, [DAY])):
            monkeypatch.setattr("dev.chaos.faults.process_of", lambda _, process=process: process)
            with pytest.raises(ConnectionResetError):
                faults.intercept_call(put(f"{RAW}a1/BTC.gz"), "after", HttpResponse(200, [], b""))
            assert (fault.fired, signalled) == (len(fired), fired)
        assert victim.wait(10) == -9
    finally:
        victim.kill()
        victim.wait()


@pytest.mark.parametrize("kind", [Kind.REFUSED, Kind.LOST, Kind.SLOW, Kind.TAMPERED])
def test_other_faults_are_signalled_when_they_fire(kind):
    signalled: list[date] = []
    faults = Faults(Boundaries(), slow_seconds=0, on_fire=signalled.append)
    faults.arm(Fault(DAY, "put raw object #1", kind))
    with contextlib.suppress(AwsError, ConnectionResetError):
        for moment, answer in (("before", None), ("after", HttpResponse(200, [], b""))):
            faults.intercept_call(put(f"{RAW}a1/BTC.gz"), moment, answer)
    assert signalled == [DAY]


def test_tampering_does_not_block_the_statement(faults):
    tampered = []
    boundary = "merge_into_fact: statement load/counts/delete_etl_metadata"
    fault = Fault(DAY, boundary, Kind.TAMPERED, on_fire=lambda: tampered.append("once"))
    faults.arm(fault)
    for number in range(3):
        faults.intercept_statements(MERGE, number, "before")
    assert (tampered, fault.fired) == (["once"], 1)
    assert boundary in faults.seen(DAY)
    faults.arm(Fault(DAY, boundary, Kind.REFUSED))
    with pytest.raises(StatementFailedError, match="load/counts/delete_etl_metadata"):
        faults.intercept_statements(MERGE, 1, "before")


def test_a_permanent_fault_also_breaks_the_clients_retry_of_the_same_object(faults):
    fault = Fault(DAY, "put raw object #2", Kind.REFUSED, times=None)
    faults.arm(fault)
    faults.intercept_call(put(f"{RAW}a1/BTC.gz"), "before", None)
    for _ in range(2):
        with pytest.raises(AwsError):
            faults.intercept_call(put(f"{RAW}a1/ETH.gz"), "before", None)
    faults.intercept_call(put(f"{RAW}a1/SOL.gz"), "before", None)
    assert fault.fired == 2
    assert faults.seen(DAY) == [f"put raw object #{number}" for number in (1, 2, 2, 3)]


def test_objects_are_numbered_from_one_in_each_attempt(faults):
    for attempt in ("a1", "a2"):
        faults.intercept_call(put(f"{RAW}{attempt}/BTC.gz"), "before", None)
    assert faults.seen(DAY) == ["put raw object #1", "put raw object #1"]


def test_only_the_faulted_calls_response_is_lost(faults):
    faults.arm(Fault(DAY, "put raw object #1", Kind.LOST))
    first, second = put(f"{RAW}a1/BTC.gz"), put(f"{RAW}a1/ETH.gz")
    for call in (first, second):
        faults.intercept_call(call, "before", None)
    done = HttpResponse(200, [], b"")
    faults.intercept_call(second, "after", done)
    with pytest.raises(ConnectionResetError, match="#1"):
        faults.intercept_call(first, "after", done)


def test_a_slow_call_exceeds_client_and_task_timeouts():
    assert CLIENT_SECONDS == DEFAULT_TIMEOUT
    assert max(CLIENT_SECONDS, TASK_SECONDS) < SLOW_SECONDS
