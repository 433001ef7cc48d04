"""The chapter in which writers disagree, and the reader reconciles them by what versions mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dynakv import Bucket, DynakvError, GetResult, resolvers
from dynakv._debian import VersionKey, version_key
from dynakv.demo._packages import Dataset, version_of
from dynakv.demo._run import R, Run, W
from dynakv.demo._traffic import Writing, write_all

__all__ = ["disagree_and_reconcile"]

EXAMPLES_MAX = 6


def _age(record: bytes) -> VersionKey:
    return version_key(version_of(record))


_newest = resolvers.max_by(_age)


def _written(data: Dataset, key: bytes) -> list[bytes]:
    """Return the records of a key in the order in which the clients wrote them."""
    sources = [data.base, *data.corrections.values()]
    return [records[key] for records in sources if key in records]


def _get_all(
    bucket: Bucket[bytes], keys: Sequence[bytes], batch_size: int
) -> dict[bytes, GetResult[bytes]]:
    found: dict[bytes, GetResult[bytes]] = {}
    for start in range(0, len(keys), batch_size):
        for key, answer in bucket.get_many(keys[start : start + batch_size], r=R).items():
            if isinstance(answer, DynakvError):
                raise answer
            found[key] = answer
    return found


def disagree_and_reconcile(run: Run) -> None:
    """Let clients write what another one wrote unseen; show the siblings; merge them."""
    screen, data, contested = run.screen, run.data, run.data.contested
    screen.stage("Writers who have not seen each other")
    for label, records in data.corrections.items():
        bucket = run.bucket(via=run.victim)
        write_all(bucket, records.items(), Writing(), w=W, batch_size=run.batch_size)
        screen.say(f"A new client wrote {len(records):,} packages of the {label} index, blindly.")
    screen.say()

    reader = run.bucket(via=run.second_victim)
    seen = _get_all(reader, contested, run.batch_size)
    kept = _claim_siblings(run, seen)
    # What must be left: computed from the files alone, not from what the store returned.
    newest = {key: max(_written(data, key), key=lambda r: (_age(r), r)) for key in contested}
    screen.say()
    screen.table(
        ["package", "siblings", "newest"],
        [
            [
                key.decode().partition(":")[0],
                "  ".join(sorted(version_of(value) for value in seen[key].values)),
                version_of(newest[key]),
            ]
            for key in _examples(run, contested)
        ],
    )
    screen.say()

    # The reader's session has seen every sibling, so what it puts replaces all of them.
    resolved = {key: seen[key].resolve(_newest).value for key in contested}
    write_all(reader, resolved.items(), Writing(), w=W, batch_size=run.batch_size)
    run.expected |= newest
    after = _get_all(run.bucket(via=run.survivor), contested, run.batch_size)
    settled = sum(after[key].values == [newest[key]] for key in contested)
    run.claim(
        "reconciled, the newest by Debian's order is left",
        f"{settled:,} of {len(contested):,} packages",
        ok=settled == len(contested),
    )
    lost = sum(_age(_written(data, key)[-1]) < _age(newest[key]) for key in contested)
    screen.say(f"  Last write wins would have thrown away the newer version of {lost:,} of them.")
    run.summary.figures["conflicts"] = {
        "packages": len(contested),
        "siblings_kept": kept,
        "settled": settled,
        "last_write_was_older": lost,
    }


def _claim_siblings(run: Run, seen: dict[bytes, GetResult[bytes]]) -> int:
    sizes = Counter(len(answer.siblings) for answer in seen.values())
    kept = sum(
        sorted(answer.values) == sorted(set(_written(run.data, key)))
        for key, answer in seen.items()
    )
    run.claim(
        "no concurrent write was lost",
        f"{kept:,} of {len(seen):,} packages keep every record",
        ok=kept == len(seen),
    )
    shown = ", ".join(f"{count:,} have {size} siblings" for size, count in sorted(sizes.items()))
    run.screen.say(f"  {shown}.")
    return kept


def _examples(run: Run, contested: Sequence[bytes]) -> list[bytes]:
    """Choose packages to show: the most contested, and those whose last writer was behind."""

    def interest(key: bytes) -> tuple[bool, bool, float]:
        versions = [version_of(record) for record in _written(run.data, key)]
        last_is_older = _age(_written(run.data, key)[-1]) < max(map(version_key, versions))
        return len(set(versions)) < 3, not last_is_older, run.draw.random()

    # Of one source package, one binary is enough: they share their versions.
    chosen: dict[tuple[str, ...], bytes] = {}
    for key in sorted(contested, key=interest):
        chosen.setdefault(tuple(run.data.versions(key).values()), key)
        if len(chosen) == EXAMPLES_MAX:
            break
    return list(chosen.values())
