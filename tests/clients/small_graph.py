"""A small graph for clients to run: a picture of one colour."""

from __future__ import annotations

WIDTH, HEIGHT, COLOUR = 24, 16, 0xFF8000
GRAPH = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": WIDTH, "height": HEIGHT, "batch_size": 1, "color": COLOUR},
        "_meta": {"title": "Picture"},
    },
    "2": {
        "class_type": "SaveImage",
        "inputs": {"images": ["1", 0], "filename_prefix": "clients"},
        "_meta": {"title": "Save Image"},
    },
}
