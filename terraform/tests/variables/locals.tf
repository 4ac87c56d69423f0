# The platform's variables alone, without its resources: Terraform plans this in milliseconds. The rule that needs this
# local value is tested with the whole platform.
locals {
  airflow_options = {}
}
