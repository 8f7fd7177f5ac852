# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""SimVX's calls on DipStream: SX-xx of its list, on no device."""

import array
import inspect
import logging
import math
import os
import shutil
import subprocess
import tempfile
import time
import unittest
import wave

from simvx import AudioBackend, MiniaudioBackend

RATE = 48000
PERIOD = 256 / RATE
REQUIRED = inspect.Parameter.empty


def backend(**more):
    return AudioBackend(sample_rate=RATE, device="null", **more)


def stereo(seconds, level=0.1):
    return array.array("f", [level]) * (2 * int(seconds * RATE))


def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


class Facade(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="avrig-simvx-")
        self.addCleanup(shutil.rmtree, self.folder)

    def wav(self, name="tone.wav", seconds=0.5, rate=RATE):
        path = os.path.join(self.folder, name)
        with wave.open(path, "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(b"".join(
                int(8000 * math.sin(2 * math.pi * 440 * at / rate)).to_bytes(2, "little", signed=True)
                * 2 for at in range(int(seconds * rate))))
        return path

    def status(self, audio, channel_id):
        return audio._ask({"do": "voice", "voice": audio._find(channel_id).number})

    def test_sx04_each_call_has_the_defaults_of_the_original(self):
        play = {"volume_db": 0.0, "pitch": 1.0, "loop": False}
        expected = {
            "play_audio": dict(play, stream=REQUIRED, bus="master"),
            "play_audio_2d": dict(play, stream=REQUIRED, bus="sfx", position=None,
                                  max_distance=2000.0),
            "play_audio_3d": dict(play, stream=REQUIRED, bus="sfx", position=None,
                                  max_distance=100.0),
            "stop_audio": {"channel_id": REQUIRED},
            "pause_audio": {"channel_id": REQUIRED},
            "resume_audio": {"channel_id": REQUIRED},
            "update_audio_2d": {"channel_id": REQUIRED, "volume_db": REQUIRED, "pan": REQUIRED},
            "update_audio_3d": {"channel_id": REQUIRED, "volume_db": REQUIRED, "pan": REQUIRED,
                                "pitch": REQUIRED},
            "get_playback_position": {"channel_id": REQUIRED},
            "open_stream": {"volume_db": 0.0, "pitch": 1.0, "bus": "master"},
            "feed_audio_chunk": {"channel_id": REQUIRED, "chunk": REQUIRED},
            "shutdown": {},
        }
        for name, defaults in expected.items():
            parameters = dict(inspect.signature(getattr(AudioBackend, name)).parameters)
            del parameters["self"]
            self.assertEqual({key: one.default for key, one in parameters.items()}, defaults, name)
        made = inspect.signature(AudioBackend).parameters
        self.assertEqual((made["sample_rate"].default, made["nchannels"].default), (44100, 2))
        self.assertIs(MiniaudioBackend, AudioBackend)

    def test_sx04_the_defaults_are_what_is_heard(self):
        audio = backend()
        self.addCleanup(audio.shutdown)
        for play, bus in ((audio.play_audio, "Master"), (audio.play_audio_2d, "SFX"),
                          (audio.play_audio_3d, "SFX")):
            voice = play(stereo(2))
            self.assertEqual(self.status(audio, voice)["bus"], bus)
            self.assertTrue(until(lambda: self.status(audio, voice)["is_playing"]))
            self.assertFalse(self.status(audio, voice)["is_looping"])
        self.assertEqual(self.status(audio, audio.open_stream())["bus"], "Master")
        first = audio.play_audio(stereo(2))
        self.assertEqual(audio.play_audio(stereo(2)), first + 1)

    def test_sx05_what_cannot_be_played_is_none_and_one_warning(self):
        audio = backend()
        self.addCleanup(audio.shutdown)
        broken = os.path.join(self.folder, "broken.wav")
        with open(broken, "wb") as file:
            file.write(os.urandom(5000))
        for bad in ("/nowhere/x.wav", broken, "", None, array.array("f", [math.nan, 0.0]),
                    array.array("f", [0.5])):
            with self.assertLogs("simvx", logging.WARNING) as logged:
                self.assertIsNone(audio.play_audio(bad))
            self.assertEqual(len(logged.records), 1)
        self.assertIsNotNone(audio.play_audio(self.wav()))

    @unittest.skipIf(shutil.which("ffmpeg") is None, "no ffmpeg to make the files with")
    def test_sx05_wav_ogg_mp3_and_flac(self):
        audio = backend()
        self.addCleanup(audio.shutdown)
        source = self.wav(rate=44100)
        for ending in ("wav", "ogg", "mp3", "flac"):
            path = os.path.join(self.folder, "out." + ending)
            subprocess.run(["ffmpeg", "-v", "error", "-i", source, path], check=True)
            voice = audio.play_audio(path, loop=True)
            self.assertIsNotNone(voice, ending)
            # Half a second, whatever its rate was; a codec may add its padding.
            self.assertAlmostEqual(self.status(audio, voice)["data_duration"], 0.5, delta=0.06)

    def test_sx09_the_position_counts_what_was_played(self):
        audio = backend()
        self.addCleanup(audio.shutdown)
        desk = audio._stream
        for voice in (audio.play_audio(stereo(30)), audio.play_audio(self.wav(seconds=30)),
                      audio.play_audio(stereo(30), pitch=2.0)):
            factor = 2.0 if voice == max(audio._voices) else 1.0
            self.assertTrue(until(lambda: audio.get_playback_position(voice) > 0))
            began = self.status(audio, voice)["start_time"] - desk.latency
            before = desk.now
            position = audio.get_playback_position(voice)
            after = desk.now
            self.assertGreaterEqual(position, factor * (before - began - 2 * PERIOD))
            self.assertLessEqual(position, factor * (after - began + 2 * PERIOD))
        self.assertEqual(audio.get_playback_position(99999), 0.0)
        audio.pause_audio(voice)
        self.assertTrue(until(lambda: self.status(audio, voice)["state"] == "paused"))
        held = audio.get_playback_position(voice)
        desk.wait_until_time(desk.now + 0.05)
        self.assertEqual(audio.get_playback_position(voice), held)
        audio.resume_audio(voice)
        self.assertTrue(until(lambda: audio.get_playback_position(voice) > held))

    def test_sx09_also_of_a_stream(self):
        audio = backend()
        self.addCleanup(audio.shutdown)
        voice = audio.open_stream()
        self.assertEqual(audio.feed_audio_chunk(voice, bytes(4 * 9600)), 4 * 9600)
        self.assertTrue(until(lambda: audio.get_playback_position(voice) >= 0.1))
        self.assertTrue(until(lambda: audio.get_playback_position(voice) >= 0.19))

    def test_sx10_a_stream_is_bounded_and_keeps_its_channels_apart(self):
        audio = backend(buffer_seconds=0.1)
        self.addCleanup(audio.shutdown)
        voice = audio.open_stream()
        taken = audio.feed_audio_chunk(voice, bytes(4 * RATE))
        self.assertGreater(taken, 4 * 4800 - 1)
        self.assertLess(taken, 4 * RATE)
        self.assertEqual(audio.feed_audio_chunk(99999, bytes(4)), 0)

    def test_sx11_buses_have_their_names_and_an_unknown_one_lists_them(self):
        audio = backend()
        self.addCleanup(audio.shutdown)
        self.assertEqual(audio.bus_names, ["Master", "Music", "SFX", "UI", "Voice"])
        for bus in ("master", "Master", "sfx", "SFX", "Voice"):
            self.assertIsNotNone(audio.play_audio(stereo(0.1), bus=bus))
        with self.assertRaisesRegex(ValueError, "Master, Music, SFX, UI, Voice"):
            audio.play_audio(stereo(0.1), bus="effects")
        sfx = audio.get_bus("sfx")
        sfx.volume_db = -6
        audio.get_bus("Master").volume_db = -6
        self.assertEqual(audio.get_effective_volume("SFX"), -12)
        sfx.mute = True
        self.assertEqual(audio.get_effective_volume("SFX"), -80)
        steps = audio.add_bus("Steps", -3, send_to="sfx")
        self.assertEqual(steps.send_to, "SFX")
        self.assertRaises(ValueError, setattr, sfx, "send_to", "Steps")

    def test_sx17_the_whole_api_without_a_device_and_without_root(self):
        audio = MiniaudioBackend(device="null")
        ids = [audio.play_audio(array.array("f", [0.1]) * 44100, loop=True, volume_db=-6, pitch=1.5),
               audio.play_audio_2d(self.wav(), position=(100, 50), max_distance=400.0),
               audio.play_audio_3d(self.wav(), position=(1, 2, 3), max_distance=50.0),
               audio.play_audio(bytes(4 * 4410)), audio.open_stream(volume_db=-6, pitch=0.5)]
        self.assertEqual(ids, sorted(ids))
        self.assertNotIn(None, ids)
        audio.set_listener(position=[1, 2, 3], forward=[0, 0, -1])
        audio.update_audio_2d(ids[1], -12.0, -0.5)
        audio.update_audio_3d(ids[2], -12.0, 2.0, 0.01)
        audio.feed_audio_chunk(ids[4], b"\0\1\2")
        audio.pause_audio(ids[0])
        audio.resume_audio(ids[0])
        before = audio._stream.now
        self.assertTrue(until(lambda: audio.get_playback_position(ids[0]) > 0))
        self.assertGreater(audio._stream.now, before)  # its clock goes on
        # A sound that has come to its end dies, and its id with it; a stream lives on.
        self.assertTrue(until(lambda: audio._find(ids[3]) is None))
        self.assertEqual(audio.get_playback_position(ids[3]), 0.0)
        self.assertIsNotNone(audio._find(ids[4]))
        audio.stop_audio(ids[4])
        self.assertIsNone(audio._find(ids[4]))
        for unknown in (0, -1, 99999, ids[3]):
            audio.stop_audio(unknown)
            audio.stop(unknown)
            audio.pause_audio(unknown)
            audio.resume_audio(unknown)
            audio.update_audio_2d(unknown, 0.0, 0.0)
            audio.update_audio_3d(unknown, 0.0, 0.0, 1.0)
            audio.feed_audio_chunk(unknown, bytes(4))
            self.assertEqual(audio.get_playback_position(unknown), 0.0)
        audio.shutdown()
        audio.shutdown()
        audio.stop_audio(ids[0])
        audio.update_audio_2d(ids[0], 0.0, 0.0)
        with self.assertLogs("simvx", logging.WARNING):
            self.assertIsNone(audio.play_audio(stereo(0.1)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
