#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""Media and starting: what decoding and whole chains cost as avrig runs them, beside what else does
the same; how soon a rig has its first frame out, and how soon a killed stage works again."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import report  # noqa: E402
import runner  # noqa: E402

FRAMES = 600
SIZE = (1920, 1080)
# x264 as `write: media` sets it when nothing is said; two threads for whatever has threads.
X264 = ["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-crf", "20", "-g", "60",
        "-bf", "0", "-threads", "2"]
FFMPEG = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
CHAIN = """avrig: 1
pipeline: bench-chain
stages:
  - {id: clip, read: media, with: {url: "%s", audio: false, threads: 2, pixel_format: %s}}
  - {id: blur, process: gaussian-blur, in: clip/video, with: {kernel: 5}}
  - {id: take, write: media, in: blur, with: {url: "{run}/take.mkv", threads: 2}}
"""


class Bench:
    """Where programs and clips lie."""

    def __init__(self, build):
        self.bin, self.programs = build / "bin", build / "bench_bin"
        self.clips = build / "bench_clips"
        self.clips.mkdir(parents=True, exist_ok=True)
        self.clip = self.clips / f"picture-1080p-{FRAMES}.mp4"
        self.demo = self.clips / "demo.mkv"
        if not self.clip.exists():
            subprocess.run(FFMPEG + ["-f", "lavfi", "-i", f"testsrc2=s={SIZE[0]}x{SIZE[1]}:r=30",
                                     "-frames:v", str(FRAMES), "-c:v", "libx264", "-preset",
                                     "veryfast", "-crf", "20", "-pix_fmt", "yuv420p",
                                     str(self.clip)], check=True)
        if not self.demo.exists():
            subprocess.run([self.bin / "avrig-demo-clip", self.demo, "--seconds", "3"], check=True,
                           stdout=subprocess.DEVNULL)


def busy_ticks():
    """CPU time of the whole machine, and what its host took away, in ticks."""
    with open("/proc/stat", encoding="ascii") as stat:
        fields = [int(text) for text in stat.readline().split()[1:]]
    return sum(fields[:3]) + sum(fields[5:8])


def timed(commands, folder, environment=None, limit_s=60):
    """Run commands, joined by pipes, to their end: wall time and the CPU time of all processes that
    they were, children and grandchildren included."""
    ticks, began = busy_ticks(), time.monotonic()
    own = os.times()
    children = []
    with open(folder / "messages", "w+b") as messages:
        for command in commands:
            children.append(subprocess.Popen(
                [str(word) for word in command], cwd=folder, env=environment, stderr=messages,
                stdin=children[-1].stdout if children else subprocess.DEVNULL,
                stdout=subprocess.PIPE, start_new_session=True, preexec_fn=runner.raise_priority))
            if len(children) > 1:
                children[-2].stdout.close()
        try:
            children[-1].communicate(timeout=limit_s)
            codes = [child.wait(limit_s) for child in children]
        except subprocess.TimeoutExpired:
            for child in children:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            raise RuntimeError(f"no end within {limit_s} s") from None
        if any(codes):
            messages.seek(0)
            raise RuntimeError(messages.read().decode(errors="replace").strip()[-300:])
    wall_s = time.monotonic() - began
    now = os.times()
    cpu_s = now.children_user - own.children_user + now.children_system - own.children_system
    spent = (busy_ticks() - ticks) / os.sysconf("SC_CLK_TCK")
    return {"cpu_ms": cpu_s * 1e3 / FRAMES, "fps": FRAMES / wall_s, "wall_s": wall_s,
            "foreign_percent": max(0.0, (spent - cpu_s) / wall_s * 100)}


def check_frames(path):
    found = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-select_streams", "v",
                            "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", str(path)],
                           capture_output=True, text=True, check=True).stdout.strip().strip(",")
    if found != str(FRAMES):
        raise RuntimeError(f"{found} of {FRAMES} pictures were written")


def decoders(bench):
    """{question: {label: what runs it in a folder}}"""
    media, clip = bench.programs / "media", bench.clip
    def ffmpeg(pixels):
        return [FFMPEG + ["-threads", "2", "-i", clip, "-an", "-pix_fmt", pixels, "-f", "null", "-"]]
    native = {"avrig": [[media / "decode", clip]], "ffmpeg -f null": ffmpeg("yuv420p")}
    colour = {"avrig": [[media / "decode", clip, "bgr24"]], "ffmpeg -f null": ffmpeg("bgr24")}
    if (media / "opencv_decode").exists():
        colour["OpenCV VideoCapture"] = [[media / "opencv_decode", clip]]
    def runs(commands):
        return lambda folder: timed(commands, folder)
    return {name: {label: runs(commands) for label, commands in table.items()}
            for name, table in (("decode_yuv", native), ("decode_bgr", colour))}


def chain(bench, pixels):
    """The same three steps by three ways; the blur sees pictures of this pixel format."""
    media, clip = bench.programs / "media", bench.clip

    def avrig(folder):
        (folder / "chain.yaml").write_text(CHAIN % (clip, pixels))
        result = timed([[bench.bin / "avrig", "run", "--offline", "-q", "chain.yaml"]], folder)
        check_frames(next(folder.glob("avrig-runs/*/take.mkv")))
        return result

    def loop(folder):
        result = timed([[media / "libav_chain", clip, "out.mkv", pixels]], folder)
        check_frames(folder / "out.mkv")
        return result

    def pipes(folder):
        raw = ["-f", "rawvideo", "-pix_fmt", pixels]
        result = timed([FFMPEG + ["-threads", "2", "-i", clip, "-an"] + raw + ["-"],
                        [media / "blur_pipe", *SIZE, pixels],
                        [word for word in FFMPEG if word != "-nostdin"] + raw +
                        ["-s", "%dx%d" % SIZE, "-r", "30", "-i", "-", "-pix_fmt", "yuv420p"] + X264 +
                        ["out.mkv"]], folder)
        check_frames(folder / "out.mkv")
        return result

    return {"avrig, three stages": avrig, "one process, libav": loop,
            "three processes, raw pipes": pipes}


def chains(bench):
    return {"chain_yuv": chain(bench, "yuv420p"), "chain_bgr": chain(bench, "bgr24")}


class JackServer:
    """A server of our own on the dummy driver, for the length of a `with`."""

    def __enter__(self):
        name = f"bench-{os.getpid()}"
        self.environment = {**os.environ, "JACK_DEFAULT_SERVER": name}
        self.process = subprocess.Popen(["jackd", "--name", name, "-r", "-d", "dummy", "-r", "48000",
                                         "-p", "512"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        subprocess.run(["jack_wait", "-s", name, "-w", "-t", "10"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def demo_command(bench, folder):
    return [str(bench.bin / "avrig"), "run", "-q",
            str(runner.ROOT / "examples/01-talking-head/pipeline.yaml"), "--set",
            f"clip.url={bench.demo}", "--report", str(folder / "report.json")]


def starting(bench, environment):
    """The eight-process demo: from the call until each writer had its first frame out."""
    def start(folder):
        load = os.getloadavg()[0]
        began_ns = time.monotonic_ns()
        child = subprocess.run(demo_command(bench, folder), cwd=folder, env=environment, timeout=30,
                               capture_output=True, check=False, preexec_fn=runner.raise_priority)
        if child.returncode != 0:
            raise RuntimeError(child.stderr.decode(errors="replace").strip()[-300:])
        stages = json.loads((folder / "report.json").read_text())["stages"]
        out = {stage["id"]: (stage["first_frame_ns"] - began_ns) * 1e-6
               for stage in stages if stage["role"] == "writer"}
        return {"first_ms": min(out.values()), "all_ms": max(out.values()), "load": load,
                **out}
    return start


def restarting(bench, environment):
    def restart(folder):
        rig = subprocess.Popen(demo_command(bench, folder), cwd=folder, env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               preexec_fn=runner.raise_priority)
        try:
            done = subprocess.run([bench.programs / "start/restart", f"talking-head-{rig.pid}", "blur"],
                                  capture_output=True, text=True, timeout=30, check=False,
                                  preexec_fn=runner.raise_priority)
            if done.returncode != 0:
                raise RuntimeError(done.stderr.strip())
            return json.loads(done.stdout)
        finally:
            rig.wait(30)
    return restart


def measure(table, rounds, scratch):
    """Contenders in turn, then all again: {question: {label: [result or None]}}"""
    results = {name: {label: [] for label in labels} for name, labels in table.items()}
    for turn in range(rounds):
        # Short runs are disturbed more: three of them.
        turns = [name for name in table for _ in range(3 if name.startswith("decode") else 1)]
        for name in turns:
            for label, run in table[name].items():
                with tempfile.TemporaryDirectory(dir=scratch) as folder:
                    try:
                        result = run(pathlib.Path(folder))
                    except (RuntimeError, OSError, subprocess.SubprocessError) as why:
                        result = None
                        print(f"{name}: {label}: {why}", file=sys.stderr)
                results[name][label].append(result)
        print(f"round {turn + 1} of {rounds}", file=sys.stderr, flush=True)
    return results


def goal(what, question, label, metric, sense, bound, other=None, other_question=None):
    return {"what": what, "question": question, "label": label, "metric": metric, "sense": sense,
            "bound": bound, "other_question": other_question or question, "other": other,
            "other_metric": metric}


MEDIA_GOALS = [
    goal("decode to yuv420p: CPU a frame / ffmpeg's", "decode_yuv", "avrig", "cpu_ms", "<=", 1.05,
         "ffmpeg -f null"),
    goal("decode to bgr24: CPU a frame / ffmpeg's", "decode_bgr", "avrig", "cpu_ms", "<=", 1.05,
         "ffmpeg -f null"),
    goal("decode to yuv420p, as the file has it: frames/s / OpenCV's (bgr24)", "decode_yuv", "avrig",
         "fps", ">=", 1.15, "OpenCV VideoCapture", "decode_bgr"),
    goal("decode to bgr24: frames/s / OpenCV's", "decode_bgr", "avrig", "fps", ">=", 1.15,
         "OpenCV VideoCapture"),
    *(goal(f"decode, blur in {pixels}, x264: CPU a frame / one process", question,
           "avrig, three stages", "cpu_ms", "<=", 1.15, "one process, libav")
      for question, pixels in (("chain_yuv", "yuv420p"), ("chain_bgr", "bgr24"))),
    *(goal(f"decode, blur in {pixels}, x264: frames/s / raw pipes", question,
           "avrig, three stages", "fps", ">=", 1.25, "three processes, raw pipes")
      for question, pixels in (("chain_yuv", "yuv420p"), ("chain_bgr", "bgr24")))]
START_GOALS = [
    goal("the demo's eight processes: call to first frame out, ms", "start", "demo", "first_ms",
         "<=", 500),
    goal("a stage killed in its work: kill to its next frame, ms", "restart", "blur", "restart_ms",
         "<=", 500)]
TITLES = {"decode_yuv": "Decode 1080p H.264, yuv420p", "decode_bgr": "Decode 1080p H.264 to bgr24",
          "chain_yuv": "Decode, 5x5 blur, x264 veryfast, Matroska; yuv420p all the way",
          "chain_bgr": "The same, blurred in bgr24"}


def machine_line(facts):
    return (f"{facts['date']}, {facts['cpu']}, {facts['cpus']} CPUs"
            f"{' (virtual)' if facts['virtual'] else ''}, Linux {facts['kernel']}, "
            f"{facts['system']}, revision {facts['revision']}.")


def goal_table(results, goals):
    """Over all rounds: where the two cores lie does not matter to work of milliseconds."""
    lines = ["| goal | wanted | measured | reached |", "|---|---|---|---|"]
    for found in report.judge(results, goals, None):
        if found["reached"] is not None:
            lines.append(f"| {found['what']} | {found['sense']} {found['bound']:g} | "
                         f"{report.spread(found['values'])} | "
                         f"{'yes' if found['reached'] else '**no**'} |")
    return lines


def media_page(results, facts):
    lines = [machine_line(facts), ""]
    lines += goal_table(results, MEDIA_GOALS)
    for name, title in TITLES.items():
        if name not in results:
            continue
        lines += ["", f"**{title}**", "", "| | CPU a frame, ms | frames/s | others' CPU % | runs |",
                  "|---|---|---|---|---|"]
        for label, runs in results.get(name, {}).items():
            cells = [report.spread(runner.series(results, name, label, metric))
                     for metric in ("cpu_ms", "fps", "foreign_percent")]
            good = sum(run is not None for run in runs)
            lines.append(f"| {label} | " + " | ".join(cells) + f" | {good} |")
    return "\n".join(lines) + "\n"


def start_page(results, facts):
    lines = [machine_line(facts), ""]
    lines += goal_table(results, START_GOALS)
    load = report.spread(runner.series(results, "start", "demo", "load"))
    lines += ["", f"Load average of the machine, by others' work too: {load}.", "",
              "| from the call, ms | |", "|---|---|"]
    for key, text in (("speakers", "first block taken by the JACK writer"),
                      ("screen", "first picture shown"), ("take", "first frame recorded"),
                      ("all_ms", "all three writers have begun")):
        lines.append(f"| {text} | {report.spread(runner.series(results, 'start', 'demo', key))} |")
    return "\n".join(lines) + "\n"


def put_into_docs(room, text):
    path = runner.ROOT / "docs" / "benchmarks.md"
    begin, end = f"<!-- {room}: begin -->\n", f"<!-- {room}: end -->\n"
    page = path.read_text()
    head, rest = page.split(begin)
    path.write_text(head + begin + text + end + rest.split(end)[1])


def take(options):
    rounds = options.rounds or (2 if options.quick else 5 if options.room == "media" else 7)
    facts = {**runner.machine(), "rounds": rounds}

    def wanted(table):
        return {name: labels for name, labels in table.items() if options.only in name}

    with tempfile.TemporaryDirectory(prefix="avrig-bench-") as scratch:
        bench = Bench(options.build.resolve())
        if options.room == "media":
            results = measure(wanted({**decoders(bench), **chains(bench)}), rounds, scratch)
        else:
            with JackServer() as server:
                results = measure(wanted({
                    "start": {"demo": starting(bench, server.environment)},
                    "restart": {"blur": restarting(bench, server.environment)}}), rounds, scratch)
    return {"facts": facts, "results": results}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("room", choices=("media", "start"))
    parser.add_argument("--quick", action="store_true", help="2 rounds, to see that it runs")
    parser.add_argument("--rounds", type=int, help="default 5, starting 7")
    parser.add_argument("--only", default="", help="questions whose name has this text")
    parser.add_argument("--write-docs", action="store_true", help="into docs/benchmarks.md")
    parser.add_argument("--from", dest="source", type=pathlib.Path,
                        help="no runs: report results of this JSON file")
    parser.add_argument("--build", type=pathlib.Path, default=runner.ROOT / "build" / "bench")
    options = parser.parse_args()
    out = options.build / "results"
    out.mkdir(parents=True, exist_ok=True)
    if options.source:
        saved = json.loads(options.source.read_text())
    else:
        saved = take(options)
        (out / f"{options.room}.json").write_text(json.dumps(saved, indent=1))
    page = media_page if options.room == "media" else start_page
    text = page(saved["results"], saved["facts"])
    (out / f"{options.room}.md").write_text(text)
    print(text)
    if options.write_docs:
        put_into_docs(options.room, text)


main()
