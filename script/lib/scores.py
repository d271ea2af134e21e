#!/usr/bin/env python3
"""How much of speech is left after a call: PESQ and ViSQOL of what was heard against what was spoken.

    scores.py SPOKEN.wav HEARD.wav...      prints one JSON list, an object per HEARD
    scores.py --self-test                  checks itself on made-up speech

PESQ is ITU-T P.862.2 (wide band), ViSQOL is Google's v3 in speech mode; both give 1 (bad) to about 4.6 and 5.
Both were made for clips of about ten seconds with a fixed delay, and a call lasts longer and its delay moves.
So the recording is laid over the speech as a whole first (the heard one may begin late and be longer), cut into
pieces, each of which is laid over its part of the speech again, and the mean over pieces that have speech is given.

As a module: score(spoken_path, heard_path, visqol=True) -> dict. Needs numpy, scipy, soundfile, pesq, visqol-python.
"""

import json
import sys

import numpy as np
import soundfile
from pesq import NoUtterancesError, PesqError, pesq
from scipy.signal import correlate, resample_poly

RATE = 16_000
PIECE_S = 10.0
# A piece may lie this much beside where the whole lies: what jitter buffers do.
SLACK_S = 0.6
# Quieter pieces (RMS, dBov) hold no speech.
SILENT_DB = -50.0


def read(path):
    """Mono at 16 kHz."""
    sound, rate = soundfile.read(path, dtype="float64", always_2d=True)
    sound = sound.mean(axis=1)
    if rate != RATE:
        common = np.gcd(rate, RATE)
        sound = resample_poly(sound, RATE // common, rate // common)
    return sound


def envelope(sound, hop):
    """Loudness in steps of `hop` samples, without its mean."""
    steps = len(sound) // hop
    frames = sound[: steps * hop].reshape(steps, hop)
    loud = np.log10(np.maximum((frames**2).mean(axis=1), 1e-7))
    return loud - loud.mean()


def offset(spoken, heard):
    """By how many samples `heard` lies later than `spoken`: by loudness first, then by the wave."""
    hop = RATE // 100
    rough = correlate(envelope(heard, hop), envelope(spoken, hop), mode="full", method="fft")
    lags = np.arange(-(len(spoken) // hop) + 1, len(heard) // hop)
    rough_lag = int(lags[np.argmax(rough)]) * hop
    return rough_lag + fine(cut(spoken, 0, len(spoken)), cut(heard, rough_lag, len(spoken)), RATE // 20)


def fine(spoken, heard, slack):
    """The lag within ±slack at which the two are most alike."""
    both = correlate(heard, spoken, mode="full", method="fft")
    middle = len(spoken) - 1
    slack = min(slack, middle, len(both) - 1 - middle)
    return int(np.argmax(both[middle - slack : middle + slack + 1])) - slack


def cut(sound, start, length):
    """`length` samples from `start`, silence where there are none."""
    out = np.zeros(length)
    begin, end = max(start, 0), min(start + length, len(sound))
    if end > begin:
        out[begin - start : end - start] = sound[begin:end]
    return out


def pieces(spoken, heard):
    """Pairs of about ten seconds that belong together, and how late the second is (ms)."""
    whole = offset(spoken, heard)
    count = max(1, round(len(spoken) / RATE / PIECE_S))
    edges = np.linspace(0, len(spoken), count + 1).astype(int)
    for begin, end in zip(edges[:-1], edges[1:]):
        said = spoken[begin:end]
        if 10 * np.log10(np.mean(said**2) + 1e-12) < SILENT_DB:
            continue
        there = cut(heard, begin + whole, end - begin)
        late = whole + fine(said, there, int(SLACK_S * RATE))
        yield said, cut(heard, begin + late, end - begin), late * 1000 / RATE


def score(spoken_path, heard_path, visqol=True):
    """Scores of one recording: pesq and visqol (null where there is nothing to score), and the pieces' own."""
    spoken, heard = read(spoken_path), read(heard_path)
    api = None
    if visqol:
        from visqol import VisqolApi

        api = VisqolApi()
        api.create(mode="speech")
    scored = []
    for said, got, late in pieces(spoken, heard):
        piece = {"late_ms": round(late, 1), "pesq": None, "visqol": None}
        try:
            piece["pesq"] = round(float(pesq(RATE, said, got, "wb")), 3)
        except (NoUtterancesError, PesqError, ValueError):
            # Nothing of it arrived (the reference code divides by it then): the worst there is.
            piece["pesq"] = 1.0
        if api:
            piece["visqol"] = round(float(api.measure_from_arrays(said, got, RATE).moslqo), 3)
        scored.append(piece)

    def mean(name):
        values = [piece[name] for piece in scored if piece[name] is not None]
        return round(float(np.mean(values)), 3) if values else None

    return {"file": heard_path, "pesq": mean("pesq"), "visqol": mean("visqol"), "pieces": scored}


def self_test():
    """Something like speech must score best against itself, worse with gaps, and whatever its delay."""
    import os
    import tempfile

    random = np.random.default_rng(1)
    t = np.arange(30 * RATE) / RATE
    pitch = 2 * np.pi * np.cumsum(140 + 30 * np.sin(2 * np.pi * 0.7 * t)) / RATE
    voice = sum(np.sin(k * pitch) / k for k in range(1, 25)) * (0.5 - 0.5 * np.cos(2 * np.pi * 2.3 * t))
    speech = 0.1 * voice * (np.sin(2 * np.pi * 0.23 * t) > -0.6) + 1e-4 * random.standard_normal(len(t))
    late = np.concatenate([np.zeros(RATE // 3), speech, np.zeros(RATE)])
    gaps = late.copy()
    for begin in range(0, len(gaps), RATE // 10):
        if random.random() < 0.3:
            gaps[begin : begin + RATE // 50] = 0
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, sound in [("spoken", speech), ("late", late), ("gaps", gaps), ("nothing", 0 * late)]:
            paths.append(os.path.join(folder, name + ".wav"))
            soundfile.write(paths[-1], sound, RATE)
        whole, holed, nothing = (score(paths[0], path, visqol=False) for path in paths[1:])
    assert whole["pesq"] > 4.3, whole
    assert all(abs(piece["late_ms"] - 333.3) < 1 for piece in whole["pieces"]), whole
    assert holed["pesq"] < whole["pesq"] - 0.5, holed
    assert nothing["pesq"] is None or nothing["pesq"] < 1.5, nothing
    print("scores.py: sound")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
    elif len(sys.argv) < 3:
        sys.exit(__doc__)
    else:
        print(json.dumps([score(sys.argv[1], heard) for heard in sys.argv[2:]], indent=1))
