variable "region" {
  description = "AWS region of the buckets, and of the platform's environments."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS region, such as eu-central-1."
  }
}

variable "name" {
  description = "Name of the platform, the same as in its own variables."
  type        = string
  default     = "crypto-prices"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 24
    error_message = "name must consist of lowercase letters, digits and single dashes, begin with a letter, and have at most 24 characters."
  }
}

variable "subject_prefix" {
  description = "Beginning of the subject in the repository's OIDC tokens: repo:owner@owner-id/repository@repository-id, or without the IDs for a repository that was created before July 15, 2026."
  type        = string

  # A wildcard here would let other repositories assume the roles.
  validation {
    condition     = can(regex("^repo:[A-Za-z0-9-]+(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?$", var.subject_prefix))
    error_message = "subject_prefix must be repo:owner@owner-id/repository@repository-id (or without the IDs), without wildcards."
  }
}

variable "environments" {
  description = "Environments that GitHub may deploy to. Each has a GitHub environment of the same name and a file in terraform/environments/."
  type        = set(string)
  default     = ["dev"]

  # Roles and buckets of this configuration are named <name>-github-..., <name>-terraform-... and <name>-artifacts-...
  validation {
    condition     = length(var.environments) > 0 && alltrue([for name in var.environments : can(regex("^[a-z][a-z0-9]{1,11}$", name)) && !contains(["artifacts", "github", "release", "terraform"], name)])
    error_message = "environments must be names of 2 to 12 lowercase letters and digits that begin with a letter, other than artifacts, github, release and terraform."
  }
}

variable "create_oidc_provider" {
  description = "Whether to create the account's OIDC provider for GitHub. An account has at most one; set it to false if it exists."
  type        = bool
  default     = true
}

variable "destroy_data" {
  description = "Whether `terraform destroy` may delete the buckets with the states and the releases."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of every resource, in addition to platform = <name>-github."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:") && key != "platform"])
    error_message = "tags cannot contain a key that begins with aws: (reserved by AWS) or the key platform (set by this configuration)."
  }
}
