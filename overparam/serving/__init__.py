"""Computations that people share, and where they run."""
