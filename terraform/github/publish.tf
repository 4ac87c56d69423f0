# The publish role uploads a release once. It cannot replace or delete one.

data "aws_iam_policy_document" "publish" {
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html: the request must have If-None-Match,
  # which S3 refuses if the object exists.
  statement {
    sid       = "UploadsNewReleases"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arns["artifacts"]}/releases/*"]

    condition {
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["false"]
    }
  }

  statement {
    sid       = "ComparesPublishedReleases"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arns["artifacts"]}/releases/*"]
  }
}

resource "aws_iam_role_policy" "publish" {
  name   = "releases"
  role   = aws_iam_role.github["publish"].id
  policy = data.aws_iam_policy_document.publish.json
}
