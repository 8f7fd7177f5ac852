# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""The transport's picture, as SVG: latency over payload, and throughput."""
import math
from xml.sax.saxutils import escape

import plan
import runner

WIDTH, HEIGHT = 1120, 560
INK, SOFT, GRID, PAPER = "#1f2933", "#5b6672", "#e3e7eb", "#ffffff"
COLOUR = {plan.RING: "#0b7285", plan.ICEORYX: "#e8590c", plan.GSTREAMER: "#7048c8",
          plan.QUEUE: "#868e96", plan.ZEROMQ: "#b08900", plan.TORCH: "#c2255c",
          plan.ROOF: "#ced4da"}
SIZES = list(plan.SIZES)


class Canvas:
    def __init__(self):
        self.parts = []

    def text(self, x, y, words, size=13, colour=INK, anchor="start", weight="normal"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
                          f'text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>')

    def line(self, x1, y1, x2, y2, colour=GRID, width=1.0, dash=""):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'stroke="{colour}" stroke-width="{width}"'
                          + (f' stroke-dasharray="{dash}"' if dash else "") + "/>")

    def bar(self, x, y, width, height, colour, opacity=1.0):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1.5):.1f}" '
                          f'height="{height:.1f}" rx="1.5" fill="{colour}" '
                          f'opacity="{opacity}"/>')

    def path(self, points, colour, width):
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{text}" fill="none" stroke="{colour}" '
                          f'stroke-width="{width}" stroke-linejoin="round"/>')

    def dot(self, x, y, colour, radius):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}" '
                          f'stroke="{PAPER}" stroke-width="1.2"/>')

    def svg(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
                f'width="{WIDTH}" height="{HEIGHT}" font-family="DejaVu Sans, Helvetica, Arial, '
                f'sans-serif"><rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>'
                + "".join(self.parts) + "</svg>\n")


def latency(results, size, label):
    return runner.summary(runner.series(results, f"paced {size}", label, "p50_us"))


def human_us(value):
    return f"{value / 1000:g} ms" if value >= 1000 else f"{value:g} us"


def spread_labels(wanted, gap):
    """Keep labels at least `gap` apart, in order."""
    placed = []
    for y, label in sorted(wanted):
        placed.append((max(y, placed[-1][0] + gap) if placed else y, label))
    return placed


def draw_latency(canvas, results, left, top, width, height):
    canvas.text(left, top - 44, "One hop to a sleeping consumer", 17, weight="bold")
    canvas.text(left, top - 22, "median, one way; 1 kHz blocks, 60 Hz pictures; log scale: "
                                "flat is good", 12.5, SOFT)
    low, high = 10.0, 30000.0
    share = lambda us: math.log(min(max(us, low), high) / low) / math.log(high / low)
    place = lambda us: top + height * (1 - share(us))
    column = lambda index: left + 58 + (width - 58 - 150) * index / (len(SIZES) - 1)
    for tick in (10, 100, 1000, 10000):
        canvas.line(left + 50, place(tick), left + width - 140, place(tick))
        canvas.text(left + 44, place(tick) + 4, human_us(tick), 12, SOFT, "end")
    for index, size in enumerate(SIZES):
        canvas.text(column(index), top + height + 22, size, 12.5, INK, "middle")
    ends = []
    for label in (plan.ZEROMQ, plan.QUEUE, plan.TORCH, plan.GSTREAMER, plan.ICEORYX, plan.RING):
        found = [(index, latency(results, size, label)) for index, size in enumerate(SIZES)]
        points = [(column(index), place(one["median"])) for index, one in found if one]
        if not points:
            continue
        is_ours = label == plan.RING
        canvas.path(points, COLOUR[label], 3.6 if is_ours else 2)
        for x, y in points:
            canvas.dot(x, y, COLOUR[label], 5 if is_ours else 3.6)
        if points[-1][0] < column(len(SIZES) - 1):
            canvas.text(points[-1][0] + 10, points[-1][1] + 4, label, 13, COLOUR[label])
        else:
            ends.append((points[-1][1], label))
    for y, label in spread_labels(ends, 17):
        canvas.text(left + width - 140, y + 4, label, 13, COLOUR[label],
                    weight="bold" if label == plan.RING else "normal")


def throughput(results, size, label, state):
    return runner.summary(runner.series(results, f"flood {size}", label, "gb_per_s", state))


def rounds_in(results, sizes, state):
    counts = [found["runs"] if (found := throughput(results, size, plan.RING, state)) else 0
              for size in sizes]
    return f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)}-{max(counts)}"


def number(value):
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def draw_throughput(canvas, results, left, top, width, height):
    sizes = ("VGA", "1080p", "4K")
    labels = (plan.RING, plan.ICEORYX, plan.GSTREAMER, plan.QUEUE, plan.TORCH)
    found = [one["median"] for size in sizes for label in labels + (plan.ROOF,)
             for state in ("near", "far", None)
             if (one := throughput(results, size, label, state))]
    if not found:
        return
    states = [state for state in ("near", "far") if any(
        throughput(results, size, plan.RING, state) for size in sizes)] or [None]
    shown = "".join(f"{shade}: cores {state} ({rounds_in(results, sizes, state)} rounds); "
                    for state, shade in zip(states, ("solid", "pale")) if state)
    canvas.text(left, top - 44, "Throughput, every byte written and read", 17, weight="bold")
    canvas.text(left, top - 22, f"GB/s; {shown}dashed: roofline", 12.5, SOFT)
    names = 150
    scale = (width - names - 80) / max(found)
    group = height / len(sizes)
    for index, size in enumerate(sizes):
        y = top + index * group
        canvas.text(left, y + 12, size, 14, weight="bold")
        step = (group - 18) / len(labels)
        for row, label in enumerate(labels):
            at = y + row * step
            canvas.text(left + names - 8, at + step / 2 + 2, label, 12, COLOUR[label], "end",
                        "bold" if label == plan.RING else "normal")
            medians = [one["median"] for state in states
                       if (one := throughput(results, size, label, state))]
            thick = (step - 6) / len(states)
            for line, median in enumerate(medians):
                canvas.bar(left + names, at + line * thick, median * scale, thick, COLOUR[label],
                           0.4 if line else 1)
            if medians:
                canvas.text(left + names + max(medians) * scale + 7, at + step / 2 + 1,
                            " | ".join(number(median) for median in medians), 12, INK)
        roof = throughput(results, size, plan.ROOF, states[0])
        if roof:
            x = left + names + roof["median"] * scale
            canvas.line(x, y - 4, x, y + group - 20, SOFT, 1.4, "4 3")


def draw(results, facts):
    """None where the runs that it shows are missing."""
    if f"paced {SIZES[0]}" not in results or "flood VGA" not in results:
        return None
    canvas = Canvas()
    draw_latency(canvas, results, 28, 84, 560, 400)
    draw_throughput(canvas, results, 620, 84, 480, 420)
    canvas.text(28, HEIGHT - 14,
                f"{facts['cpu']}, {facts['cpus']} CPUs{', virtual' if facts['virtual'] else ''}; "
                f"{facts['system']}; medians of interleaved rounds. "
                f"scripts/bench, {facts['date']}", 11.5, SOFT)
    return canvas.svg()
