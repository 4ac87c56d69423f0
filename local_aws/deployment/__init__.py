"""Deploys terraform/ on the local AWS, and checks it without one."""
