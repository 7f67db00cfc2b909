"""Merge methods: each makes one direction of several task vectors, which is then a checkpoint like any other.

A method is a pure function of the task vectors, ``METHODS[name].function(task_vectors, **parameters)``: the base takes
part through them alone (Fisher's and RegMean's equations, too, are the same for θ_t and θ_t - θ_0).
"""

from core.methods.merge import PARAMETERS, merge_checkpoints
from core.methods.registry import METHODS, POST_STEPS
from core.methods.task_vectors import TaskVector

__all__ = ["METHODS", "PARAMETERS", "POST_STEPS", "TaskVector", "merge_checkpoints"]
