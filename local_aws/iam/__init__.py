"""IAM as AWS enforces it: who asks, which checks a call needs, what policies say, and a log of every decision."""
