"""The way to the cloud: who we are, registering, heartbeats and signed uploads."""
