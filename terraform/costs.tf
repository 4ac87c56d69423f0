# What the platform costs, computed from the sizes in the variables. Estimates by list prices: an offer, a discount or traffic
# through the NAT gateway is not in them.

variable "prices" {
  description = "List prices in USD, by default those of us-east-1: https://aws.amazon.com/managed-workflows-for-apache-airflow/pricing/, /redshift/pricing/, /glue/pricing/, /vpc/pricing/, /cloudwatch/pricing/, /kms/pricing/, /secrets-manager/pricing/."
  type = object({
    # An environment has two schedulers, two web servers and one worker in its price.
    mwaa_environment_hour = optional(map(number), { "mw1.small" = 0.49, "mw1.medium" = 0.74, "mw1.large" = 0.99 })
    mwaa_more_hour        = optional(map(number), { "mw1.small" = 0.055, "mw1.medium" = 0.11, "mw1.large" = 0.22 })
    mwaa_database_gb      = optional(number, 0.10)
    redshift_rpu_hour     = optional(number, 0.375)
    redshift_storage_gb   = optional(number, 0.024)
    glue_dpu_hour         = optional(number, 0.44)
    glue_memory_dpu_hour  = optional(number, 0.52) # of the memory-optimized workers R.1X to R.8X
    nat_gateway_hour      = optional(number, 0.045)
    public_ipv4_hour      = optional(number, 0.005)
    endpoint_zone_hour    = optional(number, 0.01)
    kms_key               = optional(number, 1)
    secret                = optional(number, 0.40)
    alarm                 = optional(number, 0.10)
    dashboard             = optional(number, 3)
    metric                = optional(number, 0.30)
  })
  default = {}

  validation {
    condition     = contains(keys(var.prices.mwaa_environment_hour), var.mwaa.environment_class) && contains(keys(var.prices.mwaa_more_hour), var.mwaa.environment_class)
    error_message = "prices has none for mwaa.environment_class: add its hour to mwaa_environment_hour and that of one more worker or scheduler to mwaa_more_hour."
  }
}

variable "usage" {
  description = "What a month and a daily run use, for the estimate: GB in Airflow's database and in the warehouse, minutes of a Glue run, minutes in which the warehouse computes."
  type = object({
    airflow_database_gb = optional(number, 10)
    warehouse_gb        = optional(number, 5)
    glue_minutes        = optional(number, 2)
    warehouse_minutes   = optional(number, 5)
  })
  default = {}

  validation {
    # Glue bills a minute at least, and Redshift Serverless each minute that it begins.
    condition     = var.usage.glue_minutes >= 1 && var.usage.warehouse_minutes >= 1 && var.usage.airflow_database_gb >= 0 && var.usage.warehouse_gb >= 0
    error_message = "usage: a run takes a minute at least, and nothing is negative."
  }
}

locals {
  month_hours = 730
  month_days  = 30.4

  # https://docs.aws.amazon.com/glue/latest/dg/worker-types.html
  worker_dpus = { "G.1X" = 1, "G.2X" = 2, "G.4X" = 4, "G.8X" = 8, "R.1X" = 1, "R.2X" = 2, "R.4X" = 4, "R.8X" = 8 }
  dpu_hour    = startswith(var.glue.worker_type, "R.") ? var.prices.glue_memory_dpu_hour : var.prices.glue_dpu_hour
  # What the bundle sends: six figures of each source and one of each DAG that loads (plugins/crypto_prices/reconciliation.py).
  metric_total = 2 * (6 * length(var.sources) + 1)

  cost_idle_month = {
    airflow = local.month_hours * (
      var.prices.mwaa_environment_hour[var.mwaa.environment_class] +
      var.prices.mwaa_more_hour[var.mwaa.environment_class] * (var.mwaa.min_workers - 1 + max(0, var.mwaa.schedulers - 2))
    ) + var.usage.airflow_database_gb * var.prices.mwaa_database_gb
    network = local.month_hours * (
      length(local.nat_zones) * (var.prices.nat_gateway_hour + var.prices.public_ipv4_hour) +
      length(local.endpoint_services) * length(local.mwaa_subnet_ids) * var.prices.endpoint_zone_hour
    )
    warehouse_storage = var.usage.warehouse_gb * var.prices.redshift_storage_gb
    keys_and_secrets  = (var.kms_key_arn == null ? var.prices.kms_key : 0) + var.prices.secret * (2 + length(aws_secretsmanager_secret.connection))
    observability     = var.prices.alarm * length(local.metric_alarms) + var.prices.dashboard + var.prices.metric * local.metric_total
  }
  cost_daily_run = {
    glue      = var.glue.workers * local.worker_dpus[var.glue.worker_type] * var.usage.glue_minutes / 60 * local.dpu_hour
    warehouse = var.redshift.base_capacity * var.usage.warehouse_minutes / 60 * var.prices.redshift_rpu_hour
  }
}

output "estimated_cost_usd" {
  description = "What it costs idle in a month, for each daily run, and in a month with a run each day. See costs.tf for what is in it."
  value = {
    idle_month = { for what, usd in merge(local.cost_idle_month, { total = sum(values(local.cost_idle_month)) }) : what => format("%.2f", usd) }
    daily_run  = { for what, usd in merge(local.cost_daily_run, { total = sum(values(local.cost_daily_run)) }) : what => format("%.2f", usd) }
    month      = format("%.2f", sum(values(local.cost_idle_month)) + local.month_days * sum(values(local.cost_daily_run)))
  }
}
