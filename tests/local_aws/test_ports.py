import pytest

from local_aws.ports import PortNotFreeError, bound_socket, free_port


def test_a_free_port_can_be_bound():
    with bound_socket(free_port()) as bound:
        port = bound.getsockname()[1]
        assert bound.getsockname()[0] == "127.0.0.1"
        bound.listen()
        with pytest.raises(PortNotFreeError, match=rf"Port {port} of 127\.0\.0\.1 cannot be used: "):
            free_port(port)


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(PortNotFreeError, match=r"Port 0 of 203\.0\.113\.1 cannot be used: "):
        bound_socket(0, "203.0.113.1")
