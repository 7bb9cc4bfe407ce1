"""tmpo blocks by MQTT, as FLM02's own mosquitto bridges them to the cloud (section 3.5 of the protocol reference)."""
