"""From a data set to a captioner: recipe, batches, Adam, the loop, checkpoints."""
