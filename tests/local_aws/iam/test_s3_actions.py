import pytest

from local_aws.iam.actions import checks_of
from local_aws.iam.checks import Encryption
from local_aws.iam.s3_actions import deleted_objects
from local_aws.protocol.errors import AwsError
from tests.support.iam_calls import KEY, FakeFacts, call, pairs

HERE = FakeFacts(objects={"k": None, "a/b c": None})


def _call(operation, *, path="/lake/k", **more):
    return call("s3", operation, path=path, **more)


def _keys(checked, facts=HERE):
    return dict(checks_of(checked, facts)[0].keys)


@pytest.mark.parametrize(
    ("checked", "expected"),
    [
        (_call("GetObject"), [("s3:GetObject", "s3:::lake/k")]),
        (_call("GetObject", path="/lake/a/b%20c"), [("s3:GetObject", "s3:::lake/a/b c")]),
        (_call("HeadObject"), [("s3:GetObject", "s3:::lake/k")]),
        (_call("GetObject", query="versionId=v"), [("s3:GetObjectVersion", "s3:::lake/k")]),
        (_call("GetObjectTagging", query="tagging&versionId=v"), [("s3:GetObjectVersionTagging", "s3:::lake/k")]),
        (_call("GetObjectAttributes"), [("s3:GetObjectAttributes", "s3:::lake/k"), ("s3:GetObject", "s3:::lake/k")]),
        (_call("PutObject"), [("s3:PutObject", "s3:::lake/k")]),
        (
            _call("PutObject", headers={"x-amz-acl": "private"}),
            [("s3:PutObject", "s3:::lake/k"), ("s3:PutObjectAcl", "s3:::lake/k")],
        ),
        (
            _call("PutObject", headers={"x-amz-tagging": "a=b"}),
            [("s3:PutObject", "s3:::lake/k"), ("s3:PutObjectTagging", "s3:::lake/k")],
        ),
        (_call("DeleteObject"), [("s3:DeleteObject", "s3:::lake/k")]),
        (_call("DeleteObject", query="versionId=v"), [("s3:DeleteObjectVersion", "s3:::lake/k")]),
        (
            _call("CopyObject", headers={"x-amz-copy-source": "/src/a/b%20c"}),
            [("s3:PutObject", "s3:::lake/k"), ("s3:GetObject", "s3:::src/a/b c")],
        ),
        (
            _call("CopyObject", headers={"x-amz-copy-source": "src/k?versionId=v"}),
            [("s3:PutObject", "s3:::lake/k"), ("s3:GetObjectVersion", "s3:::src/k")],
        ),
        (
            _call("UploadPartCopy", headers={"x-amz-copy-source": "src/k"}),
            [("s3:PutObject", "s3:::lake/k"), ("s3:GetObject", "s3:::src/k")],
        ),
        (_call("CreateMultipartUpload", query="uploads"), [("s3:PutObject", "s3:::lake/k")]),
        (_call("UploadPart", query="uploadId=u&partNumber=1"), [("s3:PutObject", "s3:::lake/k")]),
        (_call("CompleteMultipartUpload", query="uploadId=u"), [("s3:PutObject", "s3:::lake/k")]),
        (_call("AbortMultipartUpload", query="uploadId=u"), [("s3:AbortMultipartUpload", "s3:::lake/k")]),
        (_call("ListParts", query="uploadId=u"), [("s3:ListMultipartUploadParts", "s3:::lake/k")]),
        (_call("ListObjectsV2", path="/lake"), [("s3:ListBucket", "s3:::lake")]),
        (_call("ListObjects", path="/lake/"), [("s3:ListBucket", "s3:::lake")]),
        (_call("HeadBucket", path="/lake"), [("s3:ListBucket", "s3:::lake")]),
        (_call("ListObjectVersions", path="/lake"), [("s3:ListBucketVersions", "s3:::lake")]),
        (_call("ListMultipartUploads", path="/lake"), [("s3:ListBucketMultipartUploads", "s3:::lake")]),
        (_call("ListBuckets", path="/"), [("s3:ListAllMyBuckets", "*")]),
        (_call("GetBucketEncryption", path="/lake"), [("s3:GetEncryptionConfiguration", "s3:::lake")]),
        (_call("DeleteBucketLifecycle", path="/lake"), [("s3:PutLifecycleConfiguration", "s3:::lake")]),
        (_call("GetPublicAccessBlock", path="/lake"), [("s3:GetBucketPublicAccessBlock", "s3:::lake")]),
        (_call("PutBucketPolicy", path="/lake"), [("s3:PutBucketPolicy", "s3:::lake")]),
    ],
)
def test_actions_and_resources(checked, expected):
    assert pairs(checked, HERE) == expected


def test_condition_keys():
    listing = _keys(_call("ListObjectsV2", path="/lake", query="list-type=2&prefix=raw%2F&delimiter=%2F&max-keys=7"))
    assert (listing["s3:prefix"], listing["s3:delimiter"], listing["s3:max-keys"]) == (("raw/",), ("/",), ("7",))
    assert listing["s3:authType"] == ("REST-HEADER",)
    headers = {"x-amz-server-side-encryption": "AES256", "x-amz-tagging": "a=b&c=d", "if-none-match": "*"}
    putting = _keys(_call("PutObject", headers=headers))
    assert putting["s3:x-amz-server-side-encryption"] == ("AES256",)
    assert putting["s3:RequestObjectTag/a"] == ("b",)
    assert putting["s3:RequestObjectTagKeys"] == ("a", "c")
    assert putting["s3:if-none-match"] == ("*",)
    assert putting["s3:ObjectCreationOperation"] == ("true",)
    assert _keys(_call("GetObject", query="versionId=v"))["s3:VersionId"] == ("v",)


@pytest.mark.parametrize("operation", ["GetObject", "HeadObject"])
def test_a_missing_object_needs_the_permission_to_list(operation):
    missing = _call(operation, path="/lake/none", query="prefix=x")
    assert pairs(missing, HERE)[1:] == [("s3:ListBucket", "s3:::lake")]
    assert pairs(_call(operation, path="/lake/none", query="versionId=v"), HERE)[1:] == []
    copied = _call("CopyObject", headers={"x-amz-copy-source": "src/none"})
    assert pairs(copied, HERE)[1:] == [("s3:GetObject", "s3:::src/none"), ("s3:ListBucket", "s3:::src")]


def test_objects_of_a_bulk_delete_are_checked_one_by_one():
    body = (
        b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a&amp;b</Key></Object>'
        b"<Object><VersionId>v</VersionId><Key>c</Key></Object><Quiet>true</Quiet></Delete>"
    )
    checks = checks_of(_call("DeleteObjects", path="/lake", query="delete", body=body), HERE)
    assert [(check.action, check.resource.partition(":::")[2]) for check in checks] == [
        ("s3:DeleteObject", "lake/a&b"),
        ("s3:DeleteObjectVersion", "lake/c"),
    ]
    assert all(check.skip_on_refusal for check in checks)
    with pytest.raises(AwsError, match="MalformedXML"):
        deleted_objects(b"<Delete>")


KMS = {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "alias/mine"}
ENCRYPTED = FakeFacts(objects={"k": Encryption(KEY)})
BY_BUCKET = FakeFacts(objects={"k": None}, bucket_key=Encryption(KEY, bucket_key=True))
UPLOAD = FakeFacts(objects={"k": Encryption(KEY)}, upload_key=Encryption(KEY))


@pytest.mark.parametrize(
    ("checked", "facts", "actions"),
    [
        (_call("GetObject"), ENCRYPTED, ["kms:Decrypt"]),
        (_call("GetObject"), HERE, []),
        (_call("HeadObject"), ENCRYPTED, []),
        (_call("HeadObject", headers={"x-amz-checksum-mode": "ENABLED"}), ENCRYPTED, ["kms:Decrypt"]),
        (_call("PutObject"), BY_BUCKET, ["kms:GenerateDataKey"]),
        (_call("PutObject", headers={"x-amz-server-side-encryption": "AES256"}), BY_BUCKET, []),
        (_call("PutObject", headers=KMS), HERE, ["kms:GenerateDataKey"]),
        (_call("PutObject", headers={"x-amz-server-side-encryption": "aws:kms"}), HERE, []),  # AWS's own key
        (_call("CreateMultipartUpload", headers=KMS), HERE, ["kms:GenerateDataKey"]),
        (_call("UploadPart", query="uploadId=u"), UPLOAD, ["kms:Decrypt"]),
        (_call("CompleteMultipartUpload", query="uploadId=u"), UPLOAD, ["kms:Decrypt"]),
        (
            _call("CopyObject", headers={**KMS, "x-amz-copy-source": "src/k"}),
            ENCRYPTED,
            ["kms:Decrypt", "kms:GenerateDataKey"],
        ),
        (
            _call("UploadPartCopy", query="uploadId=u", headers={"x-amz-copy-source": "src/k"}),
            UPLOAD,
            ["kms:Decrypt", "kms:Decrypt"],
        ),
        (_call("DeleteObject"), UPLOAD, []),
    ],
)
def test_checks_that_a_customers_key_implies(checked, facts, actions):
    implied = [check for check in checks_of(checked, facts) if check.action.startswith("kms:")]
    assert [check.action for check in implied] == actions
    assert all(check.resource == KEY and check.implied_by for check in implied)
    assert all(check.keys["kms:ViaService"] == ("s3.us-east-1.amazonaws.com",) for check in implied)


@pytest.mark.parametrize(
    ("facts", "headers", "arn"),
    [(BY_BUCKET, {}, "arn:aws:s3:::lake"), (HERE, KMS, "arn:aws:s3:::lake/k")],
)
def test_with_a_bucket_key_the_encryption_context_is_the_bucket(facts, headers, arn):
    check = checks_of(_call("PutObject", headers=headers), facts)[1]
    assert check.keys["kms:EncryptionContext:aws:s3:arn"] == (arn,)
