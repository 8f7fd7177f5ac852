# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""Feed a stream on output 2 of a mixer: SOCKET SAMPLES. Sample n is (n + 1) / 131072."""

import array
import random
import sys
import time

from dipstream import DipStream


def main(path, samples):
    chance = random.Random(5)
    with DipStream(attach=path) as desk:
        stream = desk.open_stream([2], on_gap="keep_content", on_owner_exit="keep")
        fed = 0
        while fed < samples:
            end = min(samples, fed + chance.randrange(1, 4000))
            taken = stream.feed(array.array("f", [(n + 1) / 131072 for n in range(fed, end)]))
            if fed == 0:
                stream.start(timeout=30)
                print("begun", flush=True)
            fed += taken
            if taken == 0:
                time.sleep(0.005)  # it is full
        stream.close()
        desk._link.wait(lambda: stream._ended is not None)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
