import os

# Read when huggingface_hub is imported, so before any test is.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
