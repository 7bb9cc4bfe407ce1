"""Firmware of the sensor board: the images that ship with us, and avrdude that writes them."""
