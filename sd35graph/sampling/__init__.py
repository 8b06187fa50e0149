"""Flow-matching sampling as a plain PyTorch library: schedules, samplers, guidance and the loop that drives them."""
