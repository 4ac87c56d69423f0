import subprocess
from datetime import date

from local_aws.chaos.boundaries import Boundaries
from local_aws.chaos.faults import Fault, Faults, Kind

DAY = date(2022, 1, 1)


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
