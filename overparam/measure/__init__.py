"""What is read off runs: histories, step sizes, curvature, trajectories."""
