from dev.prove.not_exercised import Exceptions, NotExercised
from dev.prove.permissions import Permission

QUEUE = NotExercised("mwaa", "Queue", "sqs:*", "no containers")
ABORT = NotExercised("glue", "Writes", "s3:Abort*", "nothing breaks off", resource="*curated/*")
ALL = NotExercised("mwaa", "Health", "*", "no containers")


def permission(sid, action, resource="arn:aws:s3:::lake/curated/*"):
    return Permission("crypto-prices-dev-mwaa", "pipeline", sid, action, resource)


def test_an_exception_matches_role_statement_and_action():
    exceptions = Exceptions((QUEUE, ABORT))
    assert exceptions.reason("mwaa", permission("Queue", "sqs:SendMessage")) == "no containers"
    assert exceptions.reason("glue", permission("Queue", "sqs:SendMessage")) is None
    assert exceptions.reason("mwaa", permission("Other", "sqs:SendMessage")) is None
    assert exceptions.reason("mwaa", permission("Queue", "s3:GetObject")) is None


def test_an_exception_can_be_limited_to_a_resource():
    exceptions = Exceptions((ABORT,))
    assert exceptions.reason("glue", permission("Writes", "s3:AbortMultipartUpload")) == "nothing breaks off"
    assert exceptions.reason("glue", permission("Writes", "s3:AbortMultipartUpload", "arn:aws:s3:::lake/raw/*")) is None


def test_a_whole_statement_is_excepted_only_if_all_its_actions_are():
    exceptions = Exceptions((QUEUE, ALL))
    assert exceptions.reason("mwaa", permission("Queue", "", "arn:aws:sqs:::queue")) is None
    assert exceptions.reason("mwaa", permission("Health", "", "arn:aws:airflow:::environment/a")) == "no containers"


def test_unused_exceptions_are_reported():
    exceptions = Exceptions((QUEUE, ALL))
    exceptions.reason("mwaa", permission("Queue", "sqs:SendMessage"))
    assert exceptions.unused() == [ALL]
