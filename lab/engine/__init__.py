"""Load, generate, log-probabilities, devices (torch, transformers, peft). Knows token ids; knows no task and no page."""
