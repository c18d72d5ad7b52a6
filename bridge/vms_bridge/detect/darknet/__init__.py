"""Darknet's models (`.cfg` and `.weights`: YOLO v3, v4, their tiny variants, scaled v4) become OpenVINO's IR.

`cfg.py` reads the text, `layers.py` makes layers with known shapes of it, `weights.py` reads the numbers, `graph.py` builds the
model of opset calls, `convert.py` is the door.
"""
