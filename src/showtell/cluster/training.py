"""The gradients of a batch's shards, computed on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from showtell.nn import kernels
from showtell.training.shards import Shard, add, halves, sum_of_shards

if TYPE_CHECKING:
    from ray import ObjectRef

    from showtell.captioning.decoder import CaptionDecoder
    from showtell.training.objectives import Outcome
    from showtell.training.recipe import Recipe

# Either a task's result, or two of these, whose sum is wanted
_Sum: TypeAlias = "ObjectRef[Outcome] | tuple[_Sum, _Sum]"


class ClusterShards:
    """Computes the sums over shards on the cluster that this process is connected to.

    The weights are put into the object store once an update. A task computes as many neighbouring shards as there are
    for a processor, and adds them; the driver adds what the tasks give. All add in the order of `sum_of_shards`, so the
    bits are the same whatever the number of processors. A task whose process or machine ends is run again, elsewhere.
    """

    def __init__(self) -> None:
        import ray

        # each update's task is the same function, so it is sent once
        self._task = ray.remote(num_cpus=1, max_retries=-1)(_sum_on_one_thread)

    def __call__(self, decoder: CaptionDecoder, shards: Sequence[Shard], recipe: Recipe) -> Outcome:
        """See `sum_of_shards`."""
        import ray

        processors = int(ray.cluster_resources().get("CPU", 1))
        return _collect(self._submit(ray.put(decoder), shards, recipe, processors))

    def _submit(self, decoder: Any, shards: Sequence[Shard], recipe: Recipe, processors: int) -> _Sum:
        if processors <= 1 or len(shards) == 1:
            return self._task.remote(decoder, shards, recipe)
        first, second = halves(shards)
        for_second = (processors + 1) // 2
        return (
            self._submit(decoder, first, recipe, processors - for_second),
            self._submit(decoder, second, recipe, for_second),
        )


def _sum_on_one_thread(decoder: CaptionDecoder, shards: Sequence[Shard], recipe: Recipe) -> Outcome:
    kernels.set_num_threads(1)  # the number of threads decides the order in which a kernel sums
    return sum_of_shards(decoder, shards, recipe)


def _collect(found: _Sum) -> Outcome:
    import ray

    if isinstance(found, tuple):
        return add(_collect(found[0]), _collect(found[1]))
    outcome: Outcome = ray.get(found)
    return outcome
