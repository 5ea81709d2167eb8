"""Which texts go through a model together: near in length, so that little of a batch is padding."""

from collections.abc import Iterator, Sequence


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Yield places in `lengths`, longest first, in batches of at most `budget` tokens with their padding.

    A text longer than that is a batch of its own. The same lengths give the same batches.
    """
    batch: list[int] = []
    longest = 0
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        # The first is the longest, so each of the batch costs as much as it.
        longest = longest or lengths[place]
        if batch and (len(batch) + 1) * longest > budget:
            yield batch
            batch, longest = [], lengths[place]
        batch.append(place)
    if batch:
        yield batch
