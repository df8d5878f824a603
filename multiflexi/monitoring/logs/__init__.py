"""Logging: one structured line per event to standard error, and the same events in table ``log``.

Other code only uses ``logging.getLogger(__name__)``; ids go into ``extra`` (job, runtemplate, company, app, task,
user, request) or into ``bound(...)`` for everything logged inside a block.
"""

from .context import bound
from .setup import close, configure, configure_from_settings, level_from_settings, set_level, start_table, stop_table

__all__ = [
    "bound",
    "close",
    "configure",
    "configure_from_settings",
    "level_from_settings",
    "set_level",
    "start_table",
    "stop_table",
]
