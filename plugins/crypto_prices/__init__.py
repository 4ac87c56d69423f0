"""The operators and decisions behind the DAGs, one package per data step.

The steps in order: ``plan`` resolves the window and decides whether to load it. ``fetch`` stores exchange responses in
the raw zone. ``curate`` runs the Glue job and reads its report. ``load`` holds what the merge into the warehouse needs.
``publish`` points the catalog at the new versions. ``reconcile`` compares the counts of all steps.

``backfill`` and ``audit`` start loads of other windows. ``aws`` holds the AWS clients that the steps share. ``xcom``
holds the values that tasks pass to each other.
"""
