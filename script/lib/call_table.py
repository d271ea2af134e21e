#!/usr/bin/env python3
"""The table of calls on bad networks: what is run, how runs become one figure, and what the table looks like.

    call_table.py run --lab LAB --out FOLDER [--quick] [--only NAME]... [--add JSON] [--] ARGUMENTS-OF-SNUG-LAB-CALL...
    call_table.py self-test

Every condition is held by us and, where something is to be compared, right afterwards between two Chromiums. Writes
FOLDER/calls-DATE.json with every report and FOLDER/calls-DATE.md: what is to be reached, with ours, Chromium's, their ratio and whether
it was, then all medians of both. A run that is not valid is repeated once with the same seed; what is still not valid is left out of the
medians and counted in the table. The whole takes hours: it can be held in parts, each of which adds the earlier ones.
"""

import argparse
import collections
import datetime
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

NEAR = "delay=25"
SEEDS = [1, 2, 3]
# Where chance decides, three runs are too few.
CHANCE = [1, 2, 3, 4, 5]
BASELINE = ["--baseline", "chromium"]

# What is to be reached: of which column, in words, and whether ours reaches it beside theirs and beside ours on a clean network.
Target = collections.namedtuple("Target", "of words reached compares", defaults=(False,))


def at_most(of, limit):
    return Target(of, f"≤ {limit}", lambda ours, theirs, clean: ours <= limit)


def at_least(of, limit):
    return Target(of, f"≥ {limit}", lambda ours, theirs, clean: ours >= limit)


def below(of, limit):
    return Target(of, f"< {limit}", lambda ours, theirs, clean: ours < limit)


def times(of, factor):
    words = f"≤ {factor} × Chromium's" if factor != 1 else "≤ Chromium's"
    return Target(of, words, lambda ours, theirs, clean: ours <= theirs * factor, True)


def above(of, by):
    words = f"≥ Chromium's {by:+g}" if by else "≥ Chromium's"
    return Target(of, words, lambda ours, theirs, clean: ours >= theirs + by, True)


def part_of_clean(of, part):
    words = f"≥ {part:.0%} of ours when clean"
    return Target(of, words, lambda ours, theirs, clean: clean is not None and ours >= clean * part)


CLEAN = [
    times("first frame ms", 0.7),
    at_most("720p ms", 3000),
    times("delay p50 ms", 0.8),
    times("p95 ms", 0.8),
    times("CPU a", 0.5),
    times("CPU b", 0.5),
    above("VMAF", -2),
]
LOSS = [times("frozen %", 1), at_most("sent again per lost", 1.3)]
FIVE = [*LOSS, below("frozen %", 1), part_of_clean("video kbit/s", 0.6)]
FALL = [at_most("down in ms", 2000), at_most("concealed %", 2), times("up in ms", 1)]
# A voice is intact that has less than a hundredth made up.
STEADY = [at_least("link used %", 85), at_most("queue p95 ms", 100), at_most("concealed %", 1)]
UNEVEN = [at_most("concealed %", 1), times("delay p50 ms", 1), times("p95 ms", 1)]
# Half of the link is a fair share for two.
SHARED = [at_least("least share %", 0.4 * 50)]


def heard(by):
    return [above("PESQ", by), above("ViSQOL", by)]


def rate(kbps):
    return f"{NEAR}+rate={kbps}+queue=300"


# Name, arguments of `snug-lab call`, seconds, seeds, what is to be reached. 40 s hold three turns of the recorded voice.
CONDITIONS = [
    ("clean", ["--link", NEAR, *BASELINE], 40, SEEDS, CLEAN),
    ("loss 2 %", ["--link", f"{NEAR}+loss=2", *BASELINE], 40, CHANCE, LOSS),
    ("loss 5 %", ["--link", f"{NEAR}+loss=5", *BASELINE], 40, CHANCE, FIVE),
    ("loss 10 %", ["--link", f"{NEAR}+loss=10", *BASELINE], 40, CHANCE, [*LOSS, *heard(0)]),
    ("loss 5 % in bursts of 4", ["--link", f"{NEAR}+loss=5+burst=4", *BASELINE], 40, CHANCE, FIVE),
    (
        "2500-600-2500 kbit/s",
        ["--schedule", f"0:{rate(2500)},20:{rate(600)},40:{rate(2500)}", *BASELINE],
        60,
        SEEDS,
        FALL,
    ),
    ("300 kbit/s", ["--link", rate(300), *BASELINE], 40, SEEDS, STEADY),
    ("500 kbit/s", ["--link", rate(500), *BASELINE], 40, SEEDS, STEADY),
    ("1000 kbit/s", ["--link", rate(1000), *BASELINE], 40, SEEDS, STEADY),
    ("jitter 30 ms", ["--link", "delay=40+jitter=30", *BASELINE], 40, CHANCE, UNEVEN),
    ("spikes of 200 ms", ["--link", f"{NEAR}+spike=200+every=3000", *BASELINE], 40, CHANCE, UNEVEN),
    ("voice, loss 20 %", ["--link", f"{NEAR}+loss=20", *BASELINE], 40, CHANCE, heard(0.3)),
    ("voice, loss 30 %", ["--link", f"{NEAR}+loss=30", *BASELINE], 40, CHANCE, heard(0.3)),
    ("two calls on 2000 kbit/s", ["--link", rate(2000), "--calls", "2"], 40, SEEDS, SHARED),
    ("a download on 2000 kbit/s", ["--link", rate(2000), "--tcp"], 40, SEEDS, SHARED),
    ("another address", ["--link", NEAR, "--roam", "10"], 25, SEEDS, [below("media back ms", 2000)]),
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
    ("least share %", lambda it: least(shares(it)), "{:.0f}"),
    ("media back ms", lambda it: it["summary"]["media_back_ms"], "{:.0f}"),
    ("CPU a", lambda it: cores(it, "a"), "{:.2f}"),
    ("CPU b", lambda it: cores(it, "b"), "{:.2f}"),
]
READS = {name: (read, form) for name, read, form in COLUMNS}


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


def least(parts):
    return min(parts) if parts else None


def cores(report, name):
    used = {pair["to"]: pair["cpu_seconds"] for pair in report["pairs"]}[name]
    return None if used is None else used / report["seconds"]


def baseline(report):
    """Chromium's figures as a report of their own; None where there are none."""
    theirs = report["baseline"]
    return theirs and {**theirs, "summary": theirs, "seconds": report["seconds"]}


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


def believed(reports):
    """The reports that were made, and of these the valid ones."""
    held = [report for report in reports if isinstance(report, dict)]
    return held, [report for report in held if report["valid"]]


def figure(reports, column):
    """A column's median, of valid reports if there are any, and whether there are."""
    held, good = believed(reports)
    return middle(READS[column][0](report) for report in good or held), bool(good)


def cell(value, good, form):
    """Doubtful figures are shown in brackets, so that a busy machine does not leave an empty table."""
    text = written(value, form)
    return f"({text})" if text and not good else text


def rows(lines, heading):
    return [f"| {' | '.join(heading)} |", "| --- " * len(heading) + "|", *(f"| {' | '.join(line)} |" for line in lines)]


def medians(runs):
    """Markdown of every column of {condition: [report or error text]}."""
    lines = []
    for condition, reports in runs.items():
        cells = [cell(*figure(reports, name), form) for name, _, form in COLUMNS]
        lines.append([condition, f"{len(believed(reports)[1])} of {len(reports)}", *cells])
    return rows(lines, ["condition", "valid", *READS])


def verdicts(runs, theirs):
    """Markdown of what is to be reached, and whether it was."""
    lines = []
    for condition, _, _, seeds, targets in CONDITIONS:
        if condition not in runs:
            continue
        mine, good = runs[condition], len(believed(runs[condition])[1])
        for target in targets:
            form = READS[target.of][1]
            ours, ours_good = figure(mine, target.of)
            other, other_good = figure(theirs.get(condition, []), target.of)
            clean, _ = figure(runs.get("clean", []), target.of)
            ratio = f"{ours / other:.2f}" if ours is not None and other and other != float("inf") else ""
            known = ours is not None and (other is not None or not target.compares)
            reached = ("yes" if target.reached(ours, other, clean) else "no") if known else "not measured"
            # The table wants a median of three, of five where chance decides.
            enough = good >= len(seeds) and (not target.compares or other_good)
            said = reached if enough or not known else f"({reached})"
            cells = [cell(ours, ours_good, form), cell(other, other_good, form), ratio, target.words, said]
            lines.append([condition, f"{good} of {len(mine)}", target.of, *cells])
    return rows(lines, ["condition", "valid", "figure", "ours", "Chromium", "ratio", "to reach", "reached"])


def document(runs, commits):
    """The whole of it. `commits` says of which code each condition's figures are."""
    theirs = {}
    for condition, reports in runs.items():
        held = [baseline(report) for report in reports if isinstance(report, dict)]
        if any(held):
            theirs[condition] = [report for report in held if report]
    note = "In brackets: not valid, or fewer valid runs than a median takes."
    made = collections.defaultdict(list)
    for condition in runs:
        made[commits[condition]].append(condition)
    note += "".join(f" Of {commit}: {', '.join(conditions)}." for commit, conditions in made.items())
    parts = [["# What is to be reached", ""], verdicts(runs, theirs), ["", note, "", "# Ours", ""], medians(runs)]
    if theirs:
        parts += [["", "# Chromium's", ""], medians(theirs)]
    return "\n".join(line for part in parts for line in part) + "\n"


def one(lab, arguments, seconds, seed):
    """A report, or the text of why there is none."""
    command = [lab, "call", "--json", "--seconds", str(seconds), "--seed", str(seed), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=2 * seconds + 900)
    except subprocess.TimeoutExpired:
        return "it did not end"
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip()


def doubts(report):
    """Why a report should not be believed, ours or Chromium's; nothing when it can be."""
    if isinstance(report, str):
        return [report]
    theirs = baseline(report)
    return report["why"] + [f"Chromium: {why}" for why in (theirs["why"] if theirs else [])]


def earlier(path):
    """The runs of an earlier table, and of which code each condition's are."""
    try:
        table = json.loads(pathlib.Path(path).read_text())
        runs, commits = table["runs"], table["commits"]
        document(runs, commits)
    except OSError as error:
        sys.exit(f"{path} cannot be read: {error.strerror}")
    except (ValueError, LookupError, TypeError, AttributeError):
        sys.exit(f"{path} is no table of calls that says of which code each part is")
    return runs, commits


def run(options):
    now = datetime.datetime.now(datetime.timezone.utc)
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    name = out / f"calls-{now:%Y-%m-%d-%H%M}"
    chosen = [condition for condition in CONDITIONS if not options.only or condition[0] in options.only]
    if not chosen:
        sys.exit("there are: " + ", ".join(condition[0] for condition in CONDITIONS))
    runs, commits = earlier(options.add) if options.add else ({}, {})
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    for condition, arguments, seconds, seeds, _ in chosen:
        reports = runs[condition] = []
        commits[condition] = commit
        for seed in seeds[:1] if options.quick else seeds:
            print(f"  {condition}, seed {seed}", file=sys.stderr, flush=True)
            seconds = min(seconds, options.seconds or seconds)
            report = one(options.lab, [*options.arguments, *arguments], seconds, seed)
            if doubts(report):
                print(f"    once more: {'; '.join(doubts(report))}", file=sys.stderr, flush=True)
                report = one(options.lab, [*options.arguments, *arguments], seconds, seed)
            reports.append(report)
            # Written each time, so that a table that was stopped is still something.
            whole = {"at": f"{now:%Y-%m-%dT%H:%M:%SZ}", "commits": commits, "runs": runs}
            name.with_suffix(".json").write_text(json.dumps(whole, indent=1) + "\n")
            name.with_suffix(".md").write_text(document(runs, commits))
    print(document(runs, commits))
    print(f"{name}.json, {name}.md", file=sys.stderr)


def refused(path):
    """What is said against an earlier table; nothing when it is one."""
    try:
        earlier(path)
    except SystemExit as refusal:
        return refusal.code
    return None


def self_test():
    """Medians leave out what is not valid, what never settled is not a number, and what was not measured is not reached."""
    figures = dict.fromkeys(
        "first_frame_ms full_resolution_ms capture_to_decoded_ms freeze_ratio audio_concealed_ratio video_kbps"
        " link_utilisation queue_delay_ms vmaf pesq visqol recovery link_share media_back_ms cpu_seconds"
        " retransmissions packets_lost".split()
    )

    def report(valid, first, theirs=None, **pair):
        b, a = {**figures, **pair, "from": "a", "to": "b"}, {**figures, "from": "b", "to": "a"}
        summary = {**figures, "first_frame_ms": first}
        network = {"download_share": None}
        whole = {"valid": valid, "why": [] if valid else ["busy"], "pairs": [a, b], "network": network}
        return {**whole, "seconds": 40, "summary": summary, "baseline": theirs and {**theirs, **theirs["summary"]}}

    def table(lines):
        cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
        return [dict(zip(cells[0], line)) for line in cells[2:]]

    slow = report(True, 1000, cpu_seconds=40)
    fast = report(True, 300, slow, cpu_seconds=10)
    clean = [fast, report(True, 500, slow, cpu_seconds=10), report(False, 9000, slow)]
    fall = [report(False, 400, recovery=[{"settled_ms": None}], packets_lost=10, retransmissions=12)]
    wide = table(medians({"clean": clean, "fall": fall, "broken": ["no"]}))
    column = lambda name: [line[name] for line in wide]
    assert column("valid") == ["2 of 3", "0 of 1", "0 of 1"], wide
    assert column("first frame ms") == ["400", "(400)", ""], wide
    assert column("down in ms") == ["", "(never)", ""], wide
    assert column("sent again per lost") == ["", "(1.20)", ""], wide

    theirs = {"clean": [baseline(report) for report in clean]}
    judged = {line["figure"]: line for line in table(verdicts({"clean": clean}, theirs))}
    first, cpu = judged["first frame ms"], judged["CPU b"]
    assert (first["ours"], first["Chromium"], first["ratio"], first["reached"]) == ("400", "1000", "0.40", "(yes)"), first
    assert (cpu["ours"], cpu["Chromium"], cpu["to reach"]) == ("0.25", "1.00", "≤ 0.5 × Chromium's"), cpu
    assert judged["VMAF"]["reached"] == "not measured", judged
    enough = [fast] * 3
    judged = table(verdicts({"clean": enough}, {"clean": [baseline(report) for report in enough]}))
    assert judged[0]["reached"] == "yes", judged
    alone, both = document({"fall": fall}, {"fall": "c0ffee"}), document({"clean": clean}, {"clean": "c0ffee"})
    assert "# Chromium's" in both and "# Chromium's" not in alone and "Of c0ffee: fall." in alone
    assert doubts(report(True, 1, report(False, 1))) == ["Chromium: busy"]
    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder, "calls.json")
        one_part = {"runs": {"fall": ["no"]}, "commits": {"fall": "c0ffee"}}
        for rubbish in ["", [], {}, {**one_part, "commits": {}}, {**one_part, "runs": []}, {**one_part, "runs": {"fall": [{}]}}]:
            table.write_text(json.dumps(rubbish) if rubbish != "" else "")
            assert "is no table" in refused(table), rubbish
        table.write_text(json.dumps(one_part))
        assert earlier(table) == (one_part["runs"], one_part["commits"])
    assert "cannot be read" in refused("/nowhere/table.json")
    assert middle([(1.0, 40.0), (3.0, 60.0)]) == (2.0, 50.0)
    assert all(target.of in READS for *_, targets in CONDITIONS for target in targets)
    print("call_table.py: sound")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    tasks = parser.add_subparsers(dest="task", required=True)
    runner = tasks.add_parser("run")
    runner.add_argument("--lab", required=True)
    runner.add_argument("--out", required=True)
    runner.add_argument("--quick", action="store_true")
    runner.add_argument("--only", action="append")
    runner.add_argument("--add", help="an earlier table (its JSON), for the conditions that are not run now")
    runner.add_argument("--seconds", type=float, help="no call longer than this: to try the table, not for figures")
    runner.add_argument("arguments", nargs="*")
    tasks.add_parser("self-test")
    options = parser.parse_args()
    self_test() if options.task == "self-test" else run(options)
