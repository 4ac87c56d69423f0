import os
import socket
import subprocess
import sys
from datetime import date

import pytest

from local_aws.chaos.boundaries import Boundaries
from local_aws.chaos.faults import Fault, Faults, Kind, process_of

DAY = date(2022, 1, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "Java's IPv6"])
def test_who_holds_a_connection_is_found(family):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(family) as client:
        client.connect(("::ffff:127.0.0.1" if family == socket.AF_INET6 else "127.0.0.1", server.getsockname()[1]))
        assert process_of(client.getsockname()[1]) == os.getpid()
        assert process_of(1) is None


def test_a_kill_has_only_happened_when_somebody_was_killed():
    faults = Faults(Boundaries(), slow_seconds=0)
    fault = Fault(DAY, "put raw manifest #1", Kind.KILLED, fired=1)
    victim = subprocess.Popen(["sleep", "60"])
    try:
        faults._kill(fault, victim.pid)
        assert victim.wait(10) == -9
        assert fault.fired == 1
        faults._kill(fault, None)
        assert fault.fired == 0
    finally:
        victim.kill()
        victim.wait()
