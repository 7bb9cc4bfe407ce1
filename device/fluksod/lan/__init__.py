"""The local API: what phones, Home Assistant and old clients ask for."""
