"""The whole stream on one machine: board, daemon, cloud and Home Assistant, started, filled and checked."""
