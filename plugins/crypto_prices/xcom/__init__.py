"""What one task hands to the next, and how to read it."""
