#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""Runs the benches of the transport, interleaved, and writes tables, JSON and a plot."""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "transport")]
import plan  # noqa: E402
import plot  # noqa: E402
import report  # noqa: E402
import runner  # noqa: E402


def count_system_calls():
    """How many futex calls a hop makes while nobody sleeps."""
    tool = shutil.which("strace")
    hop = plan.contender(plan.RING, 512, mode="flood", touch=0, wait="spin", seconds=5,
                         messages=1000000)
    if tool is None or hop.path() is None:
        return ""
    done = subprocess.run([tool, "-f", "-c", "-U", "name,calls"] + hop.command(), text=True,
                          capture_output=True, timeout=60, check=False)
    total = re.search(r"total\s+(\d+)", done.stderr)
    futex = re.search(r"futex\s+(\d+)", done.stderr)
    line = next((line for line in done.stdout.splitlines() if line.startswith("{")), None)
    if total is None or line is None:
        return ""
    messages = json.loads(line)["messages"]
    return (f"System calls of both processes over {messages} frames with nobody asleep, start and "
            f"end included (`strace -f -c`): {total[1]}, of these futex: "
            f"{futex[1] if futex else 0}.")


def add(old, new):
    for question, contenders in new.items():
        for label, runs in contenders.items():
            old.setdefault(question, {}).setdefault(label, []).extend(runs)
    return old


def put_into_docs(text, picture):
    path = runner.ROOT / "docs" / "benchmarks.md"
    begin, end = "<!-- transport: begin -->\n", "<!-- transport: end -->\n"
    page = path.read_text()
    head, rest = page.split(begin)
    path.write_text(head + begin + text + end + rest.split(end)[1])
    (runner.ROOT / "docs" / "img" / "transport.svg").write_text(picture)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 short rounds, to see that it runs")
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--patience", type=float, default=0, metavar="S",
                        help="wait so long before each question for cores near one another")
    parser.add_argument("--add", action="store_true", help="to the last results, as more rounds")
    parser.add_argument("--only", default="", help="questions whose name begins so")
    parser.add_argument("--write-docs", action="store_true", help="into docs/benchmarks.md")
    parser.add_argument("--from", dest="source", help="no runs: report results of this JSON file")
    options = parser.parse_args()
    questions = [q for q in plan.questions(options.quick) if q.name.startswith(options.only)]
    out = runner.ROOT / "build" / "bench" / "results"
    out.mkdir(parents=True, exist_ok=True)
    if options.source:
        saved = json.loads(pathlib.Path(options.source).read_text())
        results, facts, calls = saved["results"], saved["facts"], saved["system_calls"]
    else:
        rounds = options.rounds or (3 if options.quick else 5)
        facts = {**runner.machine(), "rounds": rounds}
        daemon = runner.start_daemon()
        if daemon is None:  # its clients would wait for it
            for question in questions:
                question.contenders = [contender for contender in question.contenders
                                       if contender.label != plan.ICEORYX]
        try:
            probe = runner.Contender("probe", "transport/roofline", mode="flood",
                                     size=plan.SIZES["VGA"], seconds=0.06, warm=0.03)
            results = runner.measure(questions, rounds, probe, options.patience)
        finally:
            runner.stop_daemon(daemon)
        calls = count_system_calls()
        if options.add:
            results = add(json.loads((out / "transport.json").read_text())["results"], results)
            questions = plan.questions(options.quick)
        (out / "transport.json").write_text(json.dumps(
            {"facts": facts, "results": results, "system_calls": calls}, indent=1))
    questions = [q for q in questions if q.name in results]
    facts["rounds"] = max(len(runs) for one in results.values() for runs in one.values())
    text = report.page(questions, results, plan.goals(), facts, calls)
    (out / "transport.md").write_text(text)
    print(text)
    picture = plot.draw(results, facts)
    if picture:
        (out / "transport.svg").write_text(picture)
        if options.write_docs:
            put_into_docs(text, picture)
    print(f"results: {out}", file=sys.stderr)


main()
