"""Small networks of all kinds of layers."""

from __future__ import annotations

TINY = """
[net]
# as yolov3-tiny, smaller; the last pool has a stride of one
width=64
height=32
channels=3
learning_rate=0.001 ; of training

[convolutional]
batch_normalize=1
filters=4
size=3
stride=1
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
batch_normalize=1
filters=6
size=3
stride=2
pad=1
activation=leaky

[maxpool]
size=2
stride=1

[convolutional]
filters=14
size=1
stride=1
pad=1
activation=linear

[yolo]
mask = 1,2
anchors = 3,4,  10,14,  23,27
classes=2
num=3
jitter=.3
ignore_thresh = .7
"""

FOUR = """
[net]
width=32
height=32
channels=3

[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=mish

[convolutional]
batch_normalize=1
filters=8
size=3
stride=1
pad=1
groups=2
activation=swish

[shortcut]
from=-2
activation=linear

[route]
layers=-1
groups=2
group_id=1

[convolutional]
batch_normalize=1
filters=4
size=1
stride=1
pad=1
activation=relu

[route]
layers=-1,-2

[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky

[maxpool]
size=5
stride=1

[route]
layers=-2

[maxpool]
size=9
stride=1

[route]
layers=-1,-3,-4

[convolutional]
filters=16
size=1
stride=1
pad=1
activation=linear

[yolo]
mask = 0,1
anchors = 5,6, 12,9, 20,30, 8,8
classes=3
num=4
scale_x_y = 1.05

[route]
layers=10

[convolutional]
batch_normalize=1
filters=4
size=1
activation=logistic

[upsample]
stride=2

[route]
layers=-1,5

[convolutional]
filters=16
size=1
activation=logistic

[yolo]
mask = 2,3
anchors = 5,6, 12,9, 20,30, 8,8
classes=3
num=4
scale_x_y = 2.0
new_coords=1
"""

NET = "[net]\nwidth=32\nheight=32\nchannels=3\n"
HEAD = "[convolutional]\nfilters=12\nsize=1\nactivation=linear\n[yolo]\nmask=0,1\nanchors=5,6,7,8\nclasses=1\nnum=2\n"
