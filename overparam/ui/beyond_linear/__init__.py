"""The parts of the page beyond linear."""
