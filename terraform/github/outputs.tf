output "repository_variables" {
  description = "Variables of the GitHub repository: `terraform output -json repository_variables`."
  value = {
    ARTIFACT_BUCKET            = aws_s3_bucket.this["artifacts"].id
    AWS_PERMISSIONS_BOUNDARIES = jsonencode({ for environment, policy in aws_iam_policy.boundary : environment => policy.arn })
    AWS_PLAN_ROLE_ARN          = aws_iam_role.github["plan"].arn
    AWS_PUBLISH_ROLE_ARN       = aws_iam_role.github["publish"].arn
    AWS_REGION                 = var.region
    DEPLOY_ENVIRONMENTS        = jsonencode(sort(var.environments))
    TF_STATE_BUCKET            = aws_s3_bucket.this["state"].id
  }
}

output "environment_variables" {
  description = "Variables of each GitHub environment, by environment."
  value       = { for environment in var.environments : environment => { AWS_APPLY_ROLE_ARN = aws_iam_role.github["apply-${environment}"].arn } }
}
