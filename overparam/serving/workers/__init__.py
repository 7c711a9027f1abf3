"""Processes that compute beside the server, and the streams of what they find."""
