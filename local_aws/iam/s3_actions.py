"""The checks of Amazon S3.

The action of each operation: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
Condition keys: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
KMS: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html and, for multipart uploads,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
404 and 403: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

from local_aws.iam.checks import ApiCall, Check, Encryption, Facts
from local_aws.iam.context import Values
from local_aws.protocol.errors import AwsError

# Operations whose action has a different name.
_ACTIONS: Mapping[str, str] = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "PutBucketInventoryConfiguration": "PutInventoryConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
# Actions that have a separate action for a specific version.
_VERSIONED = frozenset(
    {
        "DeleteObject",
        "DeleteObjectTagging",
        "GetObject",
        "GetObjectAcl",
        "GetObjectAttributes",
        "GetObjectTagging",
        "PutObjectAcl",
        "PutObjectTagging",
    }
)
_READING = frozenset({"GetObject", "HeadObject", "GetObjectAttributes"})
_STORING = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})
_COPYING = frozenset({"CopyObject", "UploadPartCopy"})
_SSE = "x-amz-server-side-encryption"
# Headers whose names are also condition keys.
_HEADER_KEYS = (
    "x-amz-acl",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-metadata-directive",
    _SSE,
    f"{_SSE}-aws-kms-key-id",
    f"{_SSE}-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
    "if-match",
    "if-none-match",
)
_QUERY_KEYS = {"prefix": "prefix", "delimiter": "delimiter", "max-keys": "max-keys", "versionId": "VersionId"}
KNOWN_KEYS = (
    *(f"s3:{name}" for name in _HEADER_KEYS),
    *(f"s3:{name}" for name in _QUERY_KEYS.values()),
    "s3:authType",
    "s3:ObjectCreationOperation",
    "s3:RequestObjectTag/*",
    "s3:RequestObjectTagKeys",
    "s3:ResourceAccount",
    "s3:signatureversion",
    "s3:TlsVersion",
)


def checks(call: ApiCall, facts: Facts) -> Iterator[Check]:
    """Yield the checks of an S3 call."""
    bucket, _, key = call.path.lstrip("/").partition("/")
    keys = _keys(call)
    if call.operation == "DeleteObjects":
        for number, (name, version) in enumerate(deleted_objects(call.body)):
            action = "s3:DeleteObjectVersion" if version else "s3:DeleteObject"
            more = {"s3:VersionId": (version,)} if version else {}
            yield Check(
                action,
                _object_arn(bucket, name),
                {**keys, **more},
                f"object {number} of DeleteObjects",
                skip_on_refusal=True,
            )
        return
    action = _ACTIONS.get(call.operation, call.operation)
    if action in _VERSIONED and call.query.get("versionId"):
        action = action.replace("Object", "ObjectVersion", 1)
    resource = _object_arn(bucket, key) if key else f"arn:aws:s3:::{bucket}" if bucket else "*"
    yield Check(f"s3:{action}", resource, keys)
    if call.operation == "GetObjectAttributes":
        yield Check(f"s3:{action.replace('Attributes', '')}", resource, keys, "GetObjectAttributes")
    if call.operation in _STORING:
        if any(name == "x-amz-acl" or name.startswith("x-amz-grant-") for name in call.headers):
            yield Check("s3:PutObjectAcl", resource, keys, "an access control list in the request")
        if call.headers.get("x-amz-tagging"):
            yield Check("s3:PutObjectTagging", resource, keys, "x-amz-tagging")
    if call.operation in _COPYING:
        yield from _source_checks(call, facts, keys)
    if call.operation in _READING:
        yield from _reading(call, facts, keys, bucket, key, call.query.get("versionId"), call.operation)
    yield from _encryption_checks(call, facts, bucket, key)


def deleted_objects(body: bytes) -> list[tuple[str, str]]:
    """Return the keys and versions in a DeleteObjects request. A version is "" if the request names none.

    Raises:
        AwsError: The body is not such a request.
    """
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - sent by a client on this machine
    except ElementTree.ParseError:
        raise AwsError("MalformedXML", "The XML you provided was not well-formed.") from None
    objects = [element for element in root if element.tag.rpartition("}")[2] == "Object"]
    return [(_child(element, "Key"), _child(element, "VersionId")) for element in objects]


def _child(element: ElementTree.Element, name: str) -> str:
    return next((child.text or "" for child in element if child.tag.rpartition("}")[2] == name), "")


def _object_arn(bucket: str, key: str) -> str:
    return f"arn:aws:s3:::{bucket}/{key}"


def _keys(call: ApiCall) -> dict[str, Values]:
    sent = {**{name.lower(): value for name, value in call.query.items()}, **call.headers}
    presigned = "authorization" not in call.headers
    version_2 = "AWSAccessKeyId" in call.query
    found: dict[str, Values] = {
        "s3:authType": ("REST-QUERY-STRING" if presigned else "REST-HEADER",),
        "s3:ResourceAccount": (call.account_id,),
        "s3:signatureversion": ("AWS" if version_2 else "AWS4-HMAC-SHA256",),
        # There is no TLS on loopback. It counts as the newest version, like aws:SecureTransport.
        "s3:TlsVersion": ("1.3",),
        "s3:ObjectCreationOperation": (str(call.operation in {*_STORING, "CompleteMultipartUpload"}).lower(),),
    }
    found |= {f"s3:{name}": (sent[name],) for name in _HEADER_KEYS if name in sent}
    found |= {f"s3:{key}": (call.query[name],) for name, key in _QUERY_KEYS.items() if name in call.query}
    tags = parse_qsl(call.headers.get("x-amz-tagging", ""), keep_blank_values=True)
    if tags:
        found |= {f"s3:RequestObjectTag/{name}": (value,) for name, value in tags}
        found["s3:RequestObjectTagKeys"] = tuple(name for name, _ in tags)
    return found


def copy_source(call: ApiCall) -> tuple[str, str, str | None]:
    """Return the bucket, the key and the version that a copy reads."""
    place, _, query = call.headers.get("x-amz-copy-source", "").partition("?")
    bucket, _, key = unquote(place).lstrip("/").partition("/")
    return bucket, key, dict(parse_qsl(query)).get("versionId")


def _source_checks(call: ApiCall, facts: Facts, keys: Mapping[str, Values]) -> Iterator[Check]:
    bucket, key, version = copy_source(call)
    action = "s3:GetObjectVersion" if version else "s3:GetObject"
    plain = {name: keys[name] for name in ("s3:authType", "s3:ResourceAccount", "s3:signatureversion", "s3:TlsVersion")}
    yield Check(action, _object_arn(bucket, key), plain, f"the source of {call.operation}")
    yield from _reading(call, facts, plain, bucket, key, version, f"the source of {call.operation}")


def _reading(
    call: ApiCall, facts: Facts, keys: Mapping[str, Values], bucket: str, key: str, version: str | None, what: str
) -> Iterator[Check]:
    if version is None and not facts.object_exists(bucket, key):
        # A caller that may not list a bucket does not learn that an object is missing. The check has no keys of a
        # listing, such as s3:prefix, so a list permission that is restricted to a prefix does not apply.
        listing = {name: value for name, value in keys.items() if name != "s3:VersionId"}
        yield Check("s3:ListBucket", f"arn:aws:s3:::{bucket}", listing, f"{what} of a key that does not exist")
        return
    # A HEAD request needs to decrypt only if it asks for the checksum.
    if call.operation == "HeadObject" and call.headers.get("x-amz-checksum-mode", "").upper() != "ENABLED":
        return
    found = facts.object_encryption(bucket, key, version)
    if found is not None:
        yield _kms_check("kms:Decrypt", found, bucket, key, call, f"{what} of an object that is encrypted with the key")


def _encryption_checks(call: ApiCall, facts: Facts, bucket: str, key: str) -> Iterator[Check]:
    if call.operation in _STORING:
        method = call.headers.get(_SSE)
        found = None
        if method is None:
            found = facts.bucket_encryption(bucket)
        elif method != "AES256":
            arn = facts.kms_key(call.region, call.headers.get(f"{_SSE}-aws-kms-key-id", ""))
            bucket_key = call.headers.get(f"{_SSE}-bucket-key-enabled", "").lower() == "true"
            found = None if arn is None else Encryption(arn, bucket_key)
        if found is not None:
            what = f"{call.operation} of an object that is encrypted with the key"
            yield _kms_check("kms:GenerateDataKey", found, bucket, key, call, what)
    elif call.operation in {"UploadPart", "UploadPartCopy", "CompleteMultipartUpload"}:
        found = facts.upload_encryption(bucket, call.query.get("uploadId", ""))
        if found is not None:
            what = f"{call.operation} of an upload that is encrypted with the key"
            yield _kms_check("kms:Decrypt", found, bucket, key, call, what)


def _kms_check(action: str, found: Encryption, bucket: str, key: str, call: ApiCall, what: str) -> Check:
    arn = f"arn:aws:s3:::{bucket}" if found.bucket_key else _object_arn(bucket, key)
    keys: dict[str, Values] = {
        "kms:CallerAccount": (call.account_id,),
        "kms:ViaService": (f"s3.{call.region}.amazonaws.com",),
        "kms:EncryptionContext:aws:s3:arn": (arn,),
        "kms:EncryptionContextKeys": ("aws:s3:arn",),
    }
    return Check(action, found.key, keys, what)
