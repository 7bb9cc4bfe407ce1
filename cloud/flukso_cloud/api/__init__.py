"""HTTP routes of the cloud."""
