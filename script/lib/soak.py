#!/usr/bin/env python3
"""Whether anything grew in a long call: reads a report of `snug-lab call` on standard input.

    soak.py           prints two thirds of each direction, and fails if memory, delay or drift grew
    soak.py self-test

The network repeats itself every so many minutes, and a third of the call holds whole rounds of it; so medians of the minutes of two
thirds are of the same conditions, and what differs is time. Delay and drift are compared between the first and the last; memory between
the second and the last, because in its first minutes a process fills pools that it then keeps.
"""

import json
import statistics
import sys

# What a peer of the lab itself notes of each picture, for its report, is 1.3 MiB in ten minutes with both people's cameras.
GROWTH_MIB = 4
# A clock that drifts by 50 parts in a million, and is not corrected, adds 60 ms in twenty minutes.
GROWTH_MS = 10


FIRST, SECOND, LAST = range(3)
NAMES = ["first", "second", "last"]


def thirds(minutes, read):
    """Medians of the three thirds; nothing where something was not measured."""
    values = [read(minute) for minute in minutes]
    third = len(values) // 3
    if not third or None in values:
        return None
    parts = values[:third], values[third:-third], values[-third:]
    return [statistics.median(part) for part in parts]


def middle(name):
    return lambda minute: minute[name] and minute[name]["p50"]


FIGURES = [
    ("memory", "MiB", lambda minute: minute["rss_mib"], SECOND, GROWTH_MIB),
    ("capture to decoded, p50", "ms", middle("capture_to_decoded_ms"), FIRST, GROWTH_MS),
    ("mouth to ear, p50", "ms", middle("mouth_to_ear_ms"), FIRST, GROWTH_MS),
]


def judge(report):
    """Lines of text, and whether nothing grew."""
    lines, sound = [], True
    for pair in report["pairs"]:
        for name, unit, read, since, most in FIGURES:
            parts = thirds(pair.get("minutes", []), read)
            if not parts:
                lines.append(f"{pair['from']} → {pair['to']}  {name}: not measured")
                sound = False
                continue
            before, after = parts[since], parts[LAST]
            grew = after - before > most
            sound &= not grew
            told = f"{before:.1f} {unit} in the {NAMES[since]} third, {after:.1f} in the last"
            lines.append(f"{pair['from']} → {pair['to']}  {name}: {told}{'  GREW' if grew else ''}")
    if report["ended_early"]:
        lines.append(f"the call ended early at {', '.join(report['ended_early'])}")
        sound = False
    return lines, sound


def self_test():
    def report(grown, until=30):
        minute = lambda number: {
            "rss_mib": 60 + min(number, until) * grown,
            "capture_to_decoded_ms": {"p50": 40},
            "mouth_to_ear_ms": {"p50": 90},
        }
        pair = {"from": "a", "to": "b", "minutes": [minute(number) for number in range(30)]}
        return {"pairs": [pair], "ended_early": []}

    assert judge(report(0))[1] and judge(report(4, until=8))[1]
    lines, sound = judge(report(1))
    assert not sound and "GREW" in lines[0], lines
    assert not judge({"pairs": [{"from": "a", "to": "b"}], "ended_early": []})[1]
    assert not judge({**report(0), "ended_early": ["a"]})[1]
    print("soak.py: sound")


if __name__ == "__main__":
    if sys.argv[1:] == ["self-test"]:
        self_test()
    else:
        lines, sound = judge(json.load(sys.stdin))
        print("\n".join(lines))
        sys.exit(0 if sound else 1)
