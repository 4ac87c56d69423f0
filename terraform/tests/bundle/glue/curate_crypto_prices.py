# Placeholder for the Glue script.
