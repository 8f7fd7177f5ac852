# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""The Python client as a user has it: DS-xx of DipStream's list, on no device or on jackd."""

import array
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

from dipstream import DipStream, DipStreamError

RATE = 48000
OPTIONS = {"device": "null"}
DRIVER = []  # the process of the JACK server, where there is one


def tone(samples, level=0.1):
    return array.array("f", [level]) * samples


def stream(**more):
    return DipStream(samplerate=RATE, **dict(OPTIONS, **more))


def samples_of(source):
    return source._ended["sample"] - source._started["sample"]


class Client(unittest.TestCase):
    def test_ds01_the_readme_scenario_is_exact_to_the_sample(self):
        with stream() as desk:
            a = desk.add(RATE, tone(RATE // 2), [1])
            b = desk.add(RATE, tone(RATE), [1, 2])
            a.start(loop=True)
            b.start(start_with=a, with_offset=2)
            a.stop(stop_with=b, with_offset=2)
            self.assertEqual(samples_of(b), RATE)
            self.assertEqual(samples_of(a), 5 * RATE)
            self.assertEqual(b.playback_duration, 1.0)
            self.assertEqual(a.playback_duration, 5.0)
            self.assertEqual(b._started["sample"] - a._started["sample"], 2 * RATE)

    def test_ds02_start_and_stop_return_when_heard(self):
        with stream() as desk:
            a = desk.add(RATE, tone(RATE), [1])
            before = time.monotonic()
            a.start(loop=True)
            self.assertGreaterEqual(desk.now, a.start_time)
            self.assertTrue(a.is_playing and a.is_looping)
            a.stop()
            self.assertGreaterEqual(desk.now, a.end_time)
            self.assertFalse(a.is_playing)
            # Generous: other work shares this machine.
            self.assertLess(time.monotonic() - before, 1.0)

    def test_a_killed_program_is_named_as_the_end_of_its_stream(self):
        ended = threading.Event()
        desk = stream(finished_callback=ended.set)
        a = desk.add(RATE, tone(RATE), [1])
        os.kill(desk._child.pid, signal.SIGKILL)
        self.assertTrue(ended.wait(10))
        with self.assertRaisesRegex(DipStreamError, "killed by signal 9.*open a new stream"):
            a.start()
        desk.stop()

    def test_ds03_at_is_that_sample(self):
        with stream() as desk:
            a = desk.add(RATE, tone(100), [1])
            moment = round((desk.now + 0.25) * RATE) / RATE
            a.start(at=moment)
            self.assertAlmostEqual(a.start_time, moment, delta=0.51 / RATE)
            self.assertEqual(a._started["error"], 0)

    def test_ds11_wrong_calls_are_refused_before_anything_is_heard(self):
        with stream() as desk:
            a = desk.add(RATE, tone(100), [1])
            b = desk.add(RATE, tone(100), [1])
            gone = desk.add(RATE, tone(100), [1])
            desk.remove(gone)
            for error, call in (
                    (ValueError, lambda: desk.add(44100, tone(10), [1])),
                    (ValueError, lambda: desk.add(RATE, tone(10), [0])),
                    (ValueError, lambda: desk.add(RATE, tone(10), [3])),
                    (ValueError, lambda: desk.add(RATE, tone(10), [1, 1])),
                    (ValueError, lambda: desk.add(RATE, tone(10, float("nan")), [1])),
                    (ValueError, lambda: desk.add(RATE, tone(10, float("inf")), [1])),
                    (TypeError, lambda: desk.add(RATE, array.array("h", [1, 2]), [1])),
                    (ValueError, lambda: a.start(start_with=a)),
                    (ValueError, lambda: a.start(at=1, start_with=b)),
                    (ValueError, lambda: a.start(with_offset=1)),
                    (ValueError, lambda: a.start(starting_idx=100)),
                    (ValueError, lambda: a.start(starting_idx=-1)),
                    (RuntimeError, gone.start),
                    (RuntimeError, lambda: desk.remove(gone))):
                self.assertRaises(error, call)
            a.start()
            self.assertIsNotNone(a.start_time)
        self.assertRaises(ValueError, stream, callback=print)
        self.assertRaises(ValueError, stream, dtype="int16")

    def test_ds09_a_sum_beyond_one_fails_the_stream_and_wakes_who_waits(self):
        with stream() as desk:
            a = desk.add(RATE, tone(RATE, 0.6), [1])
            b = desk.add(RATE, tone(RATE, 0.6), [1])
            a.start(loop=True)
            before = time.monotonic()
            with self.assertRaisesRegex(DipStreamError, "1.2"):
                b.start()
                a.stop(at=desk.now + 30)
            self.assertLess(time.monotonic() - before, 5.0)
            self.assertIn("peak", desk.failed)

    def test_ds12_a_device_that_stands_still_ends_in_a_timeout(self):
        desk = stream()
        frozen = DRIVER[0] if DRIVER else desk._child.pid
        try:
            a = desk.add(RATE, tone(100), [1])
            for attempt in range(10):
                os.kill(frozen, signal.SIGSTOP)
                time.sleep(0.05)  # the period that runs already may end
                before = time.monotonic()
                self.assertRaises(TimeoutError, a.start, timeout=0.5)
                took = time.monotonic() - before
                os.kill(frozen, signal.SIGCONT)
                self.assertGreaterEqual(took, 0.5)
                if took <= 0.55:  # else this process waited for a processor: once more
                    break
            self.assertLessEqual(took, 0.55)
            a.start()
            self.assertIsNotNone(a.start_time)
        finally:
            os.kill(frozen, signal.SIGCONT)
            desk.stop()

    def test_ds13_before_a_start_nothing_is_known(self):
        with stream() as desk:
            a = desk.add(RATE, tone(100), [1])
            self.assertIsNone(a.start_time)
            self.assertIsNone(a.end_time)
            self.assertIsNone(a.playback_duration)
            self.assertEqual(a.data_duration, 100 / RATE)
            self.assertFalse(a.is_playing or a.is_looping)

    def test_ds14_remove_while_playing_is_refused_and_clearing_is_not(self):
        with stream() as desk:
            a = desk.add(RATE, tone(100), [1])
            a.start(loop=True)
            self.assertRaises(RuntimeError, desk.remove, a)
            self.assertIn(a, desk)
            desk.clear_sources()
            self.assertNotIn(a, desk)

    def test_ds17_stream_time_is_the_same_in_another_process(self):
        with stream() as desk:
            script = ("import sys, time\n"
                      "from dipstream import DipStream\n"
                      "with DipStream(attach=sys.argv[1]) as desk:\n"
                      "    for _ in range(5):\n"
                      "        print(time.monotonic_ns(), desk.now, time.monotonic_ns())\n")
            done = subprocess.run([sys.executable, "-c", script, desk.socket], check=True,
                                  capture_output=True, text=True, timeout=30)
            period = desk.current_blocksize / RATE
            for line in done.stdout.splitlines():
                before, there, after = line.split()
                self.assertGreater(float(there), desk.time_of(int(before)) - period)
                self.assertLess(float(there), desk.time_of(int(after)) + period)

    def test_a_mixer_is_reached_over_tcp_on_loopback(self):
        words = [os.environ["AVRIG_DIPSTREAM"], "--device", "null", "--tcp", "0"]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            port = json.loads(program.stdout.readline())["tcp"]
            with DipStream(attach="127.0.0.1:%d" % port) as desk:
                a = desk.add(RATE, tone(4800), [1, 2])
                a.start()
                a.stop(at=a.start_time + 0.05)
                self.assertEqual(a.playback_duration, 0.05)
            program.stdin.close()
        for wrong in ("0.0.0.0:4000", "many"):
            done = subprocess.run(words[:3] + ["--tcp", wrong], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=10)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("dipstream: ", done.stderr)

    def test_events_are_told_predicted_and_then_confirmed(self):
        told = []
        with stream() as desk:
            desk.subscribe(told.append)
            a = desk.add(RATE, tone(100), [1], name="a")
            a.start(loop=True)
            a.stop(at=desk.now + 0.05)
            desk.wait_until_time(desk.now + 0.05)
            states = [one["state"] for one in told if one["event"] == "started"]
            self.assertEqual(states, ["predicted", "confirmed"])
            self.assertEqual(desk.request({"do": "set", "voice": "a", "bus": "SFX"})["ok"], True)
            self.assertEqual(desk.request({"do": "voice", "voice": "a"})["bus"], "SFX")

    def test_ds05_a_calibrated_bias_is_part_of_the_latency(self):
        with stream(bias=0.002) as desk:
            info = desk.request({"do": "info"})
            self.assertAlmostEqual(info["latency"] - info["latency_samples"] / RATE, 0.002,
                                   delta=1e-9)

    def test_two_dimensional_samples_in_either_order(self):
        with stream() as desk:
            both = memoryview(tone(200).tobytes()).cast("f", (100, 2))
            a = desk.add(RATE, both, [1, 2])
            self.assertEqual(a.data_duration, 100 / RATE)
            self.assertRaises(ValueError, desk.add, RATE, both, [1])

    def test_a_fed_source_plays_what_was_taken_and_ends_with_its_last_sample(self):
        with stream() as desk:
            a = desk.open_stream([1, 2], buffer_seconds=0.1)
            rows = memoryview(tone(2 * RATE).tobytes()).cast("f", (RATE, 2))
            taken = a.feed(rows)
            self.assertTrue(4800 <= taken < RATE, taken)
            self.assertEqual(a.feed(tone(2)), 0)  # it is full
            self.assertRaises(ValueError, a.feed, tone(3))
            a.close()
            self.assertRaises(DipStreamError, a.feed, tone(4))
            a.start()
            self.assertTrue(desk._link.wait(lambda: a._ended is not None, 30))
            self.assertEqual(samples_of(a), taken)
            self.assertRaises(ValueError, desk.add(RATE, tone(10), [1]).feed, tone(2))

    def test_the_end_of_the_stream_is_called_back(self):
        ended = threading.Event()
        with stream(finished_callback=ended.set):
            pass
        self.assertTrue(ended.wait(5))


def with_server():
    """Run the tests on a server of our own."""
    if shutil.which("jackd") is None:
        return 77
    name = "dip%d" % os.getpid()
    server = subprocess.Popen(["jackd", "--name", name, "-d", "dummy", "-r", str(RATE), "-p", "256"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        subprocess.run(["jack_wait", "-s", name, "-w", "-t", "10"], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        DRIVER.append(server.pid)
        OPTIONS.clear()
        OPTIONS.update(server=name)
        return run()
    finally:
        server.terminate()
        server.wait()


def run():
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Client)
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(with_server() if sys.argv[1:] == ["jack"] else run())
