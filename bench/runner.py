# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""Runs contenders in turn, round after round, and keeps what each printed and who disturbed it."""
import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "build" / "bench" / "bench_bin"
# A run is calm while others use less than this of one CPU.
CALM_PERCENT = 10
# What the roofline passes on in VGA frames tells cores that are near one another from far ones.
NEAR_GB_PER_S = 12


class Contender:
    """One program with its options; `label` names it in tables."""

    def __init__(self, label, program, **options):
        self.label, self.program, self.options = label, program, options

    def path(self):
        for base in (PROGRAMS, ROOT / "bench"):
            if (base / self.program).exists():
                return base / self.program
        return None

    def command(self):
        command = ["/usr/bin/python3"] if self.program.endswith(".py") else []
        command.append(str(self.path()))
        for key, value in self.options.items():
            command += ["--" + key, str(value)]
        return command


class Question:
    """Contenders that are compared with one another, by `metric`."""

    def __init__(self, name, title, metric, contenders):
        self.name, self.title, self.metric, self.contenders = name, title, metric, contenders


def raise_priority():
    """All contenders alike before whatever else runs here. Where the kernel groups processes by
    session, a nice value counts only inside its group; so the group is raised too."""
    for path, action in (("nice", lambda: os.nice(-10)),
                         ("autogroup", lambda: open("/proc/self/autogroup", "w").write("-20"))):
        try:
            action()
        except OSError:
            pass


def run(contender, limit_s=25):
    child = subprocess.Popen(contender.command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, start_new_session=True, preexec_fn=raise_priority)
    try:
        out, err = child.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return None, f"no end within {limit_s} s"
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)
        raise
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if child.returncode != 0 or not lines:
        return None, (err.strip().splitlines() or ["no result"])[-1]
    result = json.loads(lines[-1])
    if result.get("lost"):
        return None, f"{result['lost']} frames were lost"
    return result, ""


def start_daemon():
    """iceoryx needs its RouDi; one that already runs is used."""
    if not (PROGRAMS / "transport" / "peer_iceoryx").exists():
        return None
    try:
        daemon = subprocess.Popen(
            ["iox-roudi", "-c", str(ROOT / "bench/transport/roudi.toml"), "-m", "off", "-l", "error"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        return None
    time.sleep(1.5)
    return daemon


def stop_daemon(daemon):
    if daemon is not None and daemon.poll() is None:
        daemon.terminate()
        daemon.wait()
    # Of iceoryx's clients, and of contenders that had to be killed.
    for folder in ("/tmp", "/dev/shm"):
        for left in pathlib.Path(folder).glob("avrig-bench-*"):
            left.unlink(missing_ok=True)


def cores(probe):
    """near | far: how fast these two cores pass cache lines just now. On a virtual machine it may
    change by the second, tenfold; elsewhere it does not."""
    if probe is None or probe.path() is None:
        return "unknown"
    result, _ = run(probe)
    return "unknown" if result is None else "near" if result["gb_per_s"] > NEAR_GB_PER_S else "far"


def wait_for_near(probe, until):
    state = cores(probe)
    while state == "far" and time.monotonic() < until:
        time.sleep(1)
        state = cores(probe)
    return state


def ask(question, probe, until, results, tell):
    """One round of a question; each result is marked with where the cores were."""
    before = wait_for_near(probe, until)
    found = []
    for contender in question.contenders:
        result, why = run(contender)
        if result is None:
            tell(f"{question.name}: {contender.label}: {why}")
        results[question.name][contender.label].append(result)
        found.append(result)
    state = before if cores(probe) == before else "changed"
    for result in found:
        if result is not None:
            result["cores"] = state


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure(questions, rounds, probe=None, patience_s=0, tell=say):
    """{question: {label: [result or None a round]}}"""
    results = {question.name: {c.label: [] for c in question.contenders} for question in questions}
    for question in questions:
        for contender in [c for c in question.contenders if c.path() is None]:
            tell(f"{question.name}: {contender.label} is not built, left out")
            question.contenders.remove(contender)
            del results[question.name][contender.label]
    for turn in range(rounds):
        for question in questions:
            ask(question, probe, time.monotonic() + patience_s, results, tell)
        tell(f"round {turn + 1} of {rounds}")
    return results


def summary(values):
    values = [value for value in values if value is not None]
    if not values:
        return None
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "runs": len(values)}


def series(results, question, label, metric, state=None):
    """One value a round; None where the run failed, or the cores were not as `state` says."""
    return [None if run is None or state not in (None, run.get("cores")) else run.get(metric)
            for run in results.get(question, {}).get(label, [])]


def ratios(above, below):
    """Round by round: both sides saw the same machine."""
    return [a / b for a, b in zip(above, below) if a is not None and b]


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = next((line.split(":")[1].strip() for line in text.splitlines()
                  if line.startswith("model name")), platform.machine())
    memory_kb = int(pathlib.Path("/proc/meminfo").read_text().split()[1])
    revision = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, text=True,
                              capture_output=True, check=False).stdout.strip()
    return {"cpu": model, "cpus": os.cpu_count(), "memory_gib": round(memory_kb / 2**20),
            "kernel": platform.release(), "virtual": "hypervisor" in text,
            "system": next((line.split("=")[1].strip('"') for line in
                            pathlib.Path("/etc/os-release").read_text().splitlines()
                            if line.startswith("PRETTY_NAME")), "Linux"),
            "revision": revision, "date": time.strftime("%Y-%m-%d")}
