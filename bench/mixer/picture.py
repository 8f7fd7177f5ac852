# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""The mixer's picture, as SVG: what a voice costs, over the number of voices."""
import math
from xml.sax.saxutils import escape

import runner
import tables

WIDTH, HEIGHT = 1120, 520
INK, SOFT, GRID, PAPER = "#1f2933", "#5b6672", "#e3e7eb", "#ffffff"
COLOUR = {tables.OURS: "#0b7285", tables.SHORT: "#38b2ac", tables.HAND: "#868e96",
          tables.OPENAL: "#e8590c", tables.DIP: "#7048c8", tables.SIMVX: "#c2255c"}
LOW, HIGH = 0.1, 100.0


def text(x, y, words, size=13, colour=INK, anchor="start", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
            f'text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>')


def height_of(value, top, height):
    share = math.log(min(max(value, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return top + height * (1 - share)


def median(results, voices, block, label):
    found = runner.summary(runner.series(results, tables.cell("plain", voices, block), label, "ns"))
    return found["median"] if found else None


def axes(left, top, width, height, block):
    parts = [text(left, top - 18, f"blocks of {block} samples", 14, INK, weight="bold")]
    for tick in (0.1, 1, 10, 100):
        y = height_of(tick, top, height)
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" '
                     f'stroke="{GRID}"/>')
        parts.append(text(left - 6, y + 4, f"{tick:g}", 12, SOFT, "end"))
    return parts


def panel(results, left, top, width, height, block):
    parts = axes(left, top, width, height, block)
    column = lambda i: left + 16 + (width - 32) * i / (len(tables.COUNTS) - 1)
    for i, voices in enumerate(tables.COUNTS):
        parts.append(text(column(i), top + height + 20, str(voices), 12, INK, "middle"))
    for label, colour in COLOUR.items():
        points = [(column(i), height_of(value, top, height))
                  for i, voices in enumerate(tables.COUNTS)
                  if (value := median(results, voices, block, label)) is not None]
        thick = 3.4 if label == tables.OURS else 2
        if len(points) > 1:
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" '
                         f'stroke-width="{thick}" stroke-linejoin="round"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{thick + 1.2}" fill="{colour}" '
                  f'stroke="{PAPER}" stroke-width="1.2"/>' for x, y in points]
    return parts


def legend(results, top):
    parts, x = [], 40
    for label, colour in COLOUR.items():
        if not any(label in labels for labels in results.values()):
            continue
        parts.append(f'<circle cx="{x}" cy="{top - 4}" r="5" fill="{colour}"/>')
        parts.append(text(x + 11, top, label, 13, colour,
                          weight="bold" if label == tables.OURS else "normal"))
        x += 34 + 7.4 * len(label)
    return parts


def draw(results, facts):
    """None where the runs that it shows are missing."""
    if tables.cell("plain", 64, 64) not in results:
        return None
    parts = [text(28, 34, "What a voice costs: mono to stereo at pitch 1, gain and pan, memory of its "
                          "own", 17, weight="bold"),
             text(28, 56, "CPU time, ns per voice and sample, over the number of voices; log scale: "
                          "lower is better", 12.5, SOFT)]
    parts += legend(results, 84)
    for i, block in enumerate(tables.BLOCKS):
        parts += panel(results, 50 + i * 362, 136, 318, 320, block)
    parts.append(text(28, HEIGHT - 12, f"{facts['cpu']}, {facts['cpus']} CPUs"
                      f"{', virtual' if facts['virtual'] else ''}; {facts['system']}; medians of "
                      f"interleaved rounds. scripts/bench mixer, {facts['date']}", 11.5, SOFT))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif"><rect '
            f'width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>' + "".join(parts) + "</svg>\n")
