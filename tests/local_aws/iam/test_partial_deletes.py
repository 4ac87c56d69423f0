from local_aws.iam.partial_deletes import with_errors, without_items
from local_aws.iam.s3_actions import deleted_objects
from local_aws.protocol.errors import AwsError
from local_aws.protocol.http_request import HttpRequest
from local_aws.protocol.http_response import HttpResponse

BODY = (
    b'<?xml version="1.0"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a</Key></Object>'
    b"<Object><Key>b&amp;</Key><VersionId>v</VersionId></Object><Object><Key>c</Key></Object><Quiet>true</Quiet></Delete>"
)
REQUEST = HttpRequest(
    "POST", "/lake", "delete", (("Content-MD5", "x"), ("x-amz-checksum-crc32", "y"), ("Host", "h")), BODY
)
REFUSED = AwsError("AccessDenied", "not <you>", 403)


def test_refused_objects_and_headers_about_the_whole_body_are_removed():
    left = without_items(REQUEST, {1})
    assert deleted_objects(left.body) == [("a", ""), ("c", "")]
    assert b"Quiet" in left.body
    assert left.headers == (("Host", "h"),)


def test_no_request_remains_if_all_objects_are_refused():
    assert without_items(REQUEST, {0, 1, 2}) is None


def test_refused_objects_are_reported_with_the_deleted_ones():
    body = b"<DeleteResult><Deleted><Key>a</Key></Deleted></DeleteResult>"
    answer = HttpResponse(200, [("content-length", "1")], body)
    merged = with_errors(answer, BODY, {1: REFUSED})
    assert merged.body == (
        b"<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b&amp;</Key><VersionId>v</VersionId>"
        b"<Code>AccessDenied</Code><Message>not &lt;you&gt;</Message></Error></DeleteResult>"
    )
    assert merged.headers == []


def test_a_response_may_contain_only_refused_objects():
    assert b"<Error><Key>a</Key><Code>AccessDenied</Code>" in with_errors(None, BODY, {0: REFUSED}).body


def test_another_error_is_returned_unchanged():
    gone = HttpResponse(404, [], b"<Error/>")
    assert with_errors(gone, BODY, {0: REFUSED}) is gone
