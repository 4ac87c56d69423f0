# The network: private subnets for MWAA and Redshift, outbound access to the exchanges' APIs, and endpoints for AWS APIs.
# The only inbound access is from mwaa.web_server_cidrs. With existing_network, only the two security groups are created.

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:the first three by ID; zones that AWS adds come last, and availability_zone_ids pins the choice

  state = "available"

  # Local Zones offer neither MWAA nor Redshift.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }

  lifecycle {
    postcondition {
      condition     = !local.own_network || var.availability_zone_ids != null || length(self.zone_ids) >= 3
      error_message = "The region offers this account fewer than three availability zones: set existing_network to your own VPC."
    }
  }
}

locals {
  own_network = var.existing_network == null
  # By ID: Redshift Serverless supports certain zone IDs. A name is a different zone in each account.
  # https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-usage-considerations.html
  zones = !local.own_network ? [] : coalesce(var.availability_zone_ids, slice(local.offered_zones, 0, min(3, length(local.offered_zones))))
  # Zones that Amazon EKS refuses come last. Redshift's and MWAA's pages name no IDs, so they may accept these zones.
  # https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
  refused_by_eks = toset(["cac1-az3", "use1-az3", "usw1-az2"])
  offered_zones = concat(
    sort(setsubtract(data.aws_availability_zones.available.zone_ids, local.refused_by_eks)),
    sort(setintersection(data.aws_availability_zones.available.zone_ids, local.refused_by_eks)),
  )

  # Redshift Serverless: three subnets in three zones work with and without enhanced VPC routing. (Without it, AWS now accepts
  # two.) Northern California offers new accounts only two zones: pass three subnets in existing_network there.
  # https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-usage-considerations.html
  private_zones = local.own_network ? toset(local.zones) : toset([])
  # MWAA: exactly two subnets in two zones. https://docs.aws.amazon.com/mwaa/latest/userguide/networking-about.html
  mwaa_zones = !local.own_network ? [] : slice(local.zones, 0, 2)
  nat_zones  = !local.own_network ? toset([]) : var.nat_gateways == "one" ? toset([local.zones[0]]) : toset(local.mwaa_zones)

  vpc_id              = local.own_network ? aws_vpc.this[0].id : var.existing_network.vpc_id
  mwaa_subnet_ids     = local.own_network ? [for zone in local.mwaa_zones : aws_subnet.private[zone].id] : var.existing_network.mwaa_subnet_ids
  redshift_subnet_ids = local.own_network ? [for zone in local.zones : aws_subnet.private[zone].id] : var.existing_network.redshift_subnet_ids

  # Services that tasks, Airflow's containers and their logs call. https://docs.aws.amazon.com/mwaa/latest/userguide/vpc-vpe-create-access.html
  endpoint_services = toset(local.own_network && var.interface_endpoints ? [
    "airflow.api", "airflow.env", "glue", "kms", "logs", "monitoring", "redshift-data", "secretsmanager", "sqs", "sts",
  ] : [])
}

resource "aws_vpc" "this" {
  count = local.own_network ? 1 : 0

  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # private DNS names of the interface endpoints need both

  tags = { Name = local.name }
}

# AWS assigns this group to resources without a security group. It allows no traffic.
resource "aws_default_security_group" "closed" {
  count = local.own_network ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = { Name = "${local.name}-default-closed" }
}

# ------------------------------------------------------------------------------------------------ private subnets

resource "aws_subnet" "private" {
  for_each = local.private_zones

  vpc_id               = aws_vpc.this[0].id
  availability_zone_id = each.key
  cidr_block           = cidrsubnet(var.vpc_cidr, 4, index(local.zones, each.key))

  tags = { Name = "${local.name}-private-${each.key}" }
}

resource "aws_route_table" "private" {
  for_each = local.private_zones

  vpc_id = aws_vpc.this[0].id
  tags   = { Name = "${local.name}-private-${each.key}" }
}

resource "aws_route_table_association" "private" {
  for_each = local.private_zones

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[each.key].id
}

# The third zone is used only by Redshift, which needs no outbound access and so no NAT gateway.
resource "aws_route" "private_to_nat" {
  for_each = local.own_network ? toset(local.mwaa_zones) : toset([])

  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[contains(local.nat_zones, each.key) ? each.key : local.zones[0]].id
}

# ------------------------------------------------------------------------------------------------ outbound access

resource "aws_internet_gateway" "this" {
  count = local.own_network ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = { Name = local.name }
}

resource "aws_subnet" "public" {
  for_each = local.nat_zones

  vpc_id               = aws_vpc.this[0].id
  availability_zone_id = each.key
  cidr_block           = cidrsubnet(var.vpc_cidr, 4, 8 + index(local.zones, each.key))

  tags = { Name = "${local.name}-public-${each.key}" }
}

resource "aws_route_table" "public" {
  count = local.own_network ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = { Name = "${local.name}-public" }
}

resource "aws_route" "public_to_internet" {
  count = local.own_network ? 1 : 0

  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "public" {
  for_each = local.nat_zones

  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_eip" "nat" {
  for_each = local.nat_zones

  domain = "vpc"
  tags   = { Name = "${local.name}-nat-${each.key}" }
}

resource "aws_nat_gateway" "this" {
  for_each = local.nat_zones

  subnet_id     = aws_subnet.public[each.key].id
  allocation_id = aws_eip.nat[each.key].id
  tags          = { Name = "${local.name}-${each.key}" }

  depends_on = [aws_internet_gateway.this]
}

# ------------------------------------------------------------------------------------------------ endpoints

# This endpoint is free, and it keeps the lake's traffic off the NAT gateway, which is billed by traffic. The endpoint has AWS's
# default policy, which allows everything: pip and MWAA read AWS-owned buckets that cannot be enumerated. The roles (iam.tf) and
# the bucket policies (storage.tf) control access.
resource "aws_vpc_endpoint" "s3" {
  count = local.own_network ? 1 : 0

  vpc_id            = aws_vpc.this[0].id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]

  tags = { Name = "${local.name}-s3" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.endpoint_services

  vpc_id              = aws_vpc.this[0].id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = local.mwaa_subnet_ids
  security_group_ids  = [aws_security_group.mwaa.id] # its members can reach each other
  private_dns_enabled = true

  tags = { Name = "${local.name}-${each.key}" }
}

# ------------------------------------------------------------------------------------------------ security groups

# MWAA's components reach each other and the database within this group, and call APIs through HTTPS.
# https://docs.aws.amazon.com/mwaa/latest/userguide/vpc-security.html
resource "aws_security_group" "mwaa" {
  name        = "${local.name}-mwaa"
  description = "Airflow environment ${local.name}"
  vpc_id      = local.vpc_id

  tags = { Name = "${local.name}-mwaa" }
}

resource "aws_vpc_security_group_ingress_rule" "mwaa_itself" {
  security_group_id            = aws_security_group.mwaa.id
  description                  = "Within the environment"
  ip_protocol                  = "-1"
  referenced_security_group_id = aws_security_group.mwaa.id
}

resource "aws_vpc_security_group_egress_rule" "mwaa_itself" {
  security_group_id            = aws_security_group.mwaa.id
  description                  = "Within the environment"
  ip_protocol                  = "-1"
  referenced_security_group_id = aws_security_group.mwaa.id
}

resource "aws_vpc_security_group_egress_rule" "mwaa_https" {
  security_group_id = aws_security_group.mwaa.id
  description       = "APIs of AWS and of the exchanges"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

# Ranges of users who reach a private web server, such as a client VPN, a bastion host or a peered office network.
# https://docs.aws.amazon.com/mwaa/latest/userguide/vpc-vpe-access.html
resource "aws_vpc_security_group_ingress_rule" "web_server" {
  for_each = toset(var.mwaa.web_server_cidrs)

  security_group_id = aws_security_group.mwaa.id
  description       = "Airflow web server"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = each.key
}

# This group has no rules. Clients use the Redshift Data API, which needs no network path, and the warehouse reads S3 through
# AWS's own network. To connect a BI tool, add a rule for its group.
resource "aws_security_group" "redshift" {
  name        = "${local.name}-redshift"
  description = "Warehouse ${local.name}: no network access"
  vpc_id      = local.vpc_id

  tags = { Name = "${local.name}-redshift" }
}

# ------------------------------------------------------------------------------------------------ flow logs

locals {
  flow_log = local.own_network && var.flow_logs
}

resource "aws_flow_log" "this" {
  count = local.flow_log ? 1 : 0

  vpc_id               = aws_vpc.this[0].id
  traffic_type         = "ALL"
  log_destination_type = "cloud-watch-logs"
  log_destination      = aws_cloudwatch_log_group.this["flow_log"].arn
  iam_role_arn         = aws_iam_role.flow_logs[0].arn
}
