# Terraform 1.11 made the S3 backend's lock file stable (backend.tf.example), and lets tests override values at plan
# time (tests/policies.tftest.hcl).
# https://developer.hashicorp.com/terraform/language/backend/s3#state-locking
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, { platform = local.name })
  }
}
