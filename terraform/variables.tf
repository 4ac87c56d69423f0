# ------------------------------------------------------------------------------------------------ name and location

variable "region" {
  description = "AWS region of the platform. The exchanges must be reachable from it: Binance blocks some countries."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS region, such as eu-central-1."
  }
}

variable "name" {
  description = "Name of the platform. Every resource's name begins with it and the environment."
  type        = string
  default     = "crypto-prices"

  # A bucket name has at most 63 characters, of which "-access-logs-" and the account ID take 25.
  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 24
    error_message = "name must consist of lowercase letters, digits and single dashes, begin with a letter, and have at most 24 characters."
  }
}

variable "environment" {
  description = "Environment of the platform, such as dev or prod. It keeps platforms in the same account apart."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment must be 2 to 12 lowercase letters and digits and begin with a letter, such as dev."
  }
}

variable "tags" {
  description = "Tags of every resource, in addition to platform = <name>-<environment>."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:") && key != "platform"])
    error_message = "tags cannot contain a key that begins with aws: (reserved by AWS) or the key platform (set by this configuration)."
  }
  validation {
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
    condition     = length(var.tags) <= 9
    error_message = "tags can have at most 9 entries: an S3 object has at most ten tags, and platform is one of them."
  }
}

# ------------------------------------------------------------------------------------------------ bundle

variable "bundle_path" {
  description = "Folder written by `make bundle`: absolute, or relative to this folder."
  type        = string
  default     = "../dist"

  validation {
    condition = alltrue([for file in [
      "plugins.zip", "requirements.txt", "catalog_table.json", "glue/curate_crypto_prices.py", "glue/crypto_prices_etl.zip",
    ] : fileexists("${startswith(var.bundle_path, "/") ? "" : "${path.module}/"}${var.bundle_path}/${file}")])
    error_message = "bundle_path contains no complete bundle: run `make bundle` in the repository first."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of all roles, such as the one that terraform/github/ creates for this environment. Empty: none."
  type        = string
  default     = ""

  validation {
    condition     = var.permissions_boundary_arn == "" || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be empty or the ARN of a policy, such as arn:aws:iam::123456789012:policy/crypto-prices-github-boundary-dev."
  }
  validation {
    condition     = !can(regex("-github-boundary-", var.permissions_boundary_arn)) || endswith(var.permissions_boundary_arn, ":policy/${var.name}-github-boundary-${var.environment}")
    error_message = "permissions_boundary_arn is the boundary of another environment or platform, so no task could read its data. Use policy/<name>-github-boundary-<environment>."
  }
  validation {
    condition     = !can(regex("-github-boundary-", var.permissions_boundary_arn)) || var.catalog_database == null
    error_message = "catalog_database cannot be set together with the boundary of terraform/github/: it and the roles of GitHub's workflows only allow the default database, <name>_<environment>. Remove catalog_database, or use a boundary of your own and deploy by hand."
  }
}

variable "destroy_data" {
  description = "Whether `terraform destroy` may delete buckets that contain objects. The warehouse and its data are always deleted."
  type        = bool
  default     = false
}

# ------------------------------------------------------------------------------------------------ sources and data quality

variable "sources" {
  description = "Sources to load, by name; docs/reference/settings.md describes the keys. An api_url is reachable only through HTTPS on port 443."
  type = map(object({
    symbols             = list(string)
    api_url             = optional(string)
    connection_id       = optional(string)
    requests_per_second = optional(number)
    markets             = optional(map(string))
  }))

  validation {
    condition     = length(var.sources) > 0 && alltrue([for name in keys(var.sources) : can(regex("^[a-z][a-z0-9_]{0,31}$", name))])
    error_message = "sources must have at least one source. A source's name must begin with a letter and have at most 32 lowercase letters, digits and underscores, such as binance."
  }
  validation {
    condition = alltrue([for source in values(var.sources) :
      length(source.symbols) > 0 && length(distinct(source.symbols)) == length(source.symbols) &&
      alltrue([for symbol in source.symbols : can(regex("^[A-Za-z0-9][A-Za-z0-9_:-]{1,63}$", symbol))])
    ])
    error_message = "Each source must list its symbols in the exchange's own spelling, such as BTCUSDT or BTC-USD, without duplicates."
  }
  validation {
    condition     = alltrue([for source in values(var.sources) : source.api_url == null || can(regex("^https?://[^\\s?#]+$", source.api_url))])
    error_message = "A source's api_url must be an http or https URL without a query or fragment."
  }
  validation {
    condition     = alltrue([for source in values(var.sources) : source.connection_id == null || can(regex("^[A-Za-z0-9_.-]{1,250}$", source.connection_id))])
    error_message = "A source's connection_id must consist of letters, digits, underscores, dots and dashes."
  }
  validation {
    condition     = alltrue([for source in values(var.sources) : source.requests_per_second == null || try(source.requests_per_second > 0 && source.requests_per_second <= 1000, false)])
    error_message = "A source's requests_per_second must be more than 0 and at most 1000."
  }
  validation {
    condition = alltrue([for source in values(var.sources) : source.markets == null || try(
      length(setsubtract(keys(source.markets), source.symbols)) == 0 &&
      alltrue([for market in values(source.markets) : can(regex("^[A-Za-z0-9]{1,32}/[A-Za-z0-9]{1,16}$", market))]), false)
    ])
    error_message = "A source's markets must state base and quote, such as BCC/USDT, of symbols that the source lists."
  }
}

variable "candle_interval" {
  description = "Length of a candle."
  type        = string
  default     = "1h"

  validation {
    condition     = can(regex("^[1-9][0-9]?[smhd]$", var.candle_interval))
    error_message = "candle_interval must be a number followed by s, m, h or d, such as 1h."
  }
}

variable "max_rejected_share" {
  description = "Maximum share (0 to 1) of a source's records in a window that may be quarantined. Above it, nothing is published."
  type        = number
  default     = 0.01

  validation {
    condition     = var.max_rejected_share >= 0 && var.max_rejected_share <= 1
    error_message = "max_rejected_share must be between 0 and 1."
  }
}

variable "audit_limit_days" {
  description = "Largest plan that crypto_prices_audit starts by itself, in days of all markets. A user must approve a larger one."
  type        = number
  default     = 7

  validation {
    condition     = var.audit_limit_days >= 0 && floor(var.audit_limit_days) == var.audit_limit_days
    error_message = "audit_limit_days must be a whole number, at least 0."
  }
}

variable "restatement_sample" {
  description = "Number of loaded days of markets that each weekly audit fetches again and compares with the warehouse; 0 for none."
  type        = number
  default     = 20

  validation {
    condition     = var.restatement_sample >= 0 && var.restatement_sample <= 200 && floor(var.restatement_sample) == var.restatement_sample
    error_message = "restatement_sample must be a whole number from 0 to 200."
  }
}

variable "quality_rules" {
  description = "Actions and thresholds of data quality rules that differ from the defaults; docs/reference/settings.md lists the rules."
  type = map(object({
    action    = optional(string)
    threshold = optional(number)
  }))
  default = {}

  validation {
    condition = alltrue([for name, rule in var.quality_rules :
      rule.action == null || contains(["fail", "quarantine", "warn"], coalesce(rule.action, "warn"))
    ])
    error_message = "A quality rule's action must be fail, quarantine or warn."
  }
  validation {
    condition     = alltrue([for rule in values(var.quality_rules) : rule.threshold == null || try(rule.threshold >= 0, false)])
    error_message = "A quality rule's threshold cannot be negative."
  }
  validation {
    condition = alltrue([for name in keys(var.quality_rules) : contains([
      "malformed_record", "unparseable", "non_positive_price", "price_out_of_range", "negative_volume", "negative_trade_count",
      "outside_window", "off_grid", "candle_not_closed", "conflicting_duplicate", "completeness", "price_jump",
    ], name)])
    error_message = "quality_rules contains an unknown rule; docs/reference/settings.md lists the rules."
  }
}

# ------------------------------------------------------------------------------------------------ encryption

variable "kms_key_arn" {
  description = "ARN of your own KMS key, which encrypts everything. By default, a key is created. The key's policy must contain the statements of the output kms_key_policy."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key, not of an alias: arn:aws:kms:<region>:<account>:key/<id>."
  }
  validation {
    # https://docs.aws.amazon.com/mwaa/latest/userguide/custom-keys-certs.html
    condition     = var.kms_key_arn == null || try(!strcontains(var.kms_key_arn, ":key/mrk-"), false)
    error_message = "kms_key_arn must be a single-Region key: MWAA does not support multi-Region keys, whose IDs begin with mrk-."
  }
  validation {
    # https://docs.aws.amazon.com/mwaa/latest/userguide/custom-keys-certs.html
    condition     = var.kms_key_arn == null || try(split(":", var.kms_key_arn)[3] == var.region, false)
    error_message = "kms_key_arn must be a key in the platform's region: MWAA and the buckets cannot use a key from another region."
  }
}

# ------------------------------------------------------------------------------------------------ network

variable "existing_network" {
  description = "Your own VPC, used instead of creating one. MWAA needs two private subnets with a route to the internet. Redshift needs three subnets in three zones."
  type = object({
    vpc_id              = string
    mwaa_subnet_ids     = list(string)
    redshift_subnet_ids = list(string)
  })
  default = null

  validation {
    condition     = var.existing_network == null || try(length(var.existing_network.mwaa_subnet_ids) == 2 && length(distinct(var.existing_network.mwaa_subnet_ids)) == 2, false)
    error_message = "existing_network.mwaa_subnet_ids must be exactly two different subnets in two zones."
  }
  validation {
    condition     = var.existing_network == null || try(length(distinct(var.existing_network.redshift_subnet_ids)) >= 3, false)
    error_message = "existing_network.redshift_subnet_ids must be three or more different subnets in three zones."
  }
}

variable "vpc_cidr" {
  description = "IPv4 range of the created VPC, from /16 to /20. Each subnet gets a sixteenth of it."
  type        = string
  default     = "10.42.0.0/16"

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 20, false)
    error_message = "vpc_cidr must be an IPv4 range from /16 to /20, such as 10.42.0.0/16."
  }
}

variable "availability_zone_ids" {
  description = "IDs of three zones for the subnets, by default the region's first three. Zones that Amazon EKS refuses come last. IDs mean the same zone in every account, names do not. Redshift Serverless supports certain IDs, which its console shows. Pin them for a long-lived platform."
  type        = list(string)
  default     = null

  validation {
    # https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-usage-considerations.html
    condition = var.availability_zone_ids == null || try(
      length(distinct(var.availability_zone_ids)) == 3 && alltrue([for zone in var.availability_zone_ids : can(regex("^[a-z]+[0-9]+-az[0-9]+$", zone))]), false
    )
    error_message = "availability_zone_ids must be the IDs of three different zones, such as [\"use1-az1\", \"use1-az2\", \"use1-az4\"]. `aws ec2 describe-availability-zones` shows the ID of each name."
  }
}

variable "nat_gateways" {
  description = "\"one\" NAT gateway, or one \"per_zone\" of MWAA, so that an outage of one zone does not disconnect the other."
  type        = string
  default     = "one"

  validation {
    condition     = contains(["one", "per_zone"], var.nat_gateways)
    error_message = "nat_gateways must be \"one\" or \"per_zone\"."
  }
}

variable "interface_endpoints" {
  description = "Whether to call AWS APIs through interface endpoints in the VPC instead of the NAT gateway. Each endpoint is billed per hour and zone."
  type        = bool
  default     = false
}

variable "flow_logs" {
  description = "Whether to record the VPC's traffic in CloudWatch Logs."
  type        = bool
  default     = true
}

# ------------------------------------------------------------------------------------------------ data lake

variable "lake_retention" {
  description = "Days to keep older versions of raw objects, quarantined records, and objects that Spark has deleted below curated/."
  type = object({
    raw_noncurrent_days     = optional(number, 90)
    quarantine_days         = optional(number, 180)
    curated_noncurrent_days = optional(number, 7)
  })
  default = {}

  validation {
    condition     = alltrue([for days in values(var.lake_retention) : days >= 1 && floor(days) == days])
    error_message = "lake_retention values must be whole numbers of days, at least 1."
  }
}

variable "access_logs" {
  description = "Whether to log every access to the buckets in a separate bucket."
  type        = bool
  default     = false
}

variable "catalog_database" {
  description = "Glue database of the curated table, by default <name>_<environment> with underscores instead of dashes."
  type        = string
  default     = null

  validation {
    condition     = var.catalog_database == null || can(regex("^[a-z_][a-z0-9_]{0,126}$", var.catalog_database))
    error_message = "catalog_database must consist of lowercase letters, digits and underscores, and begin with a letter or an underscore."
  }
}

# ------------------------------------------------------------------------------------------------ Glue

variable "glue" {
  description = "Size of a Glue run: type and number of workers, timeout in minutes, and maximum number of concurrent runs."
  type = object({
    worker_type         = optional(string, "G.1X")
    workers             = optional(number, 2)
    timeout_minutes     = optional(number, 60)
    max_concurrent_runs = optional(number, 10)
  })
  default = {}

  validation {
    condition     = contains(["G.1X", "G.2X", "G.4X", "G.8X"], var.glue.worker_type)
    error_message = "glue.worker_type must be G.1X, G.2X, G.4X or G.8X."
  }
  validation {
    condition     = var.glue.workers >= 2 && var.glue.workers <= 299 && floor(var.glue.workers) == var.glue.workers
    error_message = "glue.workers must be a whole number from 2 (a driver and a worker) to 299."
  }
  validation {
    # The tasks wait 55 minutes for a run (plugins/crypto_prices/load_window.py), so a longer timeout is never used.
    condition     = var.glue.timeout_minutes >= 5 && var.glue.timeout_minutes <= 60
    error_message = "glue.timeout_minutes must be between 5 and 60: the task does not wait longer for a run."
  }
  validation {
    condition     = var.glue.max_concurrent_runs >= 1 && floor(var.glue.max_concurrent_runs) == var.glue.max_concurrent_runs
    error_message = "glue.max_concurrent_runs must be a whole number, at least 1. It limits how many windows a backfill curates in parallel."
  }
}

# ------------------------------------------------------------------------------------------------ Redshift

variable "redshift" {
  description = "Size of the warehouse in RPUs, the monthly limit in RPU-hours, and the action when the limit is exceeded (log, emit-metric or deactivate)."
  type = object({
    base_capacity     = optional(number, 8)
    max_capacity      = optional(number, 16)
    monthly_rpu_hours = optional(number, 300)
    breach_action     = optional(string, "log")
  })
  default = {}

  validation {
    # https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-capacity.html
    condition     = var.redshift.base_capacity == 4 || var.redshift.base_capacity >= 8 && var.redshift.base_capacity <= 512 && var.redshift.base_capacity % 8 == 0
    error_message = "redshift.base_capacity must be 4, or 8 to 512 in steps of 8."
  }
  validation {
    condition     = var.redshift.max_capacity >= var.redshift.base_capacity && (var.redshift.max_capacity == 4 || var.redshift.max_capacity % 8 == 0)
    error_message = "redshift.max_capacity must be 4 or a multiple of 8, and at least base_capacity."
  }
  validation {
    # https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_CreateUsageLimit.html
    condition     = var.redshift.monthly_rpu_hours >= 1 && floor(var.redshift.monthly_rpu_hours) == var.redshift.monthly_rpu_hours
    error_message = "redshift.monthly_rpu_hours must be a whole number, at least 1."
  }
  validation {
    condition     = contains(["log", "emit-metric", "deactivate"], var.redshift.breach_action)
    error_message = "redshift.breach_action must be log, emit-metric or deactivate."
  }
}

variable "copy_external_ids" {
  description = "Values of sts:ExternalId that let Redshift assume COPY's role, by default patterns of both formats that AWS documents. Set the exact value once CloudTrail has shown it (docs/how-to/deploy-to-aws.md)."
  type        = list(string)
  default     = null

  validation {
    condition = var.copy_external_ids == null || try(
      length(var.copy_external_ids) > 0 && alltrue([for id in var.copy_external_ids : can(regex("^arn:aws[a-z-]*:redshift:[a-z0-9-]+:[0-9]{12}:dbuser:[^/*?]+/[^/*?]+$", id))]), false
    )
    error_message = "copy_external_ids must be ARNs of database users without wildcards: arn:aws:redshift:<region>:<account>:dbuser:serverless-<account>-<workgroup ID>/<user>."
  }
}

# ------------------------------------------------------------------------------------------------ MWAA

variable "mwaa" {
  description = "Size of the Airflow environment, access to its web server, weekly maintenance window (UTC), log level, and additional Airflow configuration options."
  type = object({
    environment_class     = optional(string, "mw1.small")
    min_workers           = optional(number, 1)
    max_workers           = optional(number, 5)
    schedulers            = optional(number, 2)
    public_web_server     = optional(bool, false)
    web_server_cidrs      = optional(list(string), [])
    maintenance_window    = optional(string, "SUN:03:30")
    log_level             = optional(string, "INFO")
    configuration_options = optional(map(string), {})
  })
  default = {}

  validation {
    # mw1.micro has one scheduler and one worker. That is too small for four parallel loads.
    condition     = contains(["mw1.small", "mw1.medium", "mw1.large", "mw1.xlarge", "mw1.2xlarge"], var.mwaa.environment_class)
    error_message = "mwaa.environment_class must be mw1.small, mw1.medium, mw1.large, mw1.xlarge or mw1.2xlarge."
  }
  validation {
    condition     = var.mwaa.min_workers >= 1 && var.mwaa.max_workers >= var.mwaa.min_workers && var.mwaa.max_workers <= 25
    error_message = "mwaa.min_workers must be at least 1. mwaa.max_workers must be at least min_workers and at most 25."
  }
  validation {
    condition     = var.mwaa.schedulers >= 2 && var.mwaa.schedulers <= 5
    error_message = "mwaa.schedulers must be between 2 and 5."
  }
  validation {
    condition     = can(regex("^(MON|TUE|WED|THU|FRI|SAT|SUN):([01][0-9]|2[0-3]):(00|30)$", var.mwaa.maintenance_window))
    error_message = "mwaa.maintenance_window must be a weekday and a full or half hour, such as SUN:03:30."
  }
  validation {
    condition     = contains(["CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG"], var.mwaa.log_level)
    error_message = "mwaa.log_level must be CRITICAL, ERROR, WARNING, INFO or DEBUG."
  }
  validation {
    condition     = alltrue([for range in var.mwaa.web_server_cidrs : can(cidrhost(range, 0)) && range != "0.0.0.0/0"])
    error_message = "mwaa.web_server_cidrs must be the IPv4 ranges that may reach a private web server, such as 10.8.0.0/22. 0.0.0.0/0 is not allowed."
  }
  validation {
    condition     = alltrue([for option in keys(var.mwaa.configuration_options) : !contains(keys(local.airflow_options), option)])
    error_message = "mwaa.configuration_options contains an option that the bundle depends on, such as core.default_timezone, which must be UTC; mwaa.tf sets these options."
  }
}

# ------------------------------------------------------------------------------------------------ secrets

variable "secret_recovery_days" {
  description = "Number of days that a deleted secret can be restored for. 0 deletes secrets immediately, so that their names can be reused."
  type        = number
  default     = 30

  validation {
    condition     = var.secret_recovery_days == 0 || var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30
    error_message = "secret_recovery_days must be 0 or between 7 and 30."
  }
}

# ------------------------------------------------------------------------------------------------ observability

variable "log_retention_days" {
  description = "Days to keep logs."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a value that CloudWatch supports: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "alarm_emails" {
  description = "Email addresses that receive alarms. Each recipient must confirm an email from AWS once."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "alarm_emails must be email addresses, such as data-platform@example.com."
  }
}

variable "runbook_url" {
  description = "URL of docs/how-to/troubleshoot.md, for the links in alarms and at the end of failed tasks' logs. By default, they contain its path in the repository."
  type        = string
  default     = "docs/how-to/troubleshoot.md"

  validation {
    # EventBridge puts it into a JSON string, where these characters would need escapes or start a variable.
    condition     = can(regex("^[^\\s\"<>#\\\\]{1,300}$", var.runbook_url))
    error_message = "runbook_url must be a URL or a path without spaces, quotes, <, >, \\ and a fragment, because each alarm adds the fragment of its section."
  }
}

variable "alarms" {
  description = "Alarm thresholds: failed task tries in 15 minutes, hours without a daily load of a source, and RPU-hours of the warehouse in a day."
  type = object({
    failed_tries    = optional(number, 5)
    freshness_hours = optional(number, 30)
    daily_rpu_hours = optional(number, 24)
  })
  default = {}

  validation {
    condition     = var.alarms.failed_tries >= 1
    error_message = "alarms.failed_tries must be at least 1."
  }
  validation {
    # The amount of a usage limit.
    # https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_CreateUsageLimit.html
    condition     = var.alarms.daily_rpu_hours >= 1 && floor(var.alarms.daily_rpu_hours) == var.alarms.daily_rpu_hours
    error_message = "alarms.daily_rpu_hours must be a whole number, at least 1."
  }
  validation {
    # Loads are daily, and CloudWatch looks back at most seven days.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    condition     = var.alarms.freshness_hours >= 25 && var.alarms.freshness_hours <= 168 && floor(var.alarms.freshness_hours) == var.alarms.freshness_hours
    error_message = "alarms.freshness_hours must be a whole number from 25 (loads are daily) to 168 (CloudWatch looks back at most a week)."
  }
}

variable "monthly_budget_usd" {
  description = "Monthly budget in US dollars for all resources tagged platform = <name>-<environment>. Alarms are sent at 80 % and 100 %. There is no budget by default. Activate the tag as a cost allocation tag first."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null || try(var.monthly_budget_usd > 0, false)
    error_message = "monthly_budget_usd must be more than 0."
  }
}

variable "athena" {
  description = "Creates a workgroup of Athena with named queries of the curated candles. No workgroup by default. scan_limit_gb: most gigabytes that one query may scan. result_days: days until results are deleted. Users need their own permissions for Athena, the Glue catalog, the lake and its key. The roles of GitHub's workflows can change scan_limit_gb and the queries. An administrator creates the workgroup and changes result_days."
  type = object({
    scan_limit_gb = optional(number, 10)
    result_days   = optional(number, 30)
  })
  default = null

  validation {
    condition     = var.athena == null || try(var.athena.scan_limit_gb >= 0.01 && var.athena.result_days >= 1 && floor(var.athena.result_days) == var.athena.result_days, false)
    error_message = "athena.scan_limit_gb must be at least 0.01, and athena.result_days a whole number, at least 1."
  }
}

# ------------------------------------------------------------------------------------------------ costs

variable "prices" {
  description = "List prices in USD, by default those of us-east-1: https://aws.amazon.com/managed-workflows-for-apache-airflow/pricing/, /redshift/pricing/, /glue/pricing/, /vpc/pricing/, /cloudwatch/pricing/, /kms/pricing/, /secrets-manager/pricing/."
  type = object({
    # The price of an environment includes two schedulers, two web servers and one worker.
    mwaa_environment_hour = optional(map(number), { "mw1.small" = 0.49, "mw1.medium" = 0.74, "mw1.large" = 0.99 })
    mwaa_more_hour        = optional(map(number), { "mw1.small" = 0.055, "mw1.medium" = 0.11, "mw1.large" = 0.22 })
    mwaa_database_gb      = optional(number, 0.10)
    redshift_rpu_hour     = optional(number, 0.375)
    redshift_storage_gb   = optional(number, 0.024)
    glue_dpu_hour         = optional(number, 0.44)
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
    error_message = "prices has no entry for mwaa.environment_class: add its hourly price to mwaa_environment_hour, and the hourly price of one more worker or scheduler to mwaa_more_hour."
  }
}

variable "usage" {
  description = "Usage that the cost estimate assumes: GB in Airflow's database and in the warehouse, and per daily run the minutes of Glue and of warehouse compute."
  type = object({
    airflow_database_gb = optional(number, 10)
    warehouse_gb        = optional(number, 5)
    glue_minutes        = optional(number, 2)
    warehouse_minutes   = optional(number, 5)
  })
  default = {}

  validation {
    # Glue bills at least one minute, and Redshift Serverless bills every minute that it starts.
    condition     = var.usage.glue_minutes >= 1 && var.usage.warehouse_minutes >= 1 && var.usage.airflow_database_gb >= 0 && var.usage.warehouse_gb >= 0
    error_message = "usage.glue_minutes and usage.warehouse_minutes must be at least 1. usage.airflow_database_gb and usage.warehouse_gb cannot be negative."
  }
}
