"""The pages of the cloud: log in, the chart, claiming a device. They work without JavaScript.

The sources of their scripts and styles are in `cloud/web`.
"""

from .pages import routes

__all__ = ["routes"]
