"""The parts of `bench/gpu.py`: each yields rows of a table; a worker runs them, and a watcher the worker."""
