"""Training a captioner: recipe, batches, objectives, Adam, the loop, checkpoints."""
