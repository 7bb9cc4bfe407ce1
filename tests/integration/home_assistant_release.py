"""Lets the test package, which is made for Home Assistant 2026.10, run on 2026.11 too. Loaded before all other plugins.

On 2026.11 Home Assistant has to be imported before the mocks that the test package brings (respx patches httpx), and
one private function has moved within its package. On 2026.10 this changes nothing.
"""

import homeassistant.core  # noqa: F401 - imported for its order
from homeassistant.components import logger
from homeassistant.components.logger import helpers

if not hasattr(logger, "_clear_logger_overwrites"):
    vars(logger)["_clear_logger_overwrites"] = vars(helpers)["_clear_logger_overwrites"]
