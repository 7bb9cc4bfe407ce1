"""The Fluksometer's daemon: reads the sensor board, serves the local API, uploads to the cloud."""
