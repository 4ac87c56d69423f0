# Values that are refused, each with the rule that refuses it.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/made-here" }
  }
}

variables {
  subject_prefix = "repo:our-company@1/platform@2"
}

run "refuses_a_region_that_is_none" {
  command = plan

  variables {
    region = "nowhere"
  }

  expect_failures = [var.region]
}

run "refuses_a_name_with_capitals" {
  command = plan

  variables {
    name = "Crypto"
  }

  expect_failures = [var.name]
}

run "refuses_a_subject_with_a_wildcard" {
  command = plan

  variables {
    subject_prefix = "repo:our-company/*"
  }

  expect_failures = [var.subject_prefix]
}

run "refuses_an_environment_of_a_reserved_name" {
  command = plan

  variables {
    environments = ["github"]
  }

  expect_failures = [var.environments]
}

run "refuses_a_reserved_tag" {
  command = plan

  variables {
    tags = { platform = "mine" }
  }

  expect_failures = [var.tags]
}

run "accepts_a_subject_without_ids" {
  command = plan

  variables {
    subject_prefix = "repo:our-company/platform"
  }
}
