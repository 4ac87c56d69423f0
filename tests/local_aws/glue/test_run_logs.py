from __future__ import annotations

import uuid
from types import SimpleNamespace

from botocore.exceptions import ClientError

from local_aws.glue.run_logs import LogStream


def stream_of(aws, path):
    group = f"/test/{uuid.uuid4()}"
    return LogStream(aws.logs, group=group, stream="jr_1", path=path), group


def messages(aws, group):
    events = aws.logs.get_log_events(logGroupName=group, logStreamName="jr_1", startFromHead=True)["events"]
    return [event["message"] for event in events]


def test_complete_lines_are_sent_immediately_and_the_rest_at_the_end(aws, tmp_path):
    path = tmp_path / "log"
    stream, group = stream_of(aws, path)
    stream.send()  # no file yet
    path.write_text("one\ntwo\n\nthr", encoding="utf-8")
    stream.send()
    assert messages(aws, group) == ["one", "two"]
    with path.open("a", encoding="utf-8") as file:
        file.write("ée")
    stream.send()
    stream.send(final=True)
    assert messages(aws, group) == ["one", "two", "thrée"]


def test_no_call_exceeds_the_limits_of_aws(tmp_path):
    calls = []
    exceptions = SimpleNamespace(ResourceAlreadyExistsException=KeyError)
    client = SimpleNamespace(
        exceptions=exceptions,
        create_log_group=lambda **_: None,
        create_log_stream=lambda **_: None,
        put_log_events=lambda logEvents, **_: calls.append([e["message"] for e in logEvents]),
    )
    path = tmp_path / "log"
    lines = [*map(str, range(10_001)), *(letter * 300_000 for letter in "xyz")]
    path.write_text("\n".join(lines), encoding="utf-8")
    LogStream(client, group="g", stream="s", path=path).send(final=True)
    sent = [message for call in calls for message in call]
    assert sent[:10_001] == lines[:10_001]
    assert [m[0] for m in sent[10_001:]] == ["x", "y", "z"]
    assert all(len(m) <= 256 * 1024 - 26 for m in sent)
    assert all(len(call) <= 10_000 and sum(len(m) + 26 for m in call) <= 1_048_576 for call in calls)


def test_a_refusal_is_logged_once_and_is_not_an_error(tmp_path, caplog):
    def refuse(**_):
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "CreateLogGroup")

    exceptions = SimpleNamespace(ResourceAlreadyExistsException=KeyError)
    path = tmp_path / "log"
    path.write_text("line\n", encoding="utf-8")
    stream = LogStream(
        SimpleNamespace(exceptions=exceptions, create_log_group=refuse), group="g", stream="s", path=path
    )
    stream.send()
    path.write_text("line\nanother\n", encoding="utf-8")
    stream.send(final=True)
    (message,) = [r.getMessage() for r in caplog.records if r.name.endswith("run_logs")]
    assert "AccessDeniedException" in message
