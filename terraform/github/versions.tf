# Connects an AWS account with a GitHub repository: an administrator applies this once per account, before the platform.
# docs/how-to/deploy-from-github.md has the steps.
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
    tags = merge(var.tags, { platform = "${var.name}-github" })
  }
}
