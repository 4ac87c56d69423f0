"""Step 5: compare the counts of all steps."""
