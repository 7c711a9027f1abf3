"""What leaves the house: numbers, and a script that computes a run again."""
