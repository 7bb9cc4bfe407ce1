"""The links to the sensor board: what comes in, before anything is computed."""
