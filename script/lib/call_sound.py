#!/usr/bin/env python3
"""The sound of a call for `snug-lab call --sound-scores`: the microphone speaks a recording over and over, the call begins and ends
somewhere in it.

    call_sound.py SPOKEN.wav HEARD.wav      prints {"pesq": ..., "visqol": ...}

SPOKEN is repeated to one turn less than HEARD lasts, so that wherever the call began, all of that lies within HEARD. Of silence there
is nothing to score: both are null then.
"""

import json
import math
import os
import sys
import tempfile

import numpy as np
import soundfile

import scores


def repeated(spoken, heard_path, into):
    """Writes what was spoken while HEARD was recorded, all but a turn; once at least."""
    sound, rate = soundfile.read(spoken, dtype="float64")
    turns = int(soundfile.info(heard_path).duration * rate / len(sound)) - 1
    soundfile.write(into, np.tile(sound, max(1, turns)), rate)


def is_silent(path):
    return not np.any(soundfile.read(path, dtype="float64")[0])


def main(spoken, heard):
    if is_silent(spoken):
        print(json.dumps({"pesq": None, "visqol": None}))
        return
    with tempfile.TemporaryDirectory() as folder:
        whole = os.path.join(folder, "spoken.wav")
        repeated(spoken, heard, whole)
        score = scores.score(whole, heard)
    # Neither has a number for sound in which it finds no speech; JSON has none for that.
    scored = {name: score[name] for name in ("pesq", "visqol")}
    print(json.dumps({name: value if value is not None and math.isfinite(value) else None for name, value in scored.items()}))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
