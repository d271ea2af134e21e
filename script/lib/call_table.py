#!/usr/bin/env python3
"""The table of calls on bad networks: what is run, how runs become one figure, and what the table looks like.

    call_table.py run --lab LAB --out FOLDER [--quick] [--only NAME]... [--] ARGUMENTS-OF-SNUG-LAB-CALL...
    call_table.py self-test

Writes FOLDER/calls-DATE.json with every report and FOLDER/calls-DATE.md with the medians. A run that is not valid is repeated once
with the same seed; what is still not valid is left out of the medians and counted in the table.
"""

import argparse
import datetime
import json
import pathlib
import statistics
import subprocess
import sys

NEAR = "delay=25"
SEEDS = [1, 2, 3]
# Where chance decides, three runs are too few.
CHANCE = [1, 2, 3, 4, 5]


def voice(loss):
    return f"{NEAR}+loss={loss}"


# Name, arguments of `snug-lab call`, seconds, seeds. 40 s hold three turns of the recorded voice.
CONDITIONS = [
    ("clean", ["--link", NEAR], 40, SEEDS),
    ("loss 2 %", ["--link", f"{NEAR}+loss=2"], 40, CHANCE),
    ("loss 5 %", ["--link", f"{NEAR}+loss=5"], 40, CHANCE),
    ("loss 10 %", ["--link", f"{NEAR}+loss=10"], 40, CHANCE),
    ("loss 5 % in bursts of 4", ["--link", f"{NEAR}+loss=5+burst=4"], 40, CHANCE),
    (
        "2500-600-2500 kbit/s",
        [
            "--schedule",
            f"0:{NEAR}+rate=2500+queue=300,20:{NEAR}+rate=600+queue=300,40:{NEAR}+rate=2500+queue=300",
        ],
        60,
        SEEDS,
    ),
    ("300 kbit/s", ["--link", f"{NEAR}+rate=300+queue=300"], 40, SEEDS),
    ("500 kbit/s", ["--link", f"{NEAR}+rate=500+queue=300"], 40, SEEDS),
    ("1000 kbit/s", ["--link", f"{NEAR}+rate=1000+queue=300"], 40, SEEDS),
    ("jitter 30 ms", ["--link", "delay=40+jitter=30"], 40, CHANCE),
    ("spikes of 200 ms", ["--link", f"{NEAR}+spike=200+every=3000"], 40, CHANCE),
    ("voice, loss 10 %", ["--link", voice(10)], 40, CHANCE),
    ("voice, loss 20 %", ["--link", voice(20)], 40, CHANCE),
    ("voice, loss 30 %", ["--link", voice(30)], 40, CHANCE),
    ("two calls on 2000 kbit/s", ["--link", f"{NEAR}+rate=2000+queue=300", "--calls", "2"], 40, SEEDS),
    ("a download on 2000 kbit/s", ["--link", f"{NEAR}+rate=2000+queue=300", "--tcp"], 40, SEEDS),
    ("another address", ["--link", NEAR, "--roam", "10"], 25, SEEDS),
]

# Heading, how a report becomes a number, how it is written.
COLUMNS = [
    ("first frame ms", lambda it: it["summary"]["first_frame_ms"], "{:.0f}"),
    ("720p ms", lambda it: it["summary"]["full_resolution_ms"], "{:.0f}"),
    ("delay p50 ms", lambda it: quantile(it, "capture_to_decoded_ms", "p50"), "{:.0f}"),
    ("p95 ms", lambda it: quantile(it, "capture_to_decoded_ms", "p95"), "{:.0f}"),
    ("frozen %", lambda it: percent(it["summary"]["freeze_ratio"]), "{:.2f}"),
    ("concealed %", lambda it: percent(it["summary"]["audio_concealed_ratio"]), "{:.2f}"),
    ("video kbit/s", lambda it: it["summary"]["video_kbps"], "{:.0f}"),
    ("link used %", lambda it: percent(sent_by_a(it)["link_utilisation"]), "{:.0f}"),
    ("queue p95 ms", lambda it: quantile(it, "queue_delay_ms", "p95"), "{:.0f}"),
    ("sent again per lost", lambda it: again(it), "{:.2f}"),
    ("VMAF", lambda it: it["summary"]["vmaf"], "{:.1f}"),
    ("PESQ", lambda it: sent_by_a(it)["pesq"], "{:.2f}"),
    ("ViSQOL", lambda it: sent_by_a(it)["visqol"], "{:.2f}"),
    ("down in ms", lambda it: settled(it, 0), "{:.0f}"),
    ("up in ms", lambda it: settled(it, 1), "{:.0f}"),
    ("shares %", lambda it: shares(it), "{}"),
    ("media back ms", lambda it: it["summary"]["media_back_ms"], "{:.0f}"),
    ("CPU a / b", lambda it: cores(it), "{}"),
]


def sent_by_a(report):
    return report["pairs"][1] if report["pairs"][1]["from"] == "a" else report["pairs"][0]


def quantile(report, name, which):
    value = sent_by_a(report)[name]
    return value and value[which]


def percent(ratio):
    return None if ratio is None else ratio * 100


def again(report):
    pair = sent_by_a(report)
    return pair["retransmissions"] / pair["packets_lost"] if pair["packets_lost"] else None


def settled(report, number):
    changes = sent_by_a(report)["recovery"]
    if not changes or len(changes) <= number:
        return None
    never = float("inf")
    return changes[number]["settled_ms"] if changes[number]["settled_ms"] is not None else never


def shares(report):
    pairs = [pair for pair in report["pairs"] if pair["from"] in "ac" and pair["link_share"] is not None]
    parts = [pair["link_share"] for pair in pairs]
    if report["network"]["download_share"] is not None:
        parts.append(report["network"]["download_share"])
    return tuple(part * 100 for part in parts) or None


def cores(report):
    used = {pair["to"]: pair["cpu_seconds"] for pair in report["pairs"]}
    return tuple(used[name] / report["seconds"] for name in "ab") if None not in used.values() else None


def middle(values):
    """The median; of several numbers each its own; None of nothing."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    if isinstance(values[0], tuple):
        return tuple(statistics.median(part) for part in zip(*values))
    return statistics.median(values)


def written(value, form):
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " / ".join(f"{part:.2f}" if part < 10 else f"{part:.0f}" for part in value)
    return "never" if value == float("inf") else form.format(value)


def table(runs):
    """Markdown of {condition: [report or error text]}."""
    lines = ["| condition | valid | " + " | ".join(name for name, _, _ in COLUMNS) + " |"]
    lines.append("| --- " * (len(COLUMNS) + 2) + "|")
    for condition, reports in runs.items():
        held = [report for report in reports if isinstance(report, dict)]
        good = [report for report in held if report["valid"]]
        cells = []
        for _, read, form in COLUMNS:
            # Doubtful figures are shown in brackets, so that a busy machine does not leave an empty table.
            cell = written(middle(read(report) for report in good or held), form)
            cells.append(f"({cell})" if cell and not good else cell)
        lines.append(f"| {condition} | {len(good)} of {len(reports)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def one(lab, arguments, seconds, seed):
    """A report, or the text of why there is none."""
    command = [lab, "call", "--json", "--seconds", str(seconds), "--seed", str(seed), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 600)
    except subprocess.TimeoutExpired:
        return "it did not end"
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip()


def run(options):
    now = datetime.datetime.now(datetime.timezone.utc)
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    name = out / f"calls-{now:%Y-%m-%d-%H%M}"
    chosen = [condition for condition in CONDITIONS if not options.only or condition[0] in options.only]
    if not chosen:
        sys.exit("there are: " + ", ".join(condition[0] for condition in CONDITIONS))
    runs = {}
    for condition, arguments, seconds, seeds in chosen:
        reports = runs.setdefault(condition, [])
        for seed in seeds[:1] if options.quick else seeds:
            print(f"  {condition}, seed {seed}", file=sys.stderr, flush=True)
            report = one(options.lab, [*options.arguments, *arguments], seconds, seed)
            if isinstance(report, str) or not report["valid"]:
                why = report if isinstance(report, str) else "; ".join(report["why"])
                print(f"    once more: {why}", file=sys.stderr, flush=True)
                report = one(options.lab, [*options.arguments, *arguments], seconds, seed)
            reports.append(report)
            # Written each time, so that a table that was stopped is still something.
            commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
            whole = {"at": f"{now:%Y-%m-%dT%H:%M:%SZ}", "commit": commit.stdout.strip(), "runs": runs}
            name.with_suffix(".json").write_text(json.dumps(whole, indent=1) + "\n")
            name.with_suffix(".md").write_text(table(runs))
    print(table(runs))
    print(f"{name}.json, {name}.md", file=sys.stderr)


def self_test():
    """Medians leave out what is not valid, and what never settled is not a number."""
    figures = dict.fromkeys(
        "first_frame_ms full_resolution_ms capture_to_decoded_ms freeze_ratio audio_concealed_ratio video_kbps"
        " link_utilisation queue_delay_ms vmaf pesq visqol recovery link_share media_back_ms cpu_seconds"
        " retransmissions packets_lost".split()
    )

    def report(valid, first, **pair):
        b, a = {**figures, **pair, "from": "a", "to": "b"}, {**figures, "from": "b", "to": "a"}
        summary = {**figures, "first_frame_ms": first}
        network = {"download_share": None}
        return {"valid": valid, "why": [], "seconds": 40, "pairs": [a, b], "summary": summary, "network": network}

    clean = [report(True, 300, cpu_seconds=None), report(True, 500), report(False, 9000)]
    fall = [report(False, 400, recovery=[{"settled_ms": None}], packets_lost=10, retransmissions=12)]
    lines = table({"clean": clean, "fall": fall, "broken": ["no"]}).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    by_name = dict(zip(cells[0], zip(*cells[2:])))
    assert by_name["valid"] == ("2 of 3", "0 of 1", "0 of 1"), by_name
    assert by_name["first frame ms"] == ("400", "(400)", ""), by_name
    assert by_name["down in ms"] == ("", "(never)", ""), by_name
    assert by_name["sent again per lost"] == ("", "(1.20)", ""), by_name
    assert middle([(1.0, 40.0), (3.0, 60.0)]) == (2.0, 50.0)
    print("call_table.py: sound")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    tasks = parser.add_subparsers(dest="task", required=True)
    runner = tasks.add_parser("run")
    runner.add_argument("--lab", required=True)
    runner.add_argument("--out", required=True)
    runner.add_argument("--quick", action="store_true")
    runner.add_argument("--only", action="append")
    runner.add_argument("arguments", nargs="*")
    tasks.add_parser("self-test")
    options = parser.parse_args()
    self_test() if options.task == "self-test" else run(options)
