# Stands for the Glue script.
