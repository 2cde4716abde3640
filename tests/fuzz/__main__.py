"""`python -m tests.fuzz --count 1000`: situations of all kinds, and which end wrongly.

`--only folder:123` repeats one, with its input kept in `--keep`.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path


def main() -> None:
    """Plays them, prints a summary, and fails if any ended wrongly."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default="", help="some of them, with commas between")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--only", default="", help="kind:number")
    parser.add_argument("--keep", default="", help="a folder for the input of `--only`")
    args = parser.parse_args()
    began = time.perf_counter()
    # Before anything imports JAX.
    os.environ |= {"JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryDirectory(prefix="ganjax-fuzz-") as top:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(Path(top, "programs"))
        from tests.fuzz import work

        if args.only:
            kind, number = args.only.rsplit(":", 1)
            place = Path(args.keep or Path(top, "kept")).absolute()
            place.mkdir(parents=True, exist_ok=True)
            work.prepare(Path(top, "ready"), [kind])
            result = work.one(kind, int(number), place, Path(top, "ready"))
            print(work.line(result))
            sys.exit(bool(result["wrong"]))
        kinds = args.kinds.split(",") if args.kinds else list(work.KINDS)
        jobs = work.jobs(kinds, args.count, args.seed)
        work.prepare(Path(top, "ready"), kinds)
        results = work.spread(jobs, args.processes, Path(top))
    report(results, time.perf_counter() - began)
    sys.exit(any(result["wrong"] for result in results))


def report(results: list[dict], seconds: float) -> None:
    """The wrong ones, and a table of how each kind ended."""
    from tests.fuzz import work

    wrong = [result for result in results if result["wrong"]]
    for result in sorted(wrong, key=lambda r: (r["kind"], r["wrong"])):
        print(work.line(result))
    total = Counter()
    print(f"\n{'kind':12} {'worked':>8} {'refused':>8} {'wrong':>8} {'slowest':>8}")
    for kind in dict.fromkeys(result["kind"] for result in results):
        mine = [result for result in results if result["kind"] == kind]
        ends = Counter(result["end"] for result in mine)
        slow = max(result["seconds"] for result in mine)
        counts = f"{ends['worked']:8} {ends['refused']:8} {ends['wrong']:8}"
        print(f"{kind:12} {counts} {slow:7.1f}s")
        total.update(ends)
    print(
        f"{len(results)} situations in {seconds:.0f} s: {total['worked']} worked, "
        f"{total['refused']} were refused in a sentence, {total['wrong']} ended wrongly."
    )


if __name__ == "__main__":
    main()
