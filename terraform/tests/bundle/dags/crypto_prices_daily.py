# Stands for a DAG file.
