"""Document forms of workflows: decoded and encoded here and nowhere else."""
