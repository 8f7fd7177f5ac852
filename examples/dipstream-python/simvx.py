# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""SimVX's audio backend on DipStream: the same calls, defaults and ids, exact to the sample.

    from simvx import AudioBackend

    audio = AudioBackend()
    shot = audio.play_audio_2d("shot.ogg", volume_db=-6)
    audio.update_audio_2d(shot, -12, pan=0.5)
    audio.shutdown()

One file beside dipstream.py, standard library only. As there: ids are process-wide and count from
1, what is said to an unknown id does nothing, what cannot be played is a warning and None, and a
sum beyond +-1 is clamped. Otherwise than there: buses stay in force on running voices and after
updates, pitch is exact, a stream's buffer is bounded, and an unknown bus is a ValueError that
lists the names ("master" and "sfx" mean Master and SFX).
"""

import array
import itertools
import logging
import math
import os
import threading

from dipstream import DipStream, DipStreamError, _memfd

__all__ = ["AudioBackend", "MiniaudioBackend", "Bus"]

log = logging.getLogger(__name__)

_ids = itertools.count(1)  # of the whole process
_MIN_DB, _MAX_DB, _MIN_PITCH = -80.0, 24.0, 0.1


class Bus:
    """One bus; what is set is heard on the voices that run."""

    def __init__(self, backend, name):
        self._backend = backend
        self.name = name

    def _get(self, field):
        for one in self._backend._ask({"do": "buses"})["buses"]:
            if one["name"] == self.name:
                return one[field]
        raise ValueError("the bus '%s' is gone" % self.name)

    def _set(self, **fields):
        self._backend._ask(dict(fields, do="bus", name=self.name))

    volume_db = property(lambda self: self._get("gain_db"),
                         lambda self, db: self._set(gain_db=min(max(db, _MIN_DB), _MAX_DB)))
    mute = property(lambda self: self._get("mute"), lambda self, on: self._set(mute=bool(on)))
    solo = property(lambda self: self._get("solo"), lambda self, on: self._set(solo=bool(on)))
    send_to = property(lambda self: self._get("send_to"),
                       lambda self, name: self._set(send_to=self._backend._bus(name)))


class _Voice:
    def __init__(self, number, rate, factor, stream=False):
        self.number = number  # the mixer's
        self.rate = rate      # of its data
        self.factor = factor  # what pitch 1 is, where the data's rate is not the mixer's
        self.feeding = threading.Lock() if stream else None
        self.fed = 0          # bytes
        self.placed = False


class AudioBackend:
    """`device`: as DipStream's; "null" needs no sound card and no server. `attach`: a mixer that
    runs already."""

    def __init__(self, sample_rate=44100, nchannels=2, *, device=None, attach=None, server=None,
                 buffer_seconds=0.5):
        self._sample_rate = sample_rate
        self._nchannels = nchannels
        self._buffer_seconds = buffer_seconds
        self._lock = threading.Lock()
        self._voices = {}   # by our id
        self._numbers = {}  # our ids by the mixer's number
        self._stream = DipStream(samplerate=sample_rate if device == "null" else None,
                                 channels=nchannels, device=device, server=server, attach=attach,
                                 name="simvx", clip="clamp")
        self._rate = self._stream.samplerate
        self._channels = list(range(1, min(nchannels, self._stream.channels) + 1))
        self._names = {}
        self._learn_buses()
        self._stream.subscribe(self._on_event)

    # Playing ---------------------------------------------------------------------------------

    def play_audio(self, stream, *, volume_db=0.0, pitch=1.0, loop=False, bus="master"):
        """Play a sound; its id, or None where it cannot be played.

        `stream`: a path; float32 samples as the device has channels, interleaved; raw s16 PCM
        as bytes; or an object with `path` or `backend_data` of these.
        """
        return self._play(stream, volume_db, pitch, loop, bus, None)

    def play_audio_2d(self, stream, *, position=None, volume_db=0.0, pitch=1.0, loop=False,
                      bus="sfx", max_distance=2000.0):
        """The same at a place on the screen, until update_audio_2d takes over."""
        return self._play(stream, volume_db, pitch, loop, bus,
                          self._place("2d", position, max_distance))

    def play_audio_3d(self, stream, *, position=None, volume_db=0.0, pitch=1.0, loop=False,
                      bus="sfx", max_distance=100.0):
        """The same at a place in space, until update_audio_3d takes over."""
        return self._play(stream, volume_db, pitch, loop, bus,
                          self._place("3d", position, max_distance))

    def stop_audio(self, channel_id):
        voice = self._forget(channel_id)
        if voice is not None:
            self._tell({"do": "remove", "voice": voice.number, "force": True, "fade": 0.005})

    stop = stop_audio

    def pause_audio(self, channel_id):
        self._tell_voice(channel_id, {"do": "pause", "fade": 0.002})

    def resume_audio(self, channel_id):
        self._tell_voice(channel_id, {"do": "resume", "fade": 0.002})

    def update_audio_2d(self, channel_id, volume_db, pan):
        """Volume and pan from now on, instead of those of a position."""
        self._update(channel_id, {"gain_db": self._db(volume_db), "pan": _clamped(pan, -1, 1)})

    def update_audio_3d(self, channel_id, volume_db, pan, pitch):
        voice = self._find(channel_id)
        if voice is not None:
            self._update(channel_id, {"gain_db": self._db(volume_db), "pan": _clamped(pan, -1, 1),
                                      "pitch": max(_MIN_PITCH, pitch) * voice.factor})

    def get_playback_position(self, channel_id):
        """Seconds into the sound; 0.0 for an unknown id."""
        voice = self._find(channel_id)
        if voice is None:
            return 0.0
        try:
            return self._stream.request({"do": "voice", "voice": voice.number})["position"] / voice.rate
        except DipStreamError:
            return 0.0

    def set_listener(self, **fields):
        """`position`, `velocity`, `right` (or `forward` and `up`): who hears placed voices."""
        self._ask(dict(fields, do="listener"))

    # Streams ---------------------------------------------------------------------------------

    def open_stream(self, *, volume_db=0.0, pitch=1.0, bus="master"):
        """A voice that plays what feed_audio_chunk brings; it lives until it is stopped."""
        factor = self._sample_rate / self._rate
        request = {"do": "open_stream", "format": "s16", "data_channels": len(self._channels),
                   "buffer_seconds": self._buffer_seconds}
        return self._begin(request, (), volume_db, pitch, bus, factor, {}, None, True)

    def feed_audio_chunk(self, channel_id, chunk):
        """Raw interleaved s16 PCM; the bytes that were taken: what exceeds the buffer is not."""
        voice = self._find(channel_id)
        if voice is None or voice.feeding is None or not chunk:
            return 0
        with voice.feeding:
            try:
                taken = self._stream._feed(voice.number, bytes(chunk), voice.fed)["taken"]
            except DipStreamError:
                return 0
            voice.fed += taken
            return taken

    # Buses -----------------------------------------------------------------------------------

    def get_bus(self, name):
        return Bus(self, self._bus(name))

    def add_bus(self, name, volume_db=0.0, send_to="Master"):
        self._ask({"do": "bus", "add": True, "name": name, "gain_db": self._db(volume_db),
                   "send_to": self._bus(send_to)})
        self._learn_buses()
        return Bus(self, name)

    def get_effective_volume(self, name):
        """The sum of the levels from this bus to the output, in dB; -80 is silence."""
        return Bus(self, self._bus(name))._get("effective_db")

    @property
    def bus_names(self):
        return sorted(set(self._names.values()))

    def shutdown(self):
        """Close the device; calls after this do nothing."""
        with self._lock:
            self._voices.clear()
            self._numbers.clear()
        self._stream.stop()

    # Inside ----------------------------------------------------------------------------------

    @staticmethod
    def _db(volume_db):
        return _clamped(volume_db, _MIN_DB, _MAX_DB)

    @staticmethod
    def _place(mode, position, max_distance):
        if position is None:
            return None
        if hasattr(position, "x"):
            position = [getattr(position, axis) for axis in "xyz" if hasattr(position, axis)]
        return {"do": "emitter", "mode": mode, "position": [float(one) for one in position],
                "max_distance": float(max_distance)}

    def _learn_buses(self):
        names = [one["name"] for one in self._ask({"do": "buses"})["buses"]]
        self._names = dict({name.lower(): name for name in names}, **{name: name for name in names})

    def _bus(self, name):
        try:
            return self._names.get(name) or self._names[name.lower()]
        except KeyError:
            raise ValueError("unknown bus '%s': there are %s"
                             % (name, ", ".join(self.bus_names))) from None

    def _ask(self, request):
        try:
            return self._stream.request(request)
        except DipStreamError as error:
            raise ValueError(str(error)) from None

    def _tell(self, request):
        try:
            self._stream.request(request, wait=False)
        except DipStreamError:
            pass  # it has been shut down, or is gone

    def _find(self, channel_id):
        with self._lock:
            return self._voices.get(channel_id)

    def _forget(self, channel_id):
        with self._lock:
            voice = self._voices.pop(channel_id, None)
            if voice is not None:
                self._numbers.pop(voice.number, None)
            return voice

    def _tell_voice(self, channel_id, request):
        voice = self._find(channel_id)
        if voice is not None:
            self._tell(dict(request, voice=voice.number))

    def _update(self, channel_id, fields):
        voice = self._find(channel_id)
        if voice is None:
            return
        if voice.placed:
            voice.placed = False
            self._tell({"do": "emitter", "voice": voice.number, "mode": "off"})
        self._tell(dict(fields, do="set", voice=voice.number))

    def _sound(self, stream):
        """(the request's fields, bytes for a memfd, rate of the data)."""
        source = getattr(stream, "backend_data", None)
        if source is None:
            source = getattr(stream, "path", stream)
        if isinstance(source, (str, os.PathLike)):
            path = os.fspath(source)
            if not path:
                raise DipStreamError("it has no path")
            return {"path": os.path.abspath(path)}, None, self._rate
        view = memoryview(source)
        fields = {"memfd": True, "data_channels": len(self._channels), "layout": "interleaved"}
        if view.format in ("f", "<f", "d", "<d"):
            raw = view.tobytes()
            if view.format.endswith("d"):
                raw = array.array("f", array.array("d", raw)).tobytes()
            return dict(fields, format="f32"), raw, self._sample_rate
        return dict(fields, format="s16"), view.tobytes(), self._sample_rate

    def _play(self, stream, volume_db, pitch, loop, bus, place):
        bus = self._bus(bus)
        fds = ()
        try:
            fields, raw, rate = self._sound(stream)
            if raw is not None:
                fds = (_memfd(raw),)
            return self._begin(dict(fields, do="add"), fds, volume_db, pitch, bus,
                               rate / self._rate, {"loop": bool(loop)}, place, False)
        except (DipStreamError, TypeError, OSError) as error:
            log.warning("cannot play %r: %s", stream, error)
            return None
        finally:
            for fd in fds:
                os.close(fd)

    def _begin(self, request, fds, volume_db, pitch, bus, factor, start, place, streaming):
        pitch = max(_MIN_PITCH, pitch) * factor
        request.update(channels=self._channels, gain_db=self._db(volume_db), pitch=pitch,
                       bus=self._bus(bus))
        if not math.isclose(factor, 1.0):
            request["quality"] = "sinc"
        number = self._stream.request(request, fds)["voice"]
        voice = _Voice(number, self._rate * factor, factor, streaming)
        with self._lock:
            channel_id = next(_ids)
            self._voices[channel_id] = voice
            self._numbers[number] = channel_id
        if place is not None:
            voice.placed = True
            self._tell(dict(place, voice=number, ramp=0))
        self._tell(dict(start, do="start", voice=number))
        return channel_id

    def _on_event(self, event):
        """A voice that has come to its end dies, and its id with it."""
        if event.get("event") == "ended" and event.get("state") == "predicted":
            with self._lock:
                channel_id = self._numbers.get(event.get("voice"))
            if channel_id is not None and self._forget(channel_id) is not None:
                self._tell({"do": "remove", "voice": event["voice"], "force": True})


def _clamped(value, least, most):
    return min(max(float(value), least), most)


MiniaudioBackend = AudioBackend
