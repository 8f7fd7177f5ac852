#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""The mixing loops of two Python mixers, made anew with numpy: dipstream's callback, and the mixing
of SimVX's audio backend with and without pitch. CPU time per voice and sample, one line of JSON
each. Left out is what only slows them down: locks, dictionaries, time stamps, the device."""
import json
import time

import numpy as np

VOICES = 64
LENGTH = 48000
SCRATCH = 16384  # dipstream clears so much each time, whatever the block


class DipSource:
    def __init__(self, data, first, channels):
        self.data, self.at, self.mapping = data, first, channels


class Dipstream:
    """float64 scratch, cleared whole; each source is added to the columns it is mapped to; a block
    that clips is an error; only then is it copied out."""

    def __init__(self):
        noise = np.random.default_rng(1)
        self.sources = {DipSource(noise.uniform(-0.01, 0.01, (LENGTH, 1)), (v * 7919) % LENGTH, [0, 1])
                        for v in range(VOICES)}
        self.scratch = np.zeros((SCRATCH, 2))

    def callback(self, out, block):
        out.fill(0)
        self.scratch.fill(0)
        for source in self.sources:
            remaining = len(source.data) - source.at
            if remaining > block:
                self.scratch[:block, source.mapping] += source.data[source.at:source.at + block]
                source.at += block
            else:
                self.scratch[:remaining, source.mapping] += source.data[source.at:]
                rest = block - remaining
                self.scratch[remaining:block, source.mapping] += source.data[:rest]
                source.at = rest
        if self.scratch.max() > 1.0 or self.scratch.min() < -1.0:
            raise ValueError("clipped")
        out[:] = self.scratch[:block]


class SimVxVoice:
    def __init__(self, data, first, pitch, pan):
        self.data, self.cursor, self.pitch = data, first, pitch
        self.volume, self.pan, self.loop = 0.01, pan, True


class SimVx:
    """float32 stereo; a voice at another pitch is read sample by sample; clamped, and turned to 16
    bits."""

    def __init__(self, pitch, voices):
        noise = np.random.default_rng(2)
        self.voices = [SimVxVoice(noise.uniform(-1, 1, (LENGTH, 2)).astype(np.float32),
                                  (v * 7919) % LENGTH, pitch, v % 21 / 10 - 1)
                       for v in range(voices)]

    @staticmethod
    def straight(voice, block):
        end = voice.cursor + block
        if end <= len(voice.data):
            piece = voice.data[voice.cursor:end]
            voice.cursor = end
            return piece
        rest = end - len(voice.data)
        piece = np.concatenate([voice.data[voice.cursor:], voice.data[:rest]])
        voice.cursor = rest
        return piece

    @staticmethod
    def pitched(voice, block):
        piece = np.zeros((block, 2), dtype=np.float32)
        length = len(voice.data)
        position = float(voice.cursor)
        for i in range(block):
            whole = int(position)
            if whole + 1 >= length:
                position -= length - 1
                whole = int(position)
            part = position - whole
            piece[i] = voice.data[whole] * (1 - part) + voice.data[whole + 1] * part
            position += voice.pitch
        voice.cursor = int(position)
        return piece

    def callback(self, out, block):
        mixed = np.zeros((block, 2), dtype=np.float32)
        for voice in self.voices:
            read = self.straight if abs(voice.pitch - 1) < 0.01 else self.pitched
            piece = read(voice, block)
            mixed[:, 0] += piece[:, 0] * (voice.volume * min(1.0, 1.0 - voice.pan))
            mixed[:, 1] += piece[:, 1] * (voice.volume * min(1.0, 1.0 + voice.pan))
        np.clip(mixed, -1.0, 1.0, out=mixed)
        out[:] = (mixed * 32767).astype(np.int16)


def measure(mixer, voices, block, blocks, kind):
    out = np.zeros((block, 2), dtype=kind)
    times = []
    mixer.callback(out, block)
    for _ in range(3):
        begin = time.thread_time_ns()
        for _ in range(blocks):
            mixer.callback(out, block)
        times.append((time.thread_time_ns() - begin) / (voices * block * blocks))
    return sorted(times)[1]


def tell(question, label, ns):
    print(json.dumps({"question": question, "label": label, "ns": ns}))


def main():
    dipstream, simvx, pitched = Dipstream(), SimVx(1.0, VOICES), SimVx(1.1, 2)
    for block in (64, 256, 1024):
        tell(f"plain {VOICES} {block}", "dipstream's loop, numpy",
             measure(dipstream, VOICES, block, 200, np.float32))
        tell(f"plain {VOICES} {block}", "SimVX's loop, numpy",
             measure(simvx, VOICES, block, 200, np.int16))
    tell(f"linear {VOICES} 256", "SimVX's pitch loop", measure(pitched, 2, 256, 20, np.int16))


main()
