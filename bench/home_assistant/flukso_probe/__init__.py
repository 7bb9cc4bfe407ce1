"""A bare probe: writes the states that the Flukso integration writes, and does nothing else."""
