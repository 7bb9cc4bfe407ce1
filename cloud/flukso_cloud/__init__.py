"""The Flukso reference cloud: autoregistration, ingest, time series, live streams."""

__version__ = "0.1.0"
