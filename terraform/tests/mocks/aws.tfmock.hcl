# Values that AWS would return, as far as the tests use them.

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws" }
}

mock_data "aws_availability_zones" {
  # In the order of the names, as the provider returns them. Which name an ID has differs between accounts.
  defaults = { zone_ids = ["use1-az4", "use1-az6", "use1-az1", "use1-az2", "use1-az3"] }
}

# policies.tftest.hcl checks the policies with the real provider.
mock_data "aws_iam_policy_document" {
  defaults = { json = "{}" }
}

mock_resource "aws_kms_key" {
  override_during = plan
  defaults        = { arn = "arn:aws:kms:us-east-1:123456789012:key/made-here" }
}

mock_resource "aws_iam_role" {
  override_during = plan
  defaults        = { arn = "arn:aws:iam::123456789012:role/a-role" }
}

mock_resource "aws_sns_topic" {
  override_during = plan
  defaults        = { arn = "arn:aws:sns:us-east-1:123456789012:alarms" }
}

mock_resource "aws_redshiftserverless_namespace" {
  override_during = plan
  defaults        = { admin_password_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:redshift!admin-AbCdEf" }
}

mock_resource "aws_redshiftserverless_usage_limit" {
  override_during = plan
  defaults        = { id = "a-usage-limit" }
}

mock_resource "aws_s3_object" {
  override_during = plan
  defaults        = { version_id = "version-1" }
}

mock_resource "aws_cloudwatch_metric_alarm" {
  override_during = plan
  defaults        = { arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:an-alarm" }
}
