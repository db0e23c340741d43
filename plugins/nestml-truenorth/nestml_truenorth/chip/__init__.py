"""The TrueNorth chip: its programs as values, its arithmetic bit for bit, its file formats.

Nothing here knows of NESTML; only NumPy is needed.
"""
