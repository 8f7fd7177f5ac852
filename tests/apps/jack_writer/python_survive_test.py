# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""The Python client at a rig whose writer is killed: what it holds, asked and heard stays whole."""

import array
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import wave

from dipstream import DipStream

RATE = 48000
WAIT = 30.0  # the longest that a busy machine is waited for
SERVER = "dps%d" % os.getpid()


def tone(samples, level=0.1):
    return array.array("f", [level]) * samples


def eventually(condition, what):
    deadline = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it never happened: " + what)
        time.sleep(0.002)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Rig:
    """A clip into `write: jack`, in a folder of its own."""

    def __init__(self, **more):
        self.folder = tempfile.mkdtemp(prefix="avrig-python-")
        with wave.open(self.folder + "/clip.wav", "wb") as clip:
            clip.setnchannels(1)
            clip.setsampwidth(2)
            clip.setframerate(RATE)
            clip.writeframes(bytes(2 * RATE * 120))
        terms = dict({"outputs": 2, "connect": "none"}, **more)
        with open(self.folder + "/rig.yaml", "w", encoding="utf-8") as file:
            json.dump({"avrig": 1, "pipeline": "rig", "run_dir": "runs",
                       "jack": {"server": SERVER, "start": "never"},
                       "stages": [{"id": "clip", "read": "media", "with": {"url": "clip.wav"}},
                                  {"id": "speakers", "write": "jack", "in": "clip/audio",
                                   "with": terms}]}, file)
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=self.folder)
        with open(self.folder + "/log", "wb") as log:
            self.process = subprocess.Popen([os.environ["AVRIG"], "run", self.folder + "/rig.yaml"],
                                            env=self.environment, stdout=log, stderr=log)

    def close(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(WAIT)
        shutil.rmtree(self.folder)

    @property
    def socket(self):
        place = self.folder + "/avrig"
        return next((place + "/" + name for name in (os.listdir(place) if os.path.isdir(place) else ())
                     if name.endswith(".mix")), None)

    def attach(self, path=None):
        """The mixer, once it answers."""
        found = []

        def there():
            try:
                found.append(DipStream(attach=path or self.socket or self.folder))
                return True
            except OSError:
                return False

        eventually(there, "the rig's mixer answers")
        return found[0]

    def writer(self):
        done = subprocess.run([os.environ["AVRIG"], "top", "--once", "--json"], check=True,
                              env=self.environment, capture_output=True, timeout=WAIT)
        return json.loads(done.stdout)["stages"][1]["pid"]


class Background:
    """A call that waits, in a thread of its own; result() has what it brought."""

    def __init__(self, call):
        self._found = []
        self._thread = threading.Thread(target=lambda: self._found.append(call()))
        self._thread.start()

    def result(self):
        self._thread.join(WAIT)
        assert self._found, "the call did not come back"
        return self._found[0]


class Survival(unittest.TestCase):
    def setUp(self):
        self.told = []

    def begin(self, **more):
        rig = Rig(**more)
        self.addCleanup(rig.close)
        desk = rig.attach("127.0.0.1:%s" % more["tcp"] if "tcp" in more else None)
        self.addCleanup(desk.stop)
        desk.subscribe(self.told.append, "all")
        return rig, desk

    def kill(self, rig, desk, *calls):
        """Kill the writer, with these calls made and not answered."""
        writer = rig.writer()
        os.kill(writer, signal.SIGSTOP)  # it hears nothing any more
        before = len(desk._link._open)
        waiting = [Background(call) for call in calls]
        eventually(lambda: len(desk._link._open) == before + len(calls), "all are asked")
        os.kill(writer, signal.SIGKILL)
        return [one.result() for one in waiting]

    def gaps(self):
        """The stream's own: (from, to)."""
        return [(one["from"], one["to"]) for one in self.told
                if one["event"] == "gap" and "voice" not in one and one["state"] == "predicted"]

    def check_events(self):
        numbers = [one["seq"] for one in self.told if "seq" in one]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        for kind in ("started", "ended"):
            plays = [(one["voice"], one["play"]) for one in self.told
                     if one["event"] == kind and one["state"] == "predicted"]
            self.assertEqual(len(plays), len(set(plays)), kind)

    def go_through_two_deaths(self, **more):
        rig, desk = self.begin(**more)
        hum = desk.add(RATE, tone(RATE), [1], name="hum")
        beep = desk.add(RATE, tone(RATE // 2), [2])
        hum.start(loop=True, timeout=WAIT)
        begun, voice = hum.start_time, hum._voice
        due = desk.now + 3
        waiting = Background(lambda: beep.start(at=due, timeout=WAIT) or True)
        eventually(lambda: desk.request({"do": "voice", "voice": beep._voice})["state"] != "idle",
                   "the beep is scheduled")

        (click, status) = self.kill(
            rig, desk,
            lambda: desk.add(RATE, tone(480), [2], name="click"),
            lambda: desk.request({"do": "voice", "voice": "hum"}))
        self.assertEqual(status["voice"], voice)
        self.assertTrue(status["is_playing"])
        self.assertTrue(hum.is_playing and hum.is_looping)
        self.assertEqual(hum.start_time, begun)
        self.assertIn(click, desk)
        self.assertEqual(desk.request({"do": "voice", "voice": "click"})["voice"], click._voice)
        self.assertGreaterEqual(len(self.gaps()), 1)

        # In time, or with the first sample behind the hole.
        self.assertTrue(waiting.result())
        wanted = round(due * RATE) - desk.request({"do": "info"})["latency_samples"]
        behind = [to for start, to in self.gaps() if start <= wanted < to]
        self.assertEqual(beep._started["sample"], behind[0] if behind else wanted)
        beep.stop(at=beep.start_time + 0.25, timeout=WAIT)
        self.assertEqual(beep.playback_duration, 0.25)

        # A start that nobody answered happens once; so does what is said to who was there before.
        (_, again) = self.kill(rig, desk, lambda: click.start(timeout=WAIT),
                               lambda: desk.request({"do": "set", "voice": "hum", "gain_db": -6}))
        self.assertTrue(again["ok"])
        self.assertEqual(click._play, 1)
        click.start(timeout=WAIT)
        self.assertEqual(click._play, 2)
        hum.stop(timeout=WAIT)
        self.assertEqual((hum._ended["sample"] - hum._started["sample"]) / RATE,
                         hum.playback_duration)
        self.assertFalse(hum.is_playing)
        desk.remove(hum)
        self.assertNotIn(hum, desk)
        # Holes do not overlap, and each is told with its length.
        self.assertGreaterEqual(len(self.gaps()), 2)
        for (_, to), (start, _) in zip(self.gaps(), self.gaps()[1:]):
            self.assertLessEqual(to, start)
        self.check_events()

    def test_handles_requests_and_events_outlive_two_writers(self):
        self.go_through_two_deaths()

    def test_the_same_over_tcp_where_samples_go_behind_the_line(self):
        self.go_through_two_deaths(tcp=str(free_port()))

    def test_the_end_of_the_rig_ends_the_stream(self):
        rig = Rig()
        ended = threading.Event()
        desk = rig.attach()
        desk._finished_callback = ended.set
        rig.close()
        self.assertTrue(ended.wait(WAIT))
        desk.stop()


def main():
    if shutil.which("jackd") is None:
        return 77
    server = subprocess.Popen(["jackd", "--name", SERVER, "-d", "dummy", "-r", str(RATE), "-p", "256"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        subprocess.run(["jack_wait", "-s", SERVER, "-w", "-t", "10"], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(Survival)
        return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
