"""Methods that look at each number of the task vectors on its own, whatever tensor it is in."""
