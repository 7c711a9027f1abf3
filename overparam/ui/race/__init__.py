"""The parts of the race."""
