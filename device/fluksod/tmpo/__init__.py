"""tmpo, the block format of FLM02 from 2.4.1 on, for old clients (section 7.1 of the protocol reference)."""
