# Permissions, checked in the policies as they would be sent to AWS. The provider builds aws_iam_policy_document itself, without
# calling AWS. So these tests use the real provider and override only the values that AWS would return.

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
  target = data.aws_availability_zones.available
  values = { zone_ids = ["use1-az4", "use1-az6", "use1-az1"] }
}

override_resource {
  target          = aws_kms_key.this
  override_during = plan
  values          = { arn = "arn:aws:kms:us-east-1:123456789012:key/made-here" }
}

override_resource {
  target          = aws_redshiftserverless_workgroup.this
  override_during = plan
  values          = { arn = "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/made-here" }
}

override_resource {
  target          = aws_redshiftserverless_namespace.this
  override_during = plan
  values          = { admin_password_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:redshift!crypto-prices-dev-admin-AbCdEf" }
}

override_resource {
  target          = aws_secretsmanager_secret.settings
  override_during = plan
  values          = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:airflow/crypto-prices-dev/variables/settings-AbCdEf" }
}

override_resource {
  target          = aws_secretsmanager_secret.connection
  override_during = plan
  values          = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:airflow/crypto-prices-dev/connections/coingecko-AbCdEf" }
}

override_resource {
  target          = aws_sns_topic.alarms
  override_during = plan
  values          = { arn = "arn:aws:sns:us-east-1:123456789012:alarms" }
}

variables {
  bundle_path = "tests/bundle"
  environment = "dev"
  access_logs = true
  sources     = { coingecko = { symbols = ["bitcoin"], connection_id = "coingecko" } }
}

run "permissions_are_the_least_that_the_platform_needs" {
  command = plan

  # Every action is spelled out.
  assert {
    condition = alltrue(flatten([for document in [
      data.aws_iam_policy_document.mwaa.json, data.aws_iam_policy_document.glue.json, data.aws_iam_policy_document.copy.json, data.aws_iam_policy_document.flow_logs[0].json,
    ] : [for statement in jsondecode(document).Statement : [for action in flatten([statement.Action]) : !strcontains(action, "*")]]]))
    error_message = "A role's policy allows actions with a wildcard."
  }
  assert {
    condition = alltrue(flatten([for document in [
      data.aws_iam_policy_document.mwaa.json, data.aws_iam_policy_document.glue.json, data.aws_iam_policy_document.copy.json, data.aws_iam_policy_document.flow_logs[0].json,
    ] : [for statement in jsondecode(document).Statement : length(statement.Sid) > 10 && statement.Effect == "Allow" && !contains(keys(statement), "NotAction") && !contains(keys(statement), "NotResource")]]))
    error_message = "A statement has no Sid that names its step, is not an Allow, or uses NotAction or NotResource."
  }

  # Every resource is named where AWS supports it.
  assert {
    condition = toset(flatten([for document in [
      data.aws_iam_policy_document.mwaa.json, data.aws_iam_policy_document.glue.json, data.aws_iam_policy_document.copy.json, data.aws_iam_policy_document.flow_logs[0].json,
      ] : [for statement in jsondecode(document).Statement : flatten([statement.Action]) if contains(flatten([statement.Resource]), "*")]])) == toset([
      "cloudwatch:PutMetricData", "logs:DescribeLogGroups", "s3:GetAccountPublicAccessBlock",
      "redshift-data:CancelStatement", "redshift-data:DescribeStatement", "redshift-data:GetStatementResult",
    ])
    error_message = "An action is allowed on every resource although AWS supports narrower ones."
  }
  assert {
    condition = alltrue(flatten([for document in [data.aws_iam_policy_document.mwaa.json, data.aws_iam_policy_document.glue.json] :
      [for statement in jsondecode(document).Statement : keys(statement.Condition.StringEquals) == ["cloudwatch:namespace"] if contains(flatten([statement.Action]), "cloudwatch:PutMetricData")]
    ]))
    error_message = "Metrics can be published in any namespace."
  }
  assert {
    condition     = one([for statement in jsondecode(data.aws_iam_policy_document.mwaa.json).Statement : statement.Condition.StringEquals["redshift-data:statement-owner-iam-userid"] if contains(flatten([statement.Action]), "redshift-data:DescribeStatement")]) == "$${aws:userid}"
    error_message = "Airflow can see the results of statements that other users submitted."
  }
  # A wildcard below a bucket, a log group or a queue stands for names that are not known yet. A wildcard in place of a service
  # or a bucket is too broad.
  assert {
    condition = alltrue(flatten([for document in [
      data.aws_iam_policy_document.mwaa.json, data.aws_iam_policy_document.glue.json, data.aws_iam_policy_document.copy.json,
    ] : [for statement in jsondecode(document).Statement : [for resource in flatten([statement.Resource]) : resource == "*" || !can(regex("^arn:aws:[a-z0-9-]*\\*|^arn:aws:s3:::[^/]*\\*", resource))]]]))
    error_message = "A resource has a wildcard in place of its service or its bucket."
  }

  # Each role is for one service of this account.
  assert {
    condition = { for name, document in {
      mwaa      = data.aws_iam_policy_document.mwaa_trust.json, glue = data.aws_iam_policy_document.glue_trust.json, copy = data.aws_iam_policy_document.copy_trust.json,
      flow_logs = data.aws_iam_policy_document.flow_logs_trust[0].json,
      } : name => join(" ", sort(flatten([one(jsondecode(document).Statement).Principal.Service]))) } == {
      mwaa      = "airflow-env.amazonaws.com airflow.amazonaws.com"
      glue      = "glue.amazonaws.com"
      copy      = "redshift-serverless.amazonaws.com redshift.amazonaws.com"
      flow_logs = "vpc-flow-logs.amazonaws.com"
    }
    error_message = "A role can be assumed by a service other than its own."
  }
  assert {
    condition = alltrue([for document in [
      data.aws_iam_policy_document.mwaa_trust.json, data.aws_iam_policy_document.glue_trust.json, data.aws_iam_policy_document.flow_logs_trust[0].json,
    ] : one(jsondecode(document).Statement).Condition.StringEquals["aws:SourceAccount"] == "123456789012"])
    error_message = "A role can be assumed by its service on behalf of another account (confused deputy)."
  }
  assert {
    condition     = one(jsondecode(data.aws_iam_policy_document.mwaa_trust.json).Statement).Condition.ArnLike["aws:SourceArn"] == "arn:aws:airflow:us-east-1:123456789012:environment/crypto-prices-dev"
    error_message = "Airflow's role can be assumed by another environment."
  }

  # Redshift assumes its role for the administrator of this account in both documented formats.
  # https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service-database-users.html
  assert {
    condition = one(jsondecode(data.aws_iam_policy_document.copy_trust.json).Statement).Condition == {
      StringLike = { "sts:ExternalId" = [
        "arn:aws:redshift:us-east-1:123456789012:dbuser:serverless-123456789012-*/admin",
        "arn:aws:redshift:us-east-1:123456789012:dbuser:crypto-prices-dev/admin",
      ] }
    }
    error_message = "The trust policy of COPY's role depends on something else than the database user, which AWS documents."
  }
  assert {
    condition     = aws_redshiftserverless_namespace.this.admin_username == "admin"
    error_message = "The trust policy names a user other than the administrator."
  }

  # COPY reads the curated zone and nothing else.
  assert {
    condition = { for statement in jsondecode(data.aws_iam_policy_document.copy.json).Statement : statement.Action => statement.Resource } == {
      "s3:GetObject"  = "arn:aws:s3:::crypto-prices-dev-lake-123456789012/curated/*"
      "s3:ListBucket" = "arn:aws:s3:::crypto-prices-dev-lake-123456789012"
      "kms:Decrypt"   = "arn:aws:kms:us-east-1:123456789012:key/made-here"
    }
    error_message = "COPY may do more than read curated/."
  }
  assert {
    condition     = one([for statement in jsondecode(data.aws_iam_policy_document.copy.json).Statement : statement.Condition.StringLike["s3:prefix"] if statement.Action == "s3:ListBucket"]) == "curated/*"
    error_message = "COPY may list more than curated/."
  }

  # Roles write and delete only their own objects.
  assert {
    condition = alltrue(flatten([for document in [data.aws_iam_policy_document.mwaa.json, data.aws_iam_policy_document.glue.json, data.aws_iam_policy_document.copy.json] :
      [for statement in jsondecode(document).Statement : [for resource in flatten([statement.Resource]) : !strcontains(resource, "/raw/") && !strcontains(resource, "/loads/")] if contains(flatten([statement.Action]), "s3:DeleteObject")]
    ]))
    error_message = "A role may delete raw objects or load records, from which everything else can be rebuilt."
  }
  assert {
    condition = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.mwaa.json).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:PutObject")])) == toset(
      ["arn:aws:s3:::crypto-prices-dev-lake-123456789012/raw/*", "arn:aws:s3:::crypto-prices-dev-lake-123456789012/loads/*", "arn:aws:s3:::crypto-prices-dev-lake-123456789012/receipts/*"]
    )
    error_message = "Airflow may write to locations other than raw/, loads/ and receipts/."
  }
  assert {
    condition = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.mwaa.json).Statement : statement.Action if strcontains(jsonencode(statement.Resource), "/loads/")])) == toset(
      ["s3:GetObject", "s3:PutObject"]
    )
    error_message = "Airflow cannot write load records, or may do more with them."
  }
  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.mwaa.json).Statement : try(statement.Condition.Null["s3:if-none-match"], "")
      if contains(flatten([statement.Action]), "s3:PutObject") && !strcontains(jsonencode(statement.Resource), "/receipts/")
    ] == ["false"]
    error_message = "Airflow may replace a raw object or a load record."
  }
  assert {
    condition = alltrue(flatten([for document in [data.aws_iam_policy_document.glue.json, data.aws_iam_policy_document.copy.json] :
      [for statement in jsondecode(document).Statement : !strcontains(jsonencode(statement.Resource), "/loads/")]
    ]))
    error_message = "A role other than Airflow's may read or change load records."
  }
  # Receipts read what a number was made of, and write nothing but themselves.
  assert {
    condition = { for statement in jsondecode(data.aws_iam_policy_document.mwaa.json).Statement : statement.Sid => [statement.Action, statement.Resource] if startswith(statement.Sid, "ExplainPrice") } == {
      ExplainPriceReadsReplacedResponses = ["s3:GetObjectVersion", "arn:aws:s3:::crypto-prices-dev-lake-123456789012/raw/*"]
      ExplainPriceReadsCuratedFiles      = ["s3:GetObject", "arn:aws:s3:::crypto-prices-dev-lake-123456789012/curated/crypto_prices/*"]
      ExplainPriceWritesReceipts         = ["s3:PutObject", "arn:aws:s3:::crypto-prices-dev-lake-123456789012/receipts/*"]
    }
    error_message = "Explaining a number may read or write something else than it needs."
  }
  assert {
    condition = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.glue.json).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:PutObject")])) == toset(
      ["arn:aws:s3:::crypto-prices-dev-lake-123456789012/curated/*", "arn:aws:s3:::crypto-prices-dev-lake-123456789012/quarantine/*"]
    )
    error_message = "The Glue job may write to locations other than curated/ and quarantine/."
  }
  assert {
    condition = alltrue(flatten([for document in [data.aws_iam_policy_document.mwaa.json, data.aws_iam_policy_document.glue.json, data.aws_iam_policy_document.copy.json] :
      [for statement in jsondecode(document).Statement : [for action in flatten([statement.Action]) : !strcontains(action, "Put") && !strcontains(action, "Delete")] if anytrue([for resource in flatten([statement.Resource]) : strcontains(resource, "-bundle-")])]
    ]))
    error_message = "A role may change the deployed bundle."
  }

  # The Glue job can use S3A's magic committer.
  # https://hadoop.apache.org/docs/stable/hadoop-aws/tools/hadoop-aws/assumed_roles.html
  assert {
    condition = one([for statement in jsondecode(data.aws_iam_policy_document.glue.json).Statement : toset(flatten([statement.Action])) if statement.Sid == "CurationWritesItsVersionAndItsRejects"]) == toset([
      "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject",
    ])
    error_message = "The Glue job cannot upload, complete and abort files in parts, or may do more."
  }
  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.glue.json).Statement : [toset(flatten([statement.Action])), statement.Resource, contains(keys(statement), "Condition")] if statement.Sid == "CurationListsTheLake"] == [
      [toset(["s3:ListBucket"]), "arn:aws:s3:::crypto-prices-dev-lake-123456789012", false]
    ]
    error_message = "The Glue job cannot list parent folders, or may list more."
  }
  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.glue.json).Statement : [flatten([statement.Action]), statement.Resource] if strcontains(jsonencode(statement.Action), "JobRun")] == [
      [["glue:GetJobRuns"], "arn:aws:glue:us-east-1:123456789012:job/crypto-prices-dev-curate"]
    ]
    error_message = "The Glue job cannot find its ended runs, or may do more with runs."
  }

  # Airflow reads only its own secrets and runs only its own job and warehouse.
  assert {
    condition = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.mwaa.json).Statement : statement.Resource if contains(flatten([statement.Action]), "secretsmanager:GetSecretValue")])) == toset([
      "arn:aws:secretsmanager:us-east-1:123456789012:secret:airflow/crypto-prices-dev/variables/settings-AbCdEf", "arn:aws:secretsmanager:us-east-1:123456789012:secret:airflow/crypto-prices-dev/connections/coingecko-AbCdEf",
      "arn:aws:secretsmanager:us-east-1:123456789012:secret:redshift!crypto-prices-dev-admin-AbCdEf",
    ])
    error_message = "Airflow may read secrets other than the settings, the API keys and the warehouse's password."
  }
  assert {
    condition     = one([for statement in jsondecode(data.aws_iam_policy_document.mwaa.json).Statement : statement.Resource if contains(flatten([statement.Action]), "glue:StartJobRun")]) == "arn:aws:glue:us-east-1:123456789012:job/crypto-prices-dev-curate"
    error_message = "Airflow may run other Glue jobs."
  }
  assert {
    condition     = one([for statement in jsondecode(data.aws_iam_policy_document.mwaa.json).Statement : statement.Resource if contains(flatten([statement.Action]), "redshift-data:BatchExecuteStatement")]) == "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/made-here"
    error_message = "Airflow may run SQL in other warehouses."
  }

  # Each role uses only the platform's key.
  assert {
    condition = alltrue(flatten([for document in [data.aws_iam_policy_document.mwaa.json, data.aws_iam_policy_document.glue.json, data.aws_iam_policy_document.copy.json] :
      [for statement in jsondecode(document).Statement : statement.Resource == "arn:aws:kms:us-east-1:123456789012:key/made-here" if anytrue([for action in flatten([statement.Action]) : startswith(action, "kms:")])]
    ]))
    error_message = "A role may use other keys."
  }

  # Buckets accept only TLS.
  assert {
    condition = alltrue([for key, document in data.aws_iam_policy_document.bucket : one([
      for statement in jsondecode(document.json).Statement :
      statement.Effect == "Deny" && statement.Action == "s3:*" && statement.Principal == "*" && statement.Condition == { Bool = { "aws:SecureTransport" = "false" } } &&
      toset(statement.Resource) == toset([for end in ["", "/*"] : "arn:aws:s3:::${local.buckets[key]}${end}"])
      if statement.Sid == "OnlyByTls"
    ])])
    error_message = "A bucket can be read or written without TLS."
  }
  assert {
    condition     = { for key, document in data.aws_iam_policy_document.bucket : key => length([for statement in jsondecode(document.json).Statement : statement if statement.Effect == "Allow"]) } == { access_logs = 1, bundle = 0, lake = 0 }
    error_message = "A bucket policy grants access that it should not."
  }

  # The key is used by services for this account only.
  assert {
    condition = alltrue([for statement in jsondecode(data.aws_iam_policy_document.kms_key.json).Statement :
      contains(keys(statement), "Condition") if contains(keys(statement.Principal), "Service") && statement.Sid != "EventsReachTheEncryptedTopic"
    ])
    error_message = "A service may use the key on behalf of another account."
  }
  assert {
    condition = alltrue([for group in aws_cloudwatch_log_group.this : anytrue([
      for pattern in one([for statement in jsondecode(data.aws_iam_policy_document.kms_key.json).Statement : statement.Condition.ArnLike["kms:EncryptionContext:aws:logs:arn"] if statement.Sid == "CloudWatchLogsEncryptsLogGroups"]) :
      startswith("arn:aws:logs:us-east-1:123456789012:log-group:${group.name}", trimsuffix(pattern, "*"))
    ])])
    error_message = "The key policy does not let CloudWatch Logs encrypt one of the log groups."
  }
  assert {
    condition     = [for statement in jsondecode(data.aws_iam_policy_document.kms_key.json).Statement : statement.Principal.AWS if contains(keys(statement.Principal), "AWS")] == ["arn:aws:iam::123456789012:root"]
    error_message = "Another account may use the key."
  }

  # Alarms, budgets and events reach the topic.
  assert {
    condition = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.alarms.json).Statement : statement.Principal.Service])) == toset(
      ["budgets.amazonaws.com", "cloudwatch.amazonaws.com", "events.amazonaws.com"]
    )
    error_message = "The services that may publish are not exactly CloudWatch, Budgets and EventBridge."
  }
  # With a condition, EventBridge's messages never arrive.
  assert {
    condition = alltrue([for statement in jsondecode(data.aws_iam_policy_document.alarms.json).Statement :
      contains(keys(statement), "Condition") != contains(flatten([statement.Principal.Service]), "events.amazonaws.com")
    ])
    error_message = "The statement for EventBridge has a condition, or another statement has none."
  }
}

run "the_exact_external_id_replaces_the_patterns" {
  command = plan

  variables {
    copy_external_ids = ["arn:aws:redshift:us-east-1:123456789012:dbuser:serverless-123456789012-7f1c0d2e/admin"]
  }

  assert {
    condition     = one(jsondecode(data.aws_iam_policy_document.copy_trust.json).Statement).Condition == { StringLike = { "sts:ExternalId" = one(var.copy_external_ids) } }
    error_message = "Other database users may use COPY's role, too."
  }
}
