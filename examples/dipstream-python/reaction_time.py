# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""A reaction time: a beep at an unforeseeable moment, and the return key, on one clock.

The beep's time is that of its first sample at the output; the key's is when the terminal handed it
over. Both are stream time.
"""

import array
import math
import random
import sys

from dipstream import DipStream

RATE = 48000
beep = array.array("f", (0.5 * math.sin(2 * math.pi * 1000 * at / RATE) for at in range(RATE // 5)))

with DipStream(samplerate=RATE, device=sys.argv[1] if len(sys.argv) > 1 else None) as stream:
    source = stream.add(RATE, beep, [1, 2])
    for trial in range(1, 6):
        print("trial %d: press return when you hear the beep" % trial, flush=True)
        source.start(at=stream.now + random.uniform(1.0, 3.0))
        sys.stdin.readline()
        pressed = stream.now
        print("  %.1f ms" % (1000 * stream.elapsed_between(source.start_time, pressed)))
