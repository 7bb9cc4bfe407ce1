"""Histories from elsewhere: emoncms' PHPFina feeds, CSV files, and dumps of the original cloud's round-robin archives.

Each reader yields samples in order of time; what it cannot read it complains about, by number, and goes on.
"""
