#!/usr/bin/env python3
"""Scores the recordings of `snug-lab voice --json` and prints a Markdown table of the medians over seeds.

    voice_table.py SPOKEN.wav RUNS.json OUT.json
"""

import json
import statistics
import sys

import scores

COLUMNS = [
    ("lost %", lambda run: 100 * run["packets_lost"] / max(1, run["packets_sent"]), 1),
    ("kbit/s", lambda run: run["bitrate_kbps"], 1),
    ("PESQ", lambda run: run["pesq"], 2),
    ("ViSQOL", lambda run: run["visqol"], 2),
    ("concealed %", lambda run: 100 * run["concealed"], 2),
    ("FEC %", lambda run: 100 * run["fec"], 1),
    ("DRED %", lambda run: 100 * run["dred"], 1),
    ("wait ms", lambda run: run["jitter_buffer_ms"], 0),
]


def main(spoken, runs_path, out_path):
    with open(runs_path, encoding="utf-8") as file:
        report = json.load(file)
    for run in report["runs"]:
        score = scores.score(spoken, run["heard"])
        run.update(pesq=score["pesq"], visqol=score["visqol"])
    with open(out_path, "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
    print("| network | " + " | ".join(name for name, _, _ in COLUMNS) + " |")
    print("| --- |" + " ---: |" * len(COLUMNS))
    for link in dict.fromkeys(run["link"] for run in report["runs"]):
        runs = [run for run in report["runs"] if run["link"] == link]
        cells = [f"{statistics.median(value(run) for run in runs):.{digits}f}" for _, value, digits in COLUMNS]
        print(f"| {link} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
