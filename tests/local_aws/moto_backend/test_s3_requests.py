"""The checks of S3 requests: through boto3, or as raw requests where boto3 would not send them."""

import base64
import hashlib
import http.client
import io
import zlib
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from local_aws.clients import local_client
from local_aws.moto_backend.checksums import CHECKSUMS

BUCKET = "lake"
BODY = b"12345 prices\r\n0\r\n"


def _text(digest):
    return base64.b64encode(digest).decode()


@pytest.fixture(scope="module")
def s3(moto_endpoint):
    s3 = local_client("s3", moto_endpoint)
    s3.create_bucket(Bucket=BUCKET)
    return s3


@pytest.fixture(scope="module")
def kms(moto_endpoint):
    return local_client("kms", moto_endpoint)


@pytest.fixture
def put(s3, moto_endpoint):
    """Puts an object with exactly these headers and this body."""

    def put(key, body, **headers):
        address = urlsplit(moto_endpoint)
        connection = http.client.HTTPConnection(address.hostname, address.port)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["Authorization"] = "AWS4-HMAC-SHA256 Credential=k/20240101/us-east-1/s3/aws4_request, Signature=0"
        connection.request("PUT", f"/{BUCKET}/{key}", body=body, headers=sent)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text.partition("<Code>")[2].partition("</Code>")[0]

    return put


def _refused(call, *arguments, **members):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **members)
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"], caught.value.response["Error"]["Code"]


def _is_there(s3, key):
    return s3.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"] > 0


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_a_checksum_is_verified(s3, put, algorithm):
    key, header = f"sum-{algorithm}", f"x_amz_checksum_{algorithm.lower()}"
    right, wrong = CHECKSUMS[algorithm](BODY), CHECKSUMS[algorithm](b"other")
    assert put(key, BODY, **{header: _text(wrong)}) == (400, "BadDigest")
    assert put(key, BODY, **{header: "x" + _text(right)}) == (400, "InvalidRequest")
    assert not _is_there(s3, key)
    assert put(key, BODY, **{header: _text(right)}) == (200, "")
    kept = s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert kept[f"Checksum{algorithm}"] == _text(right)


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [  # the check values of the CRC catalog, and the digests of empty data in the xxHash specification
        ("CRC32C", "e3069283"),
        ("CRC64NVME", "ae8b14860a799888"),
        ("XXHASH64", "ef46db3751d8e999"),
        ("XXHASH3", "2d06800538d394c2"),
        ("XXHASH128", "99aa06d3014798d86001c324468d497f"),
    ],
)
def test_checksums_have_their_published_values(algorithm, digest):
    data = b"123456789" if algorithm.startswith("CRC") else b""
    assert CHECKSUMS[algorithm](data).hex() == digest


def test_an_unknown_checksum_algorithm_is_refused(put):
    assert put("hash", BODY, x_amz_sdk_checksum_algorithm="CRC16") == (400, "InvalidRequest")


def test_there_is_one_checksum_of_the_announced_algorithm(put):
    crc, sha = _text(CHECKSUMS["CRC32"](BODY)), _text(CHECKSUMS["SHA1"](BODY))
    assert put("one", BODY, x_amz_checksum_crc32=crc, x_amz_checksum_sha1=sha) == (400, "InvalidRequest")
    assert put("one", BODY, x_amz_checksum_crc32=crc, x_amz_sdk_checksum_algorithm="SHA1") == (400, "InvalidRequest")
    assert put("one", BODY, x_amz_sdk_checksum_algorithm="SHA1") == (400, "InvalidRequest")


def test_content_md5_and_the_signed_payload_are_verified(s3, put):
    md5 = _text(hashlib.md5(BODY).digest())
    assert put("md5", BODY, Content_MD5=_text(hashlib.md5(b"").digest())) == (400, "BadDigest")
    assert put("md5", BODY, Content_MD5="c2hvcnQ=") == (400, "InvalidDigest")
    assert put("md5", BODY, x_amz_content_sha256="0" * 64) == (400, "XAmzContentSHA256Mismatch")
    assert not _is_there(s3, "md5")
    assert put("md5", BODY, Content_MD5=md5, x_amz_content_sha256=hashlib.sha256(BODY).hexdigest()) == (200, "")


def _chunked(body, *, signed, checksum):
    signature = b";chunk-signature=" + b"0" * 64 if signed else b""
    chunks = [body[:5], body[5:], b""]
    encoded = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), signature, chunk) for chunk in chunks[:-1])
    trailer = b"x-amz-checksum-crc32:" + checksum.encode() + b"\r\n\r\n"
    return encoded + b"0" + signature + b"\r\n" + trailer


@pytest.mark.parametrize("signed", [False, True])
def test_a_trailing_checksum_is_verified(s3, put, signed):
    key = f"trailing-{signed}"
    headers = {
        "x_amz_content_sha256": f"STREAMING-{'AWS4-HMAC-SHA256' if signed else 'UNSIGNED'}-PAYLOAD-TRAILER",
        "Content_Encoding": "gzip,aws-chunked",
        "x_amz_trailer": "x-amz-checksum-crc32",
        "x_amz_sdk_checksum_algorithm": "CRC32",
        "x_amz_decoded_content_length": str(len(BODY)),
    }
    right = zlib.crc32(BODY).to_bytes(4, "big")
    encoded = _chunked(BODY, signed=signed, checksum=_text(right))
    assert put(key, _chunked(BODY, signed=signed, checksum="AAAAAA=="), **headers) == (400, "BadDigest")
    assert put(key, encoded[:12], **headers) == (400, "IncompleteBody")
    assert put(key, encoded, **{**headers, "x_amz_decoded_content_length": "3"}) == (400, "IncompleteBody")
    assert put(key, encoded, **{**headers, "x_amz_trailer": "x-amz-checksum-sha1"}) == (400, "MalformedTrailerError")
    assert not _is_there(s3, key)
    assert put(key, encoded, **headers) == (200, "")
    kept = s3.get_object(Bucket=BUCKET, Key=key)
    assert (kept["Body"].read(), kept["ContentEncoding"], kept["ChecksumCRC32"]) == (BODY, "gzip", _text(right))


def test_checksums_that_boto3_sends_by_default_are_accepted(s3):
    s3.put_object(Bucket=BUCKET, Key="boto-put", Body=BODY)
    s3.put_object(Bucket=BUCKET, Key="boto-sha", Body=BODY, ChecksumAlgorithm="SHA256")
    large = b"".join(PARTS) * 2  # its transfers upload this in parts, with their checksums
    s3.upload_fileobj(io.BytesIO(large), BUCKET, "boto-large")
    for key, body in (("boto-put", BODY), ("boto-sha", BODY), ("boto-large", large)):
        assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "boto-large"}]})
    assert not _is_there(s3, "boto-large")


@pytest.fixture
def upload(s3):
    """Start a multipart upload and return its id and the ETags of its two parts."""

    def upload(key, parts, **members):
        upload_id = s3.create_multipart_upload(Bucket=BUCKET, Key=key, **members)["UploadId"]
        sent = [
            s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload_id, PartNumber=number, Body=part)
            for number, part in enumerate(parts, start=1)
        ]
        place = {"Bucket": BUCKET, "Key": key, "UploadId": upload_id}
        return place, [{"PartNumber": n, "ETag": part["ETag"]} for n, part in enumerate(sent, start=1)]

    return upload


PARTS = [b"a" * 5 * 1024 * 1024, b"end"]


def test_a_part_is_verified(s3, upload):
    place, _ = upload("part", [])
    wrong = _text(CHECKSUMS["SHA256"](b"other"))
    refused = _refused(s3.upload_part, **place, PartNumber=1, Body=BODY, ChecksumSHA256=wrong)
    assert refused == (400, "BadDigest")
    assert "Parts" not in s3.list_parts(**place)


def test_a_part_of_an_unknown_upload_is_refused(s3, put):
    put("whole", BODY)
    place = {"Bucket": BUCKET, "Key": "unknown", "UploadId": "unknown"}
    assert _refused(s3.upload_part, **place, PartNumber=1, Body=BODY) == (404, "NoSuchUpload")
    source = {"PartNumber": 1, "CopySource": f"{BUCKET}/whole"}
    assert _refused(s3.upload_part_copy, **place, **source) == (404, "NoSuchUpload")
    parts = {"Parts": [{"PartNumber": 1, "ETag": '"0"'}]}
    assert _refused(s3.complete_multipart_upload, **place, MultipartUpload=parts) == (404, "NoSuchUpload")


@pytest.mark.parametrize("kind", ["FULL_OBJECT", "COMPOSITE"])
def test_the_checksum_of_a_whole_upload_is_verified(s3, upload, kind):
    place, parts = upload(f"whole-{kind}", PARTS, ChecksumAlgorithm="CRC32", ChecksumType=kind)
    crc = CHECKSUMS["CRC32"]
    right = _text(crc(b"".join(PARTS) if kind == "FULL_OBJECT" else b"".join(map(crc, PARTS))))
    whole = {**place, "MultipartUpload": {"Parts": parts}, "ChecksumType": kind}
    assert _refused(s3.complete_multipart_upload, **whole, ChecksumCRC32="AAAAAA==") == (400, "BadDigest")
    sums = [{**parts[0], "ChecksumCRC32": "AAAAAA=="}, parts[1]]
    bad_part = {**whole, "MultipartUpload": {"Parts": sums}}
    assert _refused(s3.complete_multipart_upload, **bad_part) == (400, "InvalidPart")
    backwards = {**whole, "MultipartUpload": {"Parts": parts[::-1]}}
    assert _refused(s3.complete_multipart_upload, **backwards) == (400, "InvalidPartOrder")
    s3.complete_multipart_upload(**whole, ChecksumCRC32=right)
    assert s3.get_object(Bucket=BUCKET, Key=place["Key"])["Body"].read() == b"".join(PARTS)


def test_an_upload_without_an_algorithm_gets_no_checksum(s3, upload):
    place, parts = upload("plain-upload", PARTS)
    s3.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
    kept = s3.head_object(Bucket=BUCKET, Key=place["Key"], ChecksumMode="ENABLED")
    assert not [name for name in kept if name.startswith("Checksum")]


def test_an_unknown_or_unusable_key_is_refused(s3, kms):
    target = {"Bucket": BUCKET, "Key": "kms", "ServerSideEncryption": "aws:kms"}
    for unknown in ("alias/none", "11111111-1111-1111-1111-111111111111"):
        refused = _refused(s3.put_object, **target, Body=b"", SSEKMSKeyId=unknown)
        assert refused == (400, "KMS.NotFoundException")
        assert _refused(s3.create_multipart_upload, **target, SSEKMSKeyId=unknown) == refused
    key = kms.create_key()["KeyMetadata"]
    s3.put_object(**target, Body=b"", SSEKMSKeyId=key["KeyId"])
    s3.put_object(**target, Body=b"", SSEKMSKeyId=key["Arn"])
    s3.put_object(**target, Body=b"")  # AWS's own key
    kms.disable_key(KeyId=key["KeyId"])
    assert _refused(s3.put_object, **target, Body=b"", SSEKMSKeyId=key["Arn"]) == (400, "KMS.DisabledException")
    plain = {**target, "ServerSideEncryption": "AES256"}
    assert _refused(s3.put_object, **plain, Body=b"", SSEKMSKeyId=key["Arn"]) == (400, "InvalidArgument")


def test_a_buckets_default_key_must_exist_too(s3):
    s3.create_bucket(Bucket="keyed")
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "22222222-1111-1111-1111-111111111111"}
    s3.put_bucket_encryption(
        Bucket="keyed",
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
    )
    assert _refused(s3.put_object, Bucket="keyed", Key="k", Body=b"") == (400, "KMS.NotFoundException")


def test_customer_provided_keys_are_refused(s3):
    sse = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "0" * 32}
    assert _refused(s3.put_object, Bucket=BUCKET, Key="sse-c", Body=b"", **sse) == (501, "NotImplemented")
    assert _refused(s3.get_object, Bucket=BUCKET, Key="sse-c", **sse) == (501, "NotImplemented")
    assert not _is_there(s3, "sse-c")


def test_a_bucket_of_another_owner_is_refused(s3):
    s3.put_object(Bucket=BUCKET, Key="mine", Body=b"", ExpectedBucketOwner="123456789012")
    other = {"Bucket": BUCKET, "ExpectedBucketOwner": "210987654321"}
    assert _refused(s3.get_object, Key="mine", **other) == (403, "AccessDenied")
    assert _refused(s3.put_object, Key="mine", Body=b"", **other) == (403, "AccessDenied")
    assert _refused(s3.list_objects_v2, **other) == (403, "AccessDenied")
    assert _refused(s3.head_bucket, **other) == (403, "403")
    source = {"CopySource": f"{BUCKET}/mine", "ExpectedSourceBucketOwner": "210987654321"}
    assert _refused(s3.copy_object, Bucket=BUCKET, Key="copied", **source) == (403, "AccessDenied")


def test_conditional_writes_are_honored_or_refused(s3, upload):
    etag = s3.put_object(Bucket=BUCKET, Key="if", Body=b"1", IfNoneMatch="*")["ETag"]
    put = {"Bucket": BUCKET, "Key": "if", "Body": b"2"}
    assert _refused(s3.put_object, **put, IfNoneMatch="*") == (412, "PreconditionFailed")
    assert _refused(s3.put_object, **put, IfMatch='"0"') == (412, "PreconditionFailed")
    assert _refused(s3.put_object, **{**put, "Key": "if-new"}, IfMatch=etag) == (404, "NoSuchKey")
    assert _refused(s3.put_object, **put, IfNoneMatch=etag) == (501, "NotImplemented")
    assert _refused(s3.put_object, **put, WriteOffsetBytes=1) == (501, "NotImplemented")
    copy = {"Bucket": BUCKET, "Key": "if", "CopySource": f"{BUCKET}/if"}
    assert _refused(s3.copy_object, **copy, IfNoneMatch="*") == (501, "NotImplemented")
    assert _refused(s3.copy_object, **copy, CopySourceIfMatch='"0"') == (501, "NotImplemented")
    place, parts = upload("if", [b"3"])
    whole = {**place, "MultipartUpload": {"Parts": parts}}
    assert _refused(s3.complete_multipart_upload, **whole, IfMatch='"0"') == (501, "NotImplemented")
    assert _refused(s3.complete_multipart_upload, **whole, IfNoneMatch="*") == (412, "PreconditionFailed")
    delete = {"Bucket": BUCKET, "Delete": {"Objects": [{"Key": "if", "ETag": '"0"'}]}}
    assert _refused(s3.delete_objects, **delete) == (501, "NotImplemented")
    assert s3.get_object(Bucket=BUCKET, Key="if")["Body"].read() == b"1"
    s3.put_object(**put, IfMatch=etag)
    assert s3.get_object(Bucket=BUCKET, Key="if")["Body"].read() == b"2"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"Key": "k" * 1025}, "KeyTooLongError"),
        ({"Key": "k", "Metadata": {"a": "x" * 2048}}, "MetadataTooLarge"),
        ({"Key": "k", "Tagging": "a=1&a=2"}, "InvalidArgument"),
        ({"Key": "k", "Tagging": "&".join(f"t{n}=1" for n in range(11))}, "BadRequest"),
    ],
)
def test_the_limits_of_an_object(s3, members, code):
    assert _refused(s3.put_object, Bucket=BUCKET, Body=b"", **members) == (400, code)


def test_the_name_of_a_bucket(s3):
    assert _refused(s3.create_bucket, Bucket="Not_allowed") == (400, "InvalidBucketName")
