# Encrypted logs with a retention, alarms with recipients, one dashboard, and a budget.

locals {
  metrics_namespace = "CryptoPrices"

  # Metrics and dimensions: https://docs.aws.amazon.com/mwaa/latest/userguide/access-metrics-cw.html
  airflow_namespace = "AmazonMWAA"
  scheduler         = { Environment = local.name, Function = "Scheduler" }
  dag_processing    = { Environment = local.name, Function = "DAG Processing" }
  all_tasks         = { Environment = local.name, DAG = "All", Task = "All" }
  daily_usage       = { UsageLimitId = aws_redshiftserverless_usage_limit.daily.id, UsageType = "SERVERLESS_COMPUTE", Workgroup = local.name }
  # Each DAG's file has the DAG's name, as tests/dags checks.
  dags = toset([for file in fileset(local.bundle, "dags/*.py") : trimsuffix(basename(file), ".py")])
}

# ------------------------------------------------------------------------------------------------ logs

locals {
  flow_log_group = "/vpc/${local.name}/flow-logs"

  # The first service that writes to a missing log group creates it without a key and with unlimited retention. So all groups
  # are created here, under the names that MWAA, Glue and Redshift use.
  log_groups = merge(
    { for module in local.mwaa_log_modules : "mwaa_${module}" => "airflow-${local.name}-${module}" },
    { for stream, group in local.glue_log_groups : "glue_${stream}" => group },
    # https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-audit-logging.html
    { for log in local.redshift_logs : "redshift_${log}" => "/aws/redshift/${local.name}/${log}" },
    local.flow_log ? { flow_log = local.flow_log_group } : {},
  )
  # The key policy lets CloudWatch Logs encrypt groups with these prefixes.
  log_group_prefixes = [
    "airflow-${local.name}-", "${local.glue_log_prefix}/", "/aws/redshift/${local.name}/", "/vpc/${local.name}/",
  ]
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.log_groups
  #checkov:skip=CKV_AWS_338:retention is a variable (log_retention_days), a year by default and less where old logs have no use

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key_arn
}

# ------------------------------------------------------------------------------------------------ recipients of alarms

resource "aws_sns_topic" "alarms" {
  name              = "${local.name}-alarms"
  kms_master_key_id = local.kms_key_arn
}

locals {
  alarm_topic_arn = aws_sns_topic.alarms.arn
}

data "aws_iam_policy_document" "alarms" {
  # https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html
  statement {
    sid       = "AlarmsAndBudgetsOfThisAccount"
    actions   = ["sns:Publish"]
    resources = [local.alarm_topic_arn]

    principals {
      type        = "Service"
      identifiers = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }

  # No condition: with one, EventBridge's messages never arrive.
  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
  statement {
    sid       = "EventsOfGlue"
    actions   = ["sns:Publish"]
    resources = [local.alarm_topic_arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.alarm_emails)

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

# ------------------------------------------------------------------------------------------------ Glue

# Not STOPPED: a user or Airflow stopped that run. https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
resource "aws_cloudwatch_event_rule" "glue_failed" {
  name        = "${local.name}-glue-failed"
  description = "A run of ${local.glue_job} failed or timed out"

  event_pattern = jsonencode({
    source      = ["aws.glue"]
    detail-type = ["Glue Job State Change"]
    detail      = { jobName = [local.glue_job], state = ["FAILED", "TIMEOUT"] }
  })
}

resource "aws_cloudwatch_event_target" "glue_failed" {
  rule      = aws_cloudwatch_event_rule.glue_failed.name
  target_id = "alarms"
  arn       = aws_sns_topic.alarms.arn

  input_transformer {
    # Not the error's text: EventBridge does not escape values, so a quote in it would make the message invalid JSON, and no email
    # would be sent. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html#eb-transform-input-issues
    input_paths = {
      job   = "$.detail.jobName"
      run   = "$.detail.jobRunId"
      state = "$.detail.state"
    }
    input_template = "\"Glue run <run> of <job>: <state>. Airflow retries the task. See ${var.runbook_url}#glue-failed\""
  }
}

# ------------------------------------------------------------------------------------------------ alarms

locals {
  # Each alarm compares one metric with one threshold. Its section is a heading in the runbook.
  metric_alarms = merge(
    { for dag in local.dags : "dag-failed-${replace(dag, "_", "-")}" => {
      description = "A run of ${dag} has failed."
      section     = "dag-failed"
      namespace   = local.airflow_namespace
      metric      = "DAGDurationFailed" # one value for each failed run
      dimensions  = { Environment = local.name, DAG = dag }
      statistic   = "SampleCount"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      seconds     = 300
      periods     = 1
      missing     = "notBreaching"
    } },
    { for dag in ["crypto_prices_daily", "crypto_prices_window"] : "load-does-not-add-up-${replace(dag, "_", "-")}" => {
      description = "Two steps of a load by ${dag} counted different numbers of records."
      section     = "load-does-not-add-up"
      namespace   = local.metrics_namespace
      metric      = "LoadsReconciled" # 1 or 0, plugins/crypto_prices/reconcile/metrics.py
      dimensions  = { Dag = dag }
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = 1
      seconds     = 300
      periods     = 1
      missing     = "notBreaching"
    } },
    { for source in keys(var.sources) : "stale-${replace(source, "_", "-")}" => {
      description = "No daily load of ${source} has been reconciled for ${var.alarms.freshness_hours} hours."
      section     = "stale"
      namespace   = local.metrics_namespace
      metric      = "RecordsFetched" # plugins/crypto_prices/reconcile/metrics.py
      dimensions  = { Dag = "crypto_prices_daily", Source = source }
      statistic   = "SampleCount"
      comparison  = "LessThanThreshold"
      threshold   = 1
      seconds     = 3600
      periods     = var.alarms.freshness_hours
      missing     = "breaching"
    } },
    {
      # A run of crypto_prices_marts sends this metric even if there was nothing to refresh, and there is one every night.
      marts-stale = {
        description = "No refresh of the marts has ended for ${var.alarms.freshness_hours} hours."
        section     = "marts-stale"
        namespace   = local.metrics_namespace
        metric      = "MartsLoadsBehind" # plugins/crypto_prices/marts/report_freshness.py
        dimensions  = { Dag = "crypto_prices_marts" }
        statistic   = "SampleCount"
        comparison  = "LessThanThreshold"
        threshold   = 1
        seconds     = 3600
        periods     = var.alarms.freshness_hours
        missing     = "breaching"
      }
      tasks-failing = {
        description = "Task tries fail more often than retries should have to cover."
        section     = "tasks-failing"
        namespace   = local.airflow_namespace
        metric      = "TaskInstanceFailures"
        dimensions  = local.all_tasks
        statistic   = "Sum"
        comparison  = "GreaterThanOrEqualToThreshold"
        threshold   = var.alarms.failed_tries
        seconds     = 900
        periods     = 1
        missing     = "notBreaching"
      }
      scheduler-silent = {
        description = "Airflow's scheduler has sent no heartbeat for 15 minutes, so nothing is loaded."
        section     = "scheduler-silent"
        namespace   = local.airflow_namespace
        metric      = "SchedulerHeartbeat"
        dimensions  = local.scheduler
        statistic   = "Sum"
        comparison  = "LessThanThreshold"
        threshold   = 1
        seconds     = 300
        periods     = 3
        missing     = "breaching"
      }
      dags-not-importable = {
        description = "A DAG file cannot be imported: the last deployment is broken."
        section     = "dags-not-importable"
        namespace   = local.airflow_namespace
        metric      = "ImportErrors"
        dimensions  = local.dag_processing
        statistic   = "Maximum"
        comparison  = "GreaterThanOrEqualToThreshold"
        threshold   = 1
        seconds     = 300
        periods     = 2
        missing     = "notBreaching"
      }
      # UsageLimitConsumed is "the number of RPU-hours that the workgroup has already queried in the given limit":
      # https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-audit-logging.html
      # ComputeSeconds is not used, because AWS's pages do not agree on it. The page above describes the metric as the
      # RPU-seconds "used in the last 30 minutes" and does not say how often it is published, so the sum of a day may
      # count seconds more than once. SYS_SERVERLESS_USAGE has compute_seconds of one minute, and AWS calculates costs
      # from its charged_seconds, which is no metric: https://docs.aws.amazon.com/redshift/latest/dg/SYS_SERVERLESS_USAGE.html
      # AWS does not document whether UsageLimitConsumed is rounded. A value rounded up to whole RPU-hours raises the alarm
      # up to one RPU-hour before the threshold.
      warehouse-expensive = {
        description = "Redshift counts ${var.alarms.daily_rpu_hours} RPU-hours of the warehouse today. If it rounds up, the usage is up to one RPU-hour lower."
        section     = "warehouse-expensive"
        namespace   = "AWS/Redshift-Serverless"
        metric      = "UsageLimitConsumed"
        dimensions  = local.daily_usage
        statistic   = "Maximum"
        comparison  = "GreaterThanOrEqualToThreshold"
        threshold   = var.alarms.daily_rpu_hours
        seconds     = 3600
        periods     = 1
        missing     = "notBreaching"
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.metric_alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "${each.value.description} See ${var.runbook_url}#${each.value.section}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.seconds
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  # Alarms that treat missing data as breaching would fire while the environment is being created.
  depends_on = [aws_mwaa_environment.this]
}

# ------------------------------------------------------------------------------------------------ dashboard

locals {
  by_source = { for metric in ["RecordsFetched", "RecordsCurated", "RecordsQuarantined", "RecordsDuplicate", "RowsMerged", "RowsRemoved"] :
    metric => [for source in sort(keys(var.sources)) : [local.metrics_namespace, metric, "Dag", "crypto_prices_daily", "Source", source]]
  }
  airflow_dimensions = { for name, dimensions in { scheduler = local.scheduler, dag_processing = local.dag_processing, all_tasks = local.all_tasks } :
    name => flatten([for key in sort(keys(dimensions)) : [key, dimensions[key]]])
  }
  glue_dimensions  = ["JobName", local.glue_job, "JobRunId", "ALL", "Type"]
  usage_dimensions = flatten([for key in sort(keys(local.daily_usage)) : [key, local.daily_usage[key]]])

  # In the order that a record passes the steps. The period is in seconds.
  widgets = [
    { title = "Records fetched", stat = "Sum", period = 86400, metrics = local.by_source.RecordsFetched },
    { title = "Records curated", stat = "Sum", period = 86400, metrics = local.by_source.RecordsCurated },
    { title = "Rejected and duplicate", stat = "Sum", period = 86400, metrics = concat(local.by_source.RecordsQuarantined, local.by_source.RecordsDuplicate) },
    { title = "Rows merged and removed", stat = "Sum", period = 86400, metrics = concat(local.by_source.RowsMerged, local.by_source.RowsRemoved) },
    { title = "Duration of successful runs (ms)", stat = "Average", period = 3600, metrics = [
      for dag in sort(tolist(local.dags)) : [local.airflow_namespace, "DAGDurationSuccess", "DAG", dag, "Environment", local.name]
    ] },
    { title = "Failed runs", stat = "SampleCount", period = 3600, metrics = [
      for dag in sort(tolist(local.dags)) : [local.airflow_namespace, "DAGDurationFailed", "DAG", dag, "Environment", local.name]
    ] },
    { title = "Task tries", stat = "Sum", period = 900, metrics = [
      for metric in ["TaskInstanceSuccesses", "TaskInstanceFailures"] : concat([local.airflow_namespace, metric], local.airflow_dimensions.all_tasks)
    ] },
    { title = "Scheduler", stat = "Sum", period = 300, metrics = [concat([local.airflow_namespace, "SchedulerHeartbeat"], local.airflow_dimensions.scheduler)] },
    { title = "Glue: Spark tasks and failures", stat = "Sum", period = 300, metrics = [
      for metric in ["numCompletedTasks", "numFailedTasks"] : concat(["Glue", "glue.driver.aggregate.${metric}"], local.glue_dimensions, ["count"])
    ] },
    { title = "Glue: driver memory and CPU", stat = "Maximum", period = 300, metrics = [
      for metric in ["jvm.heap.usage", "system.cpuSystemLoad"] : concat(["Glue", "glue.driver.${metric}"], local.glue_dimensions, ["gauge"])
    ] },
    { title = "Warehouse: RPU-hours of the day", stat = "Maximum", period = 3600, metrics = [
      concat(["AWS/Redshift-Serverless", "UsageLimitConsumed"], local.usage_dimensions)
    ] },
    { title = "Loads that the marts lack", stat = "Maximum", period = 3600, metrics = [[local.metrics_namespace, "MartsLoadsBehind", "Dag", "crypto_prices_marts"]] },
    { title = "Warehouse: megabytes", stat = "Maximum", period = 86400, metrics = [["AWS/Redshift-Serverless", "DataStorage", "Namespace", local.name]] },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type       = "alarm"
        x          = 0
        y          = 0
        width      = 24
        height     = 4
        properties = { title = "Alarms of ${local.name}", alarms = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.arn] }
      }],
      [for index, widget in local.widgets : {
        type   = "metric"
        x      = 12 * (index % 2)
        y      = 4 + 6 * floor(index / 2)
        width  = 12
        height = 6
        properties = {
          title   = widget.title
          metrics = widget.metrics
          stat    = widget.stat
          period  = widget.period
          view    = "timeSeries"
          region  = var.region
        }
      }],
    )
  })
}

# ------------------------------------------------------------------------------------------------ budget

# The tag identifies the platform's costs, once it has been activated as a cost allocation tag:
# https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html
resource "aws_budgets_budget" "monthly" {
  count = var.monthly_budget_usd == null ? 0 : 1

  name         = local.name
  budget_type  = "COST"
  limit_amount = var.monthly_budget_usd
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = ["user:platform${"$"}${local.name}"]
  }

  dynamic "notification" {
    for_each = [80, 100]

    content {
      notification_type         = "ACTUAL"
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [aws_sns_topic.alarms.arn]
    }
  }

  # AWS Budgets checks immediately that it can publish to the topic.
  depends_on = [aws_sns_topic_policy.alarms]
}
