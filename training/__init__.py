"""How the model of the demo was made: `scripts/train-demo-models`. Nothing of it is part of the bridge."""
