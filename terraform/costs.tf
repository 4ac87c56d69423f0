# Cost estimate, computed from the sizes in the variables and from list prices. It does not include free tiers, discounts or
# traffic through the NAT gateway.

locals {
  month_hours = 730
  month_days  = 30.4

  # https://docs.aws.amazon.com/glue/latest/dg/worker-types.html
  worker_dpus = { "G.1X" = 1, "G.2X" = 2, "G.4X" = 4, "G.8X" = 8 }
  # Each of the two DAGs that load publishes six metrics per source, and LoadsReconciled
  # (plugins/crypto_prices/reconcile/metrics.py).
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
    glue      = var.glue.workers * local.worker_dpus[var.glue.worker_type] * var.usage.glue_minutes / 60 * var.prices.glue_dpu_hour
    warehouse = var.redshift.base_capacity * var.usage.warehouse_minutes / 60 * var.prices.redshift_rpu_hour
  }
}

output "estimated_cost_usd" {
  description = "Estimated cost of an idle month, of each daily run, and of a month with daily runs. costs.tf shows what is included."
  value = {
    idle_month = { for what, usd in merge(local.cost_idle_month, { total = sum(values(local.cost_idle_month)) }) : what => format("%.2f", usd) }
    daily_run  = { for what, usd in merge(local.cost_daily_run, { total = sum(values(local.cost_daily_run)) }) : what => format("%.2f", usd) }
    month      = format("%.2f", sum(values(local.cost_idle_month)) + local.month_days * sum(values(local.cost_daily_run)))
  }
}
