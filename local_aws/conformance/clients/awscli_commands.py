"""Runs commands of the AWS CLI."""

import json
import os
import subprocess
import tempfile

bucket, prefix = os.environ["CONFORMANCE_BUCKET"], os.environ["CONFORMANCE_PREFIX"]


def aws(*arguments: str) -> str:
    """Return what a command prints."""
    done = subprocess.run(["aws", *arguments], capture_output=True, text=True, check=False)  # noqa: S607
    return done.stdout.strip() or done.stderr.strip()


place = f"s3://{bucket}/{prefix}/awscli/a.txt"
with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
    file.write("abc")
    file.flush()
    aws("s3", "cp", file.name, place)
print(aws("s3", "cp", place, "-"))
print(aws("s3", "ls", place).split()[2:])
aws("s3", "rm", place)
print(aws("s3api", "head-object", "--bucket", bucket, "--key", f"{prefix}/awscli/a.txt").split("(")[1].split(")")[0])
print(aws("sts", "get-caller-identity", "--query", "Account", "--output", "text") == os.environ["CONFORMANCE_ACCOUNT"])
target = ["--workgroup-name", os.environ["CONFORMANCE_WORKGROUP"], "--database", os.environ["CONFORMANCE_DATABASE"]]
statement = json.loads(aws("redshift-data", "execute-statement", *target, "--sql", "SELECT 7 AS n", "--output", "json"))
while (
    status := aws(
        "redshift-data", "describe-statement", "--id", statement["Id"], "--query", "Status", "--output", "text"
    )
) in {"SUBMITTED", "PICKED", "STARTED"}:
    pass
print(status)
result = ["redshift-data", "get-statement-result", "--id", statement["Id"], "--query", "Records[0][0].longValue"]
print(aws(*result, "--output", "text"))
print(aws("glue", "get-database", "--name", f"{prefix}-missing").split("(")[1].split(")")[0])
