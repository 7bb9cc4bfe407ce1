"""The commands of `flukso-cloud`, a module each. Each has `add_to`, which describes it to the command line."""
