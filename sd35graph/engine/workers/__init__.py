"""Worker processes: what runs in them, what supervises them, and what both say to each other."""
