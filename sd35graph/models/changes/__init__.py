"""Changed weights: LoRAs, merges, and saving them."""
