"""Drawn by the browser."""
