# Placeholder for a DAG file.
