"""Measurements that live with the code: `make bench`. What they mean: benchmarks/README.md."""
