# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""The mixer's results as tables: each figure a median with its least and most."""
import report
import runner

COUNTS = (1, 16, 64, 256, 1024, 4096)
BLOCKS = (64, 256, 1024)
OURS, SHORT, LARGE = "avrig", "avrig, 16 bits", "avrig, large pages"
HAND, READ, OPENAL = "hand-blocked loop", "reading alone", "OpenAL Soft"
DIP, SIMVX, SIMVX_PITCH = "dipstream's loop, numpy", "SimVX's loop, numpy", "SimVX's pitch loop"
WHEEL, TRIVIAL, CLIENT = "JACK in freewheel", "trivial client", "avrig, 64 voices"
AGAIN = "trivial client, again"


def cell(what, voices, block):
    return f"{what} {voices} {block}"


class Goal:
    """A ratio of two figures, round by round, in one cell or more: the worst cell is judged."""

    def __init__(self, what, sense, bound, above, below, metric="ns"):
        self.what, self.sense, self.bound, self.metric = what, sense, bound, metric
        self.pairs = list(zip(above, below))

    def judge(self, results):
        """(median and spread of the worst cell, its name), None where nothing was measured."""
        found = []
        for (question, label), below in self.pairs:
            values = runner.series(results, question, label, self.metric)
            if below is not None:
                values = runner.ratios(values, runner.series(results, *below, self.metric))
            summary = runner.summary(values)
            if summary is not None:
                found.append((summary["median"], question, values))
        if not found:
            return None
        pick = max if self.sense == "<=" else min
        return pick(found, key=lambda one: one[0])

    def reached(self, median):
        return median <= self.bound if self.sense == "<=" else median >= self.bound


def both(label, other, cells):
    return [(one, label) for one in cells], [(one, other) for one in cells]


def plain_goals():
    goals = []
    for voices in COUNTS:
        cells = [cell("plain", voices, block) for block in BLOCKS]
        goals.append(Goal(f"{voices} voice{'s' if voices > 1 else ''}: a voice's cost / the "
                          "hand-blocked loop's", "<=", 1.5, *both(OURS, HAND, cells)))
    every = [cell("plain", voices, block) for voices in COUNTS for block in BLOCKS]
    goals.append(Goal("OpenAL Soft / avrig", ">=", 3, *both(OPENAL, OURS, every)))
    for label, name in ((DIP, "dipstream's"), (SIMVX, "SimVX's")):
        for block, bound in ((64, 80), (256, 30)):
            goals.append(Goal(f"{name} loop in numpy / avrig, blocks of {block}", ">=", bound,
                              *both(label, OURS, [cell("plain", 64, block)])))
    for label, name in ((OURS, "4096 voices / 256 voices"), (LARGE, "the same, in large pages")):
        goals.append(Goal(name, "<=", 1.3, [(cell("plain", 4096, block), label) for block in BLOCKS],
                          [(cell("plain", 256, block), label) for block in BLOCKS]))
    goals.append(Goal("a voice in a block at all, ns", "<=", 20, [("fixed", OURS)], [None]))
    many = [cell("plain", voices, block) for voices in (256, 1024, 4096) for block in (256, 1024)]
    goals.append(Goal("16-bit data / reading the same voices as float, 256 voices and more, blocks "
                      "of 256 and more", "<=", 1, *both(SHORT, READ, many)))
    return goals


def other_goals():
    goals = []
    for way in ("linear", "sinc"):
        cells = [cell(way, voices, block) for voices in (64, 256) for block in BLOCKS]
        goals.append(Goal(f"pitch 1.1, {way}: OpenAL Soft / avrig", ">=", 2,
                          *both(OPENAL, OURS, cells)))
        goals.append(Goal(f"the same, 16-bit data", ">=", 2, *both(OPENAL, SHORT, cells)))
        goals.append(Goal(f"{way}: signal to noise, avrig / OpenAL Soft (dB / dB)", ">=", 1,
                          *both(OURS, OPENAL, [f"snr {way}"]), metric="db"))
    goals.append(Goal("SimVX's pitch loop / avrig, linear", ">=", 1000,
                      *both(SIMVX_PITCH, OURS, [cell("linear", 64, 256)])))
    goals.append(Goal("64 voices, cycles of 64: JACK's freewheel / offline render", ">=", 10,
                      *both(WHEEL, OURS, ["offline"])))
    for metric, name in (("p50_us", "median"), ("p99_us", "99 %")):
        goals.append(Goal(f"JACK at 64, jitter of the callback, {name}: 64 voices / trivial client",
                          "<=", 1.25, *both(CLIENT, TRIVIAL, ["jack"]), metric=metric))
    return goals


def goal_table(results):
    lines = ["| goal | wanted | measured, worst cell | reached |", "|---|---|---|---|"]
    for goal in plain_goals() + other_goals():
        found = goal.judge(results)
        if found is None:
            continue
        median, question, values = found
        where = " voices, blocks of ".join(question.split()[1:]) if len(goal.pairs) > 1 else ""
        lines.append(f"| {goal.what} | {goal.sense} {goal.bound:g} | {report.spread(values)}"
                     f"{f' ({where})' if where else ''} | "
                     f"{'yes' if goal.reached(median) else '**no**'} |")
    return lines


def grid(results, title, questions, labels, metric="ns"):
    """One row a question, one column a label that was measured anywhere."""
    rows = [question for question in questions if question in results]
    columns = [label for label in labels if any(label in results[row] for row in rows)]
    if not rows:
        return []
    lines = ["", f"**{title}**", "", "| | " + " | ".join(columns) + " |",
             "|---" * (len(columns) + 1) + "|"]
    for row in rows:
        cells = [report.spread(runner.series(results, row, label, metric)) for label in columns]
        words = row.split()
        name = f"{words[1]} x {words[2]}" if len(words) == 3 and words[1].isdigit() else row
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def page(results, facts):
    load = report.spread(facts["load"])
    lines = [f"{facts['date']}, {facts['cpu']}, {facts['cpus']} CPUs"
             f"{' (virtual)' if facts['virtual'] else ''}, Linux {facts['kernel']}, "
             f"{facts['system']}, revision {facts['revision']}; {facts['rounds']} rounds, load "
             f"average before each {load}.", ""]
    lines += goal_table(results)
    lines += grid(results, "Pitch 1, gain and pan: CPU time, ns per voice and sample (voices x block)",
                  [cell("plain", voices, block) for voices in COUNTS for block in BLOCKS],
                  (OURS, LARGE, SHORT, HAND, READ, OPENAL, DIP, SIMVX))
    for way, title in (("linear", "Pitch 1.1, linear"), ("cubic", "Pitch 1.1, cubic"),
                       ("sinc", "Pitch 1.1, sinc (OpenAL Soft: of 11th order)")):
        lines += grid(results, f"{title}: ns per voice and sample",
                      [cell(way, voices, block) for voices in (64, 256) for block in BLOCKS],
                      (OURS, SHORT, OPENAL, SIMVX_PITCH))
    lines += grid(results, "Eleven tones of 61 to 12007 Hz at pitches 0.7 to 1.37: signal to noise, "
                  "dB, the worst pitch", [f"snr {way}" for way in ("linear", "cubic", "sinc")],
                  (OURS, OPENAL), "db")
    lines += grid(results, "Builds of the loops, 16 voices in the cache, blocks of 256: ns per voice "
                  "and sample", [f"dispatch {way}" for way in ("pitch 1", "linear", "cubic", "sinc")],
                  ("AVX-512", "AVX2", "plain"))
    lines += grid(results, "64 voices rendered as fast as it goes: wall time of a cycle of 64, ns",
                  ["offline"], (OURS, WHEEL))
    if "jack" in results:
        lines += ["", "**Callback of a JACK client, cycles of 64 samples: jitter, us**", "",
                  "| | median | 90 % | 99 % | gaps beyond 1.5 periods |", "|---|---|---|---|---|"]
        for label in (CLIENT, TRIVIAL, AGAIN):
            cells = [report.spread(runner.series(results, "jack", label, metric))
                     for metric in ("p50_us", "p90_us", "p99_us", "late")]
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
        itself = [runner.ratios(runner.series(results, "jack", AGAIN, metric),
                                runner.series(results, "jack", TRIVIAL, metric))
                  for metric in ("p50_us", "p99_us")]
        lines += ["", f"The trivial client / itself: median {report.spread(itself[0])}, "
                  f"99 % {report.spread(itself[1])}."]
    return "\n".join(lines) + "\n"
