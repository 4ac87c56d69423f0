import argparse
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from local_aws.defaults import DEFAULT_STATE_DIR
from local_aws.ports import bound_socket
from local_platform.local_aws_health import answering_process, running_local_aws
from local_platform.state_options import StateOptions, StateOptionsError, add_options, chosen_options


def parse(*arguments, default_port=0):
    parser = argparse.ArgumentParser()
    add_options(parser, default_port=default_port)
    return chosen_options(parser, parser.parse_args(arguments))


def test_the_defaults_are_the_usual_folder_and_the_commands_own_port():
    assert parse() == StateOptions(DEFAULT_STATE_DIR, 0)
    assert parse(default_port=4566).aws_port == 4566


def test_folder_and_port_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse("--state-dir", "here", "--aws-port", "4567") == StateOptions(tmp_path / "here", 4567)


def test_a_number_that_is_not_a_port_is_rejected_with_the_variables_name(capsys):
    with pytest.raises(SystemExit):
        parse("--aws-port", "70000")
    assert "AWS_PORT=70000 is not a port" in capsys.readouterr().err


def test_a_port_in_use_names_the_variable(tmp_path):
    with bound_socket(0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StateOptionsError, match=rf"{port}.*AWS_PORT=<port>"):
            StateOptions(tmp_path, port).require_usable()
    StateOptions(tmp_path, port).require_usable()


def test_a_folder_that_cannot_be_used_names_the_variable(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StateOptionsError, match=r"file is not a folder\. .*STATE=<folder>"):
        StateOptions(tmp_path / "file", 0).require_usable()


@pytest.fixture
def health():
    """Serve the health of a local AWS with this process's id."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"pid": os.getpid()} if self.path == "/_local_aws/health" else []).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def write_endpoint(folder, endpoint, pid):
    (folder / "endpoint.json").write_text(json.dumps({"endpoint": endpoint, "pid": pid}))


def test_a_folder_in_use_names_the_process_and_the_variable(tmp_path, health):
    write_endpoint(tmp_path, health, os.getpid())
    with pytest.raises(StateOptionsError, match=rf"already runs on .*{health} \(process {os.getpid()}\).*STATE="):
        StateOptions(tmp_path, 0).require_usable()


def test_what_a_killed_local_aws_left_behind_is_ignored(tmp_path, health):
    assert running_local_aws(tmp_path) is None
    write_endpoint(tmp_path, health, os.getpid() + 1)  # another one has its port by now
    assert running_local_aws(tmp_path) is None
    write_endpoint(tmp_path, "http://127.0.0.1:9", os.getpid())
    assert running_local_aws(tmp_path) is None


def test_a_program_that_is_not_a_local_aws_has_no_process_id(health):
    assert answering_process(health) == os.getpid()
    assert answering_process(f"{health}/other") is None
