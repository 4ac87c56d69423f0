# Which workflow runs may assume which role. GitHub signs a token for a job, and its subject says what the job belongs to.
# https://docs.github.com/en/actions/reference/security/oidc

locals {
  issuer       = "token.actions.githubusercontent.com"
  provider_arn = var.create_oidc_provider ? one(aws_iam_openid_connect_provider.github[*].arn) : one(data.aws_iam_openid_connect_provider.github[*].arn)

  subjects = merge(
    {
      # Pull requests, and the plan before an approval: of a run that was started on main or by the tag of a release.
      plan    = [for context in ["pull_request", "ref:refs/heads/main", "ref:refs/tags/v*"] : "${var.subject_prefix}:${context}"]
      publish = ["${var.subject_prefix}:environment:release"]
    },
    { for environment in var.environments : "apply-${environment}" => ["${var.subject_prefix}:environment:${environment}"] },
  )
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.create_oidc_provider ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_openid_connect_provider" "github" {
  count = var.create_oidc_provider ? 0 : 1

  url = "https://${local.issuer}"
}

data "aws_iam_policy_document" "trust" {
  for_each = local.subjects

  statement {
    sid     = "OnlyThisRepositorysJobs"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringLike"
      variable = "${local.issuer}:sub"
      values   = each.value
    }
  }
}

resource "aws_iam_role" "github" {
  for_each = local.subjects

  name                 = "${var.name}-github-${each.key}"
  description          = "Permissions of GitHub jobs: ${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = startswith(each.key, "apply-") ? 7200 : 3600
}
