"""A plugin that ends the program when it is imported."""

raise SystemExit("the simulator is not installed")
