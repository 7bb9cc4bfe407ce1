"""What the board's lines mean: counters that never fall, gauges, and who measured what when. Pure."""
