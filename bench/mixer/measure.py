#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""The mixer: what a voice costs beside a hand-written loop, OpenAL Soft and two Python mixers, how
clean its interpolation is, and how steadily a JACK server calls it. Round after round, in turn."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import picture  # noqa: E402
import runner  # noqa: E402
import tables  # noqa: E402

PROGRAMS = runner.PROGRAMS / "mixer"
SEEDS = ["/usr/bin/python3", str(HERE / "seeds.py")]


class JackServer:
    """A private server on the dummy driver with real-time priority, for the length of a `with`."""

    def __enter__(self):
        self.name = f"bench-mixer-{os.getpid()}"
        self.process = subprocess.Popen(
            ["jackd", "--name", self.name, "-R", "-P", "70", "-d", "dummy", "-r", "48000", "-p", "64"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run(["jack_wait", "-s", self.name, "-w", "-t", "10"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)
        return self.name

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def run(command, pinned, limit_s=120):
    """What a program tells, a JSON object a line. Loops that are compared share one core."""
    def prepare():
        runner.raise_priority()
        if pinned:
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=limit_s, check=False, preexec_fn=prepare)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: " + (done.stderr.strip().splitlines() or ["failed"])[-1])
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def keep(results, turn, told):
    for one in told:
        runs = results.setdefault(one.pop("question"), {}).setdefault(one.pop("label"), [])
        runs.extend([None] * (turn - len(runs)))  # rounds that failed
        runs.append(one)


def jitter(server, seconds, turns):
    """Both clients in turn, each several times; the medians are the round's. The trivial one has a
    second turn: its ratio to itself is how much of any ratio is chance."""
    clients = (("trivial", tables.TRIVIAL), ("avrig", tables.CLIENT), ("trivial", tables.AGAIN))
    found = {}
    for _ in range(turns):
        for client, label in clients:
            for one in run([PROGRAMS / "jack_cycle", server, client, seconds], False):
                found.setdefault(label, []).append(one)
    return [{"question": "jack", "label": label,
             **{key: statistics.median(one[key] for one in runs)
                for key in ("p50_us", "p90_us", "p99_us", "late")}}
            for label, runs in found.items()]


def one_round(turn, server, options, results):
    steps = []
    if "loops" in options.parts:
        steps += [lambda: run([PROGRAMS / "mixer"], True), lambda: run(SEEDS, True)]
    if "jack" in options.parts:
        steps += [lambda: jitter(server, 2.5, 1 if options.quick else 5),
                  lambda: run([PROGRAMS / "jack_cycle", server, "avrig", 1, "freewheel"], False)]
    for step in steps:
        try:
            keep(results, turn, step())
        except (RuntimeError, OSError, subprocess.SubprocessError) as why:
            print(why, file=sys.stderr)


def take(options):
    rounds = options.rounds or (2 if options.quick else 5)
    facts = {**runner.machine(), "rounds": rounds, "load": []}
    results = {}
    with JackServer() as server:
        for turn in range(rounds):
            began = time.monotonic()
            facts["load"].append(os.getloadavg()[0])
            one_round(turn, server, options, results)
            print(f"round {turn + 1} of {rounds}: {time.monotonic() - began:.0f} s", file=sys.stderr,
                  flush=True)
    return {"facts": facts, "results": results}


def put_into_docs(text, drawing):
    path = runner.ROOT / "docs" / "benchmarks.md"
    begin, end = "<!-- mixer: begin -->\n", "<!-- mixer: end -->\n"
    head, rest = path.read_text().split(begin)
    path.write_text(head + begin + text + end + rest.split(end)[1])
    if drawing:
        (runner.ROOT / "docs" / "img" / "mixer.svg").write_text(drawing)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("room", nargs="?", choices=("mixer",))
    parser.add_argument("--quick", action="store_true", help="2 short rounds, to see that it runs")
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--parts", nargs="+", default=["loops", "jack"], choices=("loops", "jack"))
    parser.add_argument("--write-docs", action="store_true", help="into docs/benchmarks.md")
    parser.add_argument("--from", dest="source", type=pathlib.Path,
                        help="no runs: report results of this JSON file")
    options = parser.parse_args()
    out = runner.ROOT / "build" / "bench" / "results"
    out.mkdir(parents=True, exist_ok=True)
    if options.source:
        saved = json.loads(options.source.read_text())
    else:
        saved = take(options)
        (out / "mixer.json").write_text(json.dumps(saved, indent=1))
    text = tables.page(saved["results"], saved["facts"])
    drawing = picture.draw(saved["results"], saved["facts"])
    (out / "mixer.md").write_text(text)
    if drawing:
        (out / "mixer.svg").write_text(drawing)
    print(text)
    if options.write_docs:
        put_into_docs(text, drawing)


main()
