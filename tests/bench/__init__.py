"""What a visit costs: `python -m tests.bench` prints a table and writes bench-out/bench.json."""
