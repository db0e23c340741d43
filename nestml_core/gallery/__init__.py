"""Pictures of models, and the page of the shipped ones.

``python -m nestml_core.gallery docs/models`` draws the pictures of all shipped models and writes
the page ``docs/models.md``; with names behind the folder it draws only those.
"""

from __future__ import annotations

from nestml_core.gallery.drawing import picture_of
from nestml_core.gallery.page import page, pictures

__all__ = ["page", "picture_of", "pictures"]
