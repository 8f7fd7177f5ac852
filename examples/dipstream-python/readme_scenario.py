# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""Two sounds, linked: b is heard 2 s after a began, a ends 2 s after b.

    python3 readme_scenario.py          on the default JACK server
    python3 readme_scenario.py null     without any device
"""

import array
import math
import sys

from dipstream import DipStream

RATE = 48000


def tone(hz, seconds):
    return array.array("f", (0.2 * math.sin(2 * math.pi * hz * at / RATE)
                             for at in range(int(seconds * RATE))))


with DipStream(samplerate=RATE, device=sys.argv[1] if len(sys.argv) > 1 else None) as stream:
    a = stream.add(RATE, tone(440, 0.5), [1])
    b = stream.add(RATE, tone(660, 1.0), [1, 2])
    a.start(loop=True)
    b.start(start_with=a, with_offset=2)
    a.stop(stop_with=b, with_offset=2)
    print("a was heard for %.9f s, b for %.9f s" % (a.playback_duration, b.playback_duration))
