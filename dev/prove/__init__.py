"""``make prove``: Terraform applied to the local AWS, and the platform run on what it made, with IAM enforced."""
