"""What the files in a run's folder are called."""

BEST = "best.safetensors"
CHECKPOINT = "checkpoint.safetensors"
CURVE = "curve.png"
METRICS = "metrics.jsonl"
PROBLEMS = "problems.jsonl"
RECIPE = "recipe.toml"
RUN = "run.json"
