"""Checks of a bundle before an environment update that takes 20 minutes would find the same out."""
