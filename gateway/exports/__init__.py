"""Records on their way out: files for billing teams, manifests, scheduled drops, and comparison with a carrier."""
