"""What stands before the routes: who may come in, from where, and how much of what."""
