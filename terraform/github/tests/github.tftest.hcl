# Who may assume which role, and what the roles may do. The provider builds the documents itself, without calling AWS.

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = data.aws_iam_openid_connect_provider.github
  values = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
}

override_resource {
  target          = aws_iam_openid_connect_provider.github
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
}

variables {
  subject_prefix = "repo:our-company@1/platform@2"
  environments   = ["dev", "prod"]
}

run "only_this_repositorys_jobs_assume_the_roles" {
  command = plan

  assert {
    condition = { for role, document in data.aws_iam_policy_document.trust : role => toset(flatten([jsondecode(document.json).Statement[0].Condition.StringLike["token.actions.githubusercontent.com:sub"]])) } == {
      plan = toset([
        "repo:our-company@1/platform@2:pull_request", "repo:our-company@1/platform@2:ref:refs/heads/main", "repo:our-company@1/platform@2:ref:refs/tags/v*",
      ])
      publish    = toset(["repo:our-company@1/platform@2:environment:release"])
      apply-dev  = toset(["repo:our-company@1/platform@2:environment:dev"])
      apply-prod = toset(["repo:our-company@1/platform@2:environment:prod"])
    }
    error_message = "Another job could assume a role: apply roles only belong to the environment that asks for the approval."
  }
  assert {
    condition     = alltrue([for document in data.aws_iam_policy_document.trust : jsondecode(document.json).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"])
    error_message = "A token for another audience could be used."
  }
}

run "the_plan_role_only_reads" {
  command = plan

  assert {
    condition = alltrue(flatten([for document in [data.aws_iam_policy_document.read["plan"].json, data.aws_iam_policy_document.state["plan"].json] : [
      for statement in jsondecode(document).Statement : [for action in flatten([statement.Action]) : can(regex("^[a-z0-9-]+:(Get|List|Describe|View)|^kms:Decrypt$", action))]
    ]]))
    error_message = "The plan role, which every pull request can use, has an action that writes."
  }
  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.read["plan"].json).Statement : statement.Resource if contains(flatten([statement.Action]), "secretsmanager:GetSecretValue")] == [
      "arn:aws:secretsmanager:us-east-1:123456789012:secret:airflow/crypto-prices-*/variables/*"
    ]
    error_message = "The plan role can read secrets other than the settings, such as API keys."
  }
  assert {
    condition     = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.read["plan"].json).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:GetObject")])) == toset(["arn:aws:s3:::crypto-prices-*-bundle-123456789012/*"])
    error_message = "The plan role can read the lake."
  }
}

run "an_apply_role_changes_only_its_own_environment" {
  command = plan

  # The only actions whose resources AWS names or numbers need a condition that names the environment.
  assert {
    condition = alltrue(flatten([for document in [data.aws_iam_policy_document.apply["dev"].json, data.aws_iam_policy_document.state["dev"].json] : [
      for statement in jsondecode(document).Statement : [
        for resource in flatten([statement.Resource]) :
        can(regex("[:/](airflow/)?crypto-prices-dev([-/:]|$)|crypto_prices_dev(/|$)|crypto-prices-terraform-state-123456789012(/crypto-prices/dev\\.tfstate(\\.tflock)?)?$|:catalog$", resource)) ||
        try(statement.Condition.StringEquals["aws:ResourceTag/platform"] == "crypto-prices-dev", false) || statement.Sid == "BundleAndSettingsAreEncrypted"
      ]
    ]]))
    error_message = "The role of dev can change something that does not belong to dev."
  }
  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.state["dev"].json).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:PutObject")] == [
      "arn:aws:s3:::crypto-prices-terraform-state-123456789012/crypto-prices/dev.tfstate",
      "arn:aws:s3:::crypto-prices-terraform-state-123456789012/crypto-prices/dev.tfstate.tflock",
    ]
    error_message = "The role of dev cannot write its state and its lock, or can write another."
  }
}

run "an_apply_role_has_no_other_actions" {
  command = plan

  # Each new one needs a reason why it cannot delete data, and a call in dev/prove/deployment.py that needs it.
  assert {
    condition = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.apply["prod"].json).Statement : statement.Action])) == toset([
      "airflow:UpdateEnvironment", "athena:CreateNamedQuery", "athena:DeleteNamedQuery", "athena:UpdateWorkGroup", "budgets:ModifyBudget",
      "budgets:TagResource", "cloudwatch:DeleteAlarms", "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "events:PutTargets", "glue:UpdateJob", "glue:UpdateTable", "iam:PassRole",
      "iam:PutRolePolicy", "kms:Decrypt", "kms:GenerateDataKey", "redshift-serverless:UpdateWorkgroup", "s3:DeleteObjectVersion",
      "s3:ListBucketVersions", "s3:PutObject", "s3:PutObjectTagging", "secretsmanager:CreateSecret", "secretsmanager:DeleteSecret",
      "secretsmanager:PutSecretValue", "secretsmanager:TagResource", "secretsmanager:UpdateSecretVersionStage", "sns:Subscribe", "sns:Unsubscribe",
    ])
    error_message = "The actions of an apply role are not the expected ones."
  }
  assert {
    condition = alltrue(flatten([for statement in jsondecode(data.aws_iam_policy_document.apply["prod"].json).Statement : [
      for resource in flatten([statement.Resource]) : startswith(resource, "arn:aws:s3:::crypto-prices-prod-bundle-123456789012")
    ] if anytrue([for action in flatten([statement.Action]) : startswith(action, "s3:")])]))
    error_message = "An apply role can change a bucket other than the bundle's."
  }
  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.apply["prod"].json).Statement : statement.Condition.StringEquals["iam:PermissionsBoundary"] if contains(flatten([statement.Action]), "iam:PutRolePolicy")] == [
      "arn:aws:iam::123456789012:policy/crypto-prices-github-boundary-prod"
    ]
    error_message = "An apply role can change the permissions of a role without the boundary of its environment."
  }
  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.apply["prod"].json).Statement : statement.Resource if contains(flatten([statement.Action]), "secretsmanager:DeleteSecret")] == [
      "arn:aws:secretsmanager:us-east-1:123456789012:secret:airflow/crypto-prices-prod/connections/*"
    ]
    error_message = "An apply role can delete the settings."
  }
}

run "a_boundary_keeps_a_role_within_its_environment" {
  command = plan

  assert {
    condition     = { for environment, policy in aws_iam_policy.boundary : environment => policy.name } == { dev = "crypto-prices-github-boundary-dev", prod = "crypto-prices-github-boundary-prod" }
    error_message = "Environments share a boundary, so that code of one could reach the data of another."
  }
  # A new one must be in terraform/iam.tf, too.
  assert {
    condition = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.boundary["dev"].json).Statement : statement.Action])) == toset([
      "airflow:PublishMetrics", "cloudwatch:PutMetricData", "glue:BatchCreatePartition", "glue:BatchDeletePartition", "glue:BatchGetPartition",
      "glue:BatchStopJobRun", "glue:BatchUpdatePartition", "glue:GetJob", "glue:GetJobRun", "glue:GetJobRuns", "glue:GetPartitions", "glue:GetTable",
      "glue:StartJobRun", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "logs:AssociateKmsKey", "logs:CreateLogGroup",
      "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:GetLogEvents", "logs:GetLogGroupFields", "logs:GetLogRecord",
      "logs:GetQueryResults", "logs:PutLogEvents", "redshift-data:BatchExecuteStatement", "redshift-data:CancelStatement",
      "redshift-data:DescribeStatement", "redshift-data:ExecuteStatement", "redshift-data:GetStatementResult", "s3:AbortMultipartUpload",
      "s3:DeleteObject", "s3:GetAccountPublicAccessBlock", "s3:GetBucketLocation", "s3:GetBucketPublicAccessBlock", "s3:GetBucketVersioning",
      "s3:GetEncryptionConfiguration", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket",
      "s3:ListBucketVersions", "s3:ListMultipartUploadParts", "s3:PutObject", "secretsmanager:GetSecretValue", "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:SendMessage",
    ])
    error_message = "A role within the boundary could do more than the platform needs."
  }
  # Resources that do not name the environment need a condition that does, or have one that AWS offers instead.
  assert {
    condition = alltrue(flatten([for statement in jsondecode(data.aws_iam_policy_document.boundary["dev"].json).Statement : [
      for resource in flatten([statement.Resource]) :
      can(regex("[:/!](airflow-|airflow/)?crypto-prices-dev([-/:]|$)|crypto_prices_dev(/|$)|:catalog$|:airflow-celery-\\*$", resource)) ||
      try(statement.Condition.StringEquals["aws:ResourceTag/platform"] == "crypto-prices-dev", false) ||
      contains(["ChecksTheAccount", "PublishesMetrics", "UsesKeysThroughItsServices", "WaitsForItsOwnSql"], statement.Sid)
    ]]))
    error_message = "A role within the boundary of dev could reach something that does not belong to dev."
  }
  assert {
    condition = alltrue([for statement in jsondecode(data.aws_iam_policy_document.boundary["dev"].json).Statement :
      can(statement.Condition.StringEquals) if contains(["PublishesMetrics", "UsesKeysThroughItsServices", "WaitsForItsOwnSql"], statement.Sid)
    ])
    error_message = "A permission on every resource has no condition."
  }
  assert {
    condition = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.boundary["dev"].json).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:DeleteObject")])) == toset([
      "arn:aws:s3:::crypto-prices-dev-lake-123456789012/curated/*", "arn:aws:s3:::crypto-prices-dev-lake-123456789012/quarantine/*",
    ])
    error_message = "A role within the boundary could delete raw objects or the bundle."
  }
  assert {
    condition = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.boundary["dev"].json).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:PutObject") && try(statement.Condition.Null["s3:if-none-match"], "") != "false"])) == toset([
      "arn:aws:s3:::crypto-prices-dev-lake-123456789012/curated/*", "arn:aws:s3:::crypto-prices-dev-lake-123456789012/quarantine/*",
      "arn:aws:s3:::crypto-prices-dev-lake-123456789012/receipts/*",
    ])
    error_message = "A role within the boundary could replace raw objects or load records."
  }
}

run "a_release_is_published_once" {
  command = plan

  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.publish.json).Statement : [statement.Resource, statement.Condition.Null["s3:if-none-match"]] if contains(flatten([statement.Action]), "s3:PutObject")] == [
      ["arn:aws:s3:::crypto-prices-artifacts-123456789012/releases/*", "false"]
    ]
    error_message = "The publish role can replace a release."
  }
  assert {
    condition     = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.publish.json).Statement : statement.Action])) == toset(["s3:GetObject", "s3:PutObject"])
    error_message = "The publish role can do more than upload and compare."
  }
}

run "buckets_are_private_and_versioned" {
  command = plan

  assert {
    condition     = { for kind, bucket in aws_s3_bucket.this : kind => bucket.bucket } == { artifacts = "crypto-prices-artifacts-123456789012", state = "crypto-prices-terraform-state-123456789012" }
    error_message = "A bucket has the wrong name."
  }
  assert {
    condition     = alltrue([for versioning in aws_s3_bucket_versioning.this : versioning.versioning_configuration[0].status == "Enabled"]) && alltrue([for block in aws_s3_bucket_public_access_block.this : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "A bucket does not keep versions, or can become public."
  }
}

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: 6,144 characters, without whitespace.
run "policies_are_short_enough" {
  command = plan

  assert {
    condition     = alltrue([for document in concat(values(data.aws_iam_policy_document.read)[*].json, values(data.aws_iam_policy_document.apply)[*].json, values(data.aws_iam_policy_document.boundary)[*].json) : length(jsonencode(jsondecode(document))) <= 6144])
    error_message = "A policy is longer than a managed policy may be."
  }
}

run "the_outputs_are_the_variables_of_the_workflows" {
  command = plan

  assert {
    condition     = output.repository_variables.DEPLOY_ENVIRONMENTS == jsonencode(["dev", "prod"]) && output.repository_variables.AWS_REGION == "us-east-1"
    error_message = "The list of environments is not JSON in the order of deployment."
  }
}

run "each_environment_has_its_boundary_in_the_variables" {
  command = plan

  override_resource {
    target          = aws_iam_policy.boundary
    override_during = plan
    values          = { arn = "arn:aws:iam::123456789012:policy/of-this-environment" }
  }
  assert {
    condition = jsondecode(output.repository_variables.AWS_PERMISSIONS_BOUNDARIES) == {
      dev = "arn:aws:iam::123456789012:policy/of-this-environment", prod = "arn:aws:iam::123456789012:policy/of-this-environment"
    }
    error_message = "The workflows do not find an environment's boundary by its name."
  }
}

run "an_existing_oidc_provider_is_used" {
  command = plan

  variables {
    create_oidc_provider = false
  }
  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && jsondecode(data.aws_iam_policy_document.trust["plan"].json).Statement[0].Principal.Federated == "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    error_message = "A second provider is created, or the existing one is not trusted."
  }
}
