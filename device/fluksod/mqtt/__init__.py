"""What a broker is told: the topics of the original Fluksometers, and Home Assistant's discovery."""
