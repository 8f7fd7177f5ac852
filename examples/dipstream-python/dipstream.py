# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The avrig authors
"""DipStream for Python: let sounds dip in and out of a running JACK stream, exact to the sample.

    from dipstream import DipStream

    with DipStream(samplerate=48000, channels=2) as stream:
        beep = stream.add(48000, samples, [1])
        beep.start(at=stream.now + 1, loop=True)
        beep.stop(at=beep.start_time + 5)
        print(beep.playback_duration)          # 5.0

One file, standard library only. Samples are anything with the buffer protocol (NumPy arrays,
array.array, ...) of 32 or 64-bit floats, one row a sample. `DipStream` starts a `dipstream` program
of its own (on $PATH, or named by $AVRIG_DIPSTREAM); `DipStream(attach=PATH)` joins a running mixer,
such as the one of a `write: jack` stage, by its socket or as "127.0.0.1:PORT". Times are stream time: samples divided by the rate.
"""

import array
import fcntl
import itertools
import json
import os
import shutil
import socket
import subprocess
import threading
import time

__all__ = ["DipStream", "DipStreamError", "query_devices"]

_F_ADD_SEALS = 1033
_SEALS = 0x1 | 0x2 | 0x4 | 0x8  # seal, shrink, grow, write
_WAIT_LOOP_SECONDS = 0.005
_COME_BACK_SECONDS = 20.0


class DipStreamError(RuntimeError):
    """The mixer refused something that the original had no name for, or it went away."""


def query_devices():
    """Names of the JACK input ports that a stream can be connected to."""
    lister = shutil.which("jack_lsp")
    if lister is None:
        return []
    done = subprocess.run([lister, "-p"], capture_output=True, text=True, check=False)
    names, port = [], None
    for line in done.stdout.splitlines():
        if not line.startswith("\t"):
            port = line.strip()
        elif "input" in line and port is not None:
            names.append(port)
    return names


class _Link:
    """JSON lines to a mixer and back; a thread that reads.

    A mixer that outlives its writer's death (a rig's) has sessions: then the link comes back by
    itself, asks again for what was not answered, and gives each event once.
    """

    def __init__(self, path, on_event, on_close, tell):
        host, colon, port = path.rpartition(":")
        self.tcp = bool(colon) and port.isdigit() and "/" not in path
        self._address = (host, int(port)) if self.tcp else path
        self._socket = self._connect()
        self._ids = itertools.count(1)
        self._sending = threading.Lock()
        self._changed = threading.Condition()
        self._replies = {}
        self._awaited = set()
        self._open = {}  # what was asked and not answered: number -> (request, descriptors)
        self._session = None
        self._seen = 0
        self._closed = False
        self._ending = False
        self._on_event = on_event
        self._on_close = on_close
        self._tell = tell
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _connect(self):
        if self.tcp:
            made = socket.create_connection(self._address)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.connect(self._address)
        except OSError:
            made.close()
            raise
        return made

    def begin_session(self):
        """Where the mixer has sessions that survive, have one."""
        answer = self.reply(self.post({"do": "session"}), 10.0)
        if answer.get("survives"):
            self._seen = answer["seq"]
            self._session = answer["session"]

    def post(self, request, fds=(), awaited=True, raw=b""):
        """`raw`: bytes that go behind the line, as the request says."""
        number = next(self._ids)
        request = dict(request, id=number)
        line = (json.dumps(request, allow_nan=False) + "\n").encode() + raw
        with self._changed:
            if awaited:
                self._awaited.add(number)
        with self._sending:
            if self._session is not None:
                self._open[number] = (request, [os.dup(fd) for fd in fds], raw)
            try:
                self._send(line, fds)
            except OSError as error:
                if self._session is None or self._closed:
                    raise DipStreamError("the mixer has gone: %s" % error) from None
        return number

    def _send(self, line, fds):
        if fds:
            sent = socket.send_fds(self._socket, [line], list(fds))
            line = line[sent:]
        self._socket.sendall(line)

    def reply(self, number, timeout=None):
        with self._changed:
            done = self._changed.wait_for(
                lambda: number in self._replies or self._closed, timeout)
            self._awaited.discard(number)
            if number in self._replies:
                return self._replies.pop(number)
        if done:
            raise DipStreamError("the mixer has gone")
        raise TimeoutError("the mixer did not answer within %s s" % timeout)

    def ask(self, request, fds=(), timeout=10.0):
        answer = self.reply(self.post(request, fds), timeout)
        if not answer["ok"]:
            raise DipStreamError(answer["error"])
        return answer

    def wait(self, condition, timeout=None):
        """Until condition() holds; it is looked at after each event."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or condition(), timeout)

    @property
    def closed(self):
        return self._closed

    def _read(self):
        while True:
            try:
                with self._socket.makefile("r", encoding="utf-8") as lines:
                    for line in lines:
                        self._take(json.loads(line))
            except (OSError, ValueError):
                pass
            if self._ending or self._session is None or not self._come_back():
                break
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        with self._sending:
            for number in list(self._open):
                self._settle(number)
        self._on_close()

    def _come_back(self):
        """To the writer's successor: the same place on the timeline, the same handles."""
        deadline = time.monotonic() + _COME_BACK_SECONDS
        while not self._ending and time.monotonic() < deadline:
            try:
                fresh = self._connect()
                with self._sending:
                    self._socket.close()
                    self._socket = fresh
                    self._send_all_again()
                return True
            except FileNotFoundError:
                return False  # it ended in good order
            except OSError:
                time.sleep(0.02)
        return False

    def _send_all_again(self):
        first = {"do": "resume_session", "session": self._session, "seen": self._seen, "id": 0}
        self._send((json.dumps(first) + "\n").encode(), ())
        for request, fds, raw in list(self._open.values()):
            again = dict(request, again=True)
            self._send((json.dumps(again, allow_nan=False) + "\n").encode() + raw, fds)

    def _settle(self, number):
        for fd in self._open.pop(number, (None, [], b""))[1]:
            os.close(fd)

    def _take(self, message):
        if "event" not in message:
            if message.get("id") == 0 and not message["ok"]:
                self._session = None  # another mixer's: what we had is gone
                raise ValueError(message["error"])
            with self._sending:
                self._settle(message.get("id"))
        elif "seq" in message:
            if message["seq"] <= self._seen:
                return
            self._seen = message["seq"]
        with self._changed:
            if "event" in message:
                self._on_event(message)
            elif message.get("id") in self._awaited:
                self._replies[message["id"]] = message
            self._changed.notify_all()
        if "event" in message:
            self._tell(message)

    def close(self):
        self._ending = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if threading.current_thread() is not self._reader:
            self._reader.join(5)
        self._socket.close()


def _rows(data):
    """(view, samples, channels) of anything with the buffer protocol."""
    view = memoryview(data)
    if view.format not in ("f", "d", "<f", "<d"):
        raise TypeError("samples must be floating point, not format '%s'" % view.format)
    if view.ndim not in (1, 2):
        raise ValueError("samples must have one or two dimensions")
    samples = view.shape[0]
    channels = view.shape[1] if view.ndim == 2 else 1
    return view, samples, channels


def _single(view, order):
    """Its numbers as bytes of float32."""
    raw = view.tobytes(order)
    if view.format.endswith("d"):
        wide = array.array("d")
        wide.frombytes(raw)
        raw = array.array("f", wide).tobytes()
    return raw


def _planar(data):
    """(bytes, samples, channels, planar) of a whole sound."""
    view, samples, channels = _rows(data)
    if channels > samples:
        raise ValueError("there are more columns than rows: one row is one sample")
    if samples == 0 or channels == 0:
        raise ValueError("there are no samples")
    planar = channels > 1 and view.f_contiguous
    return _single(view, "F" if planar else "C"), samples, channels, planar


def _memfd(raw):
    fd = os.memfd_create("dipstream", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(raw)
        fcntl.fcntl(fd, _F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


class Source:
    """One sound in a stream; made by DipStream.add()."""

    def __init__(self, stream, voice, samplerate, channel_mapping, samples):
        self._stream = stream
        self._voice = voice
        self._samplerate = samplerate
        self._mapping = list(channel_mapping)
        self._samples = samples
        self._in_stream = True
        self._started = None  # the events of the last play
        self._ended = None
        self._play = 0
        self._looping = False
        self._ends = {}
        self._starts = {}
        self._lost = {}
        self._feeding = None  # of a stream: a lock
        self._fed = 0

    @property
    def samplerate(self):
        return self._samplerate

    @property
    def channel_mapping(self):
        return list(self._mapping)

    @property
    def start_time(self):
        """Stream time at which its first sample is heard; None until it is known."""
        return self._started["time"] if self._started else None

    @property
    def end_time(self):
        """Stream time of the first silent sample after it; None until it is known."""
        return self._ended["time"] if self._ended else None

    @property
    def data_duration(self):
        return self._samples / self._samplerate

    @property
    def playback_duration(self):
        """Exact: a difference of samples, not of clocks."""
        if self._started is None or self._ended is None:
            return None
        return (self._ended["sample"] - self._started["sample"]) / self._samplerate

    @property
    def is_playing(self):
        return self._started is not None and self._ended is None

    @property
    def is_looping(self):
        return self.is_playing and self._looping

    def start(self, at=None, start_with=None, with_offset=None, loop=False, starting_idx=0,
              timeout=0.5):
        """Start, and return when it is heard.

        `at`: a stream time. `start_with`: with another source's start, `with_offset` seconds later
        (or before). `timeout`: how long scheduling may take, not the delay that was asked for.
        """
        request = {"do": "start", "voice": self._voice, "loop": bool(loop),
                   "starting_idx": int(starting_idx)}
        reply = self._schedule(request, at, start_with, with_offset, "with_start", timeout)
        play = reply["play"]
        self._wait_for(self._starts, play)
        self._stream.wait_until_time(self._starts[play]["time"])

    def stop(self, at=None, stop_with=None, with_offset=None, timeout=0.5):
        """Stop, and return when it is silent. `stop_with`: with another source's end."""
        request = {"do": "stop", "voice": self._voice}
        before = self._play
        reply = self._schedule(request, at, stop_with, with_offset, "with_end", timeout)
        play = reply.get("play") or before
        if play == 0 or (play not in self._starts and not self._pending(play)):
            return
        self._wait_for(self._ends, play)
        self._stream.wait_until_time(self._ends[play]["time"])

    def feed(self, data):
        """Of a stream: samples, one row each, to be played behind those that it has.

        Returns how many were taken; those that do not fit are not. What was taken is played once,
        also where the mixer's writer dies meanwhile.
        """
        view, samples, channels = _rows(data)
        wanted = len(self._mapping)
        if view.ndim == 1 and samples % wanted == 0:
            samples, channels = samples // wanted, wanted
        if channels != wanted:
            raise ValueError("a chunk must have %d columns" % wanted)
        return self._feed(_single(view, "C"), False) // (4 * wanted) if samples else 0

    def close(self):
        """Of a stream: no more comes; it ends with its last sample."""
        self._feed(b"", True)

    def _feed(self, raw, close):
        if self._feeding is None:
            raise ValueError("this source is no stream")
        self._stream._check_open()
        with self._feeding:
            reply = self._stream._feed(self._voice, raw, self._fed, close)
            self._fed += reply["taken"]
        if reply["closed"]:
            raise DipStreamError("the stream was closed")
        return reply["taken"]

    def _pending(self, play):
        return play not in self._lost

    def _schedule(self, request, at, other, offset, how, timeout):
        self._stream._check_open()
        if not self._in_stream:
            raise RuntimeError("the source is not in the stream any more")
        if at is not None and (other is not None or offset is not None):
            raise ValueError("'at' cannot be combined with another source or an offset")
        if other is self:
            raise ValueError("a source cannot be scheduled against itself")
        if offset is not None and other is None:
            raise ValueError("an offset needs another source")
        if at is not None:
            request["at"] = float(at)
            request["late"] = "play"
            if request["do"] == "stop":
                del request["late"]
        if other is not None:
            if not other._in_stream:
                raise RuntimeError("the other source is not in the stream")
            request[how] = other._voice
            request["offset"] = float(offset or 0)
        link = self._stream._link
        number = link.post(request)
        try:
            reply = link.reply(number, timeout)
        except TimeoutError:
            link.post({"do": "cancel", "request": number})
            raise TimeoutError("the stream did not take it up within %s s" % timeout) from None
        if not reply["ok"]:
            if reply.get("reason") == "bad index":
                raise ValueError(reply["error"])
            raise DipStreamError(reply["error"])
        if request["do"] == "start":
            self._looping = request["loop"]
        return reply

    def _wait_for(self, events, play):
        link = self._stream._link
        link.wait(lambda: play in events or play in self._lost or self._stream.failed)
        if play in events:
            return
        self._stream._check_open()
        raise DipStreamError("it did not happen: %s" % self._lost.get(play, "the mixer has gone"))

    def _on_event(self, event):
        kind, play = event["event"], event.get("play", 0)
        if kind == "started":
            self._starts[play] = event
            self._play = play
            self._started, self._ended = event, None
        elif kind == "ended":
            self._ends[play] = event
            if play == self._play:
                self._ended = event
        elif kind in ("cancelled", "dropped"):
            self._lost[play] = event.get("reason", kind)
        elif kind == "removed":
            self._in_stream = False
        for known in (self._starts, self._ends, self._lost):
            while len(known) > 64:
                del known[next(iter(known))]


class DipStream:
    """A JACK stream that sounds can be added to, started and stopped in while it runs.

    samplerate, blocksize: JACK has one of each for all its clients; another wish is refused.
    device: a pattern of JACK input port names ("system:playback_.*"), None for the physical ones,
    "none" for no connection, "null" for no device at all. bias: seconds that the converter takes
    behind the server's account, measured with a cable. latency and dtype are JACK's: only
    float32 exists, and the latency is the server's.
    finished_callback: called without arguments when the stream ends.
    """

    def __init__(self, samplerate=None, blocksize=None, device=None, channels=2, dtype="float32",
                 latency=None, extra_settings=None, finished_callback=None, callback=None,
                 server=None, name="dipstream", attach=None, clip="fault", bias=None):
        if callback is not None:
            raise ValueError("'callback' belongs to the mixer")
        if extra_settings is not None:
            raise ValueError("JACK has no extra settings")
        if str(dtype) not in ("float32", "<class 'numpy.float32'>", "<class 'float'>"):
            raise ValueError("JACK's samples are float32, not %s" % (dtype,))
        if latency not in (None, "low", "high"):
            raise ValueError("the latency is the JACK server's (jackd -p -n); it cannot be asked for")
        if blocksize == 0:
            blocksize = None
        self._finished_callback = finished_callback
        self._sources = {}
        self._finished = False
        self._failure = None
        self._stopped = False
        self._child = None
        self._link = None
        self._started = False
        self._callback = None
        if attach is None:
            path = self._launch(samplerate, blocksize, device, channels, server, name, clip, bias)
        else:
            path = attach
        self.socket = path  # others can attach here
        try:
            self._link = _Link(path, self._on_event, self._on_close, self._tell)
            self._link.begin_session()
            self._link.ask({"do": "subscribe", "events": "mine"})
            self._info = self._link.ask({"do": "info"})
            if attach is not None and samplerate not in (None, self._info["samplerate"]):
                raise ValueError("the mixer runs at %d Hz" % self._info["samplerate"])
        except BaseException:
            self.stop()
            raise

    def _launch(self, samplerate, blocksize, device, channels, server, name, clip, bias):
        program = os.environ.get("AVRIG_DIPSTREAM") or shutil.which("dipstream")
        if program is None:
            raise DipStreamError("there is no 'dipstream' on the PATH; set AVRIG_DIPSTREAM to it")
        words = [program, "--channels", str(int(channels)), "--name", name, "--clip", clip]
        if device == "null":
            words += ["--device", "null"]
        elif device is not None:
            words += ["--connect", str(device)]
        if server is not None:
            words += ["--server", server]
        if bias is not None:
            words += ["--bias", str(float(bias))]
        if samplerate is not None:
            words += ["--samplerate", str(int(samplerate))]
        if blocksize is not None:
            words += ["--blocksize", str(int(blocksize))]
        self._child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
        line = self._child.stdout.readline()
        if not line:
            text = self._child.stderr.read().decode(errors="replace").strip()
            self._reap()
            raise DipStreamError(text or "the dipstream program ended")
        return json.loads(line)["socket"]

    # The stream ------------------------------------------------------------------------------

    def start(self):
        """The stream runs from the beginning; here for scripts that call it."""
        self._check_open()
        self._started = True

    def stop(self):
        """End the stream; its sources are gone."""
        if self._stopped:
            return
        self._stopped = True
        if self._link is not None:
            self._link.close()
        self._reap()

    def _reap(self):
        if self._child is None:
            return
        self._child.stdin.close()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child.stdout.close()
        self._child.stderr.close()
        self._child = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def _on_close(self):
        self._finished = True
        if self._child is not None and not self._stopped and self._failure is None:
            code = self._child.wait()
            self._failure = ("the dipstream program %s; what it played is gone: open a new stream"
                             % ("was killed by signal %d" % -code if code < 0
                                else "ended with %d" % code))
        if self._finished_callback is not None:
            callback, self._finished_callback = self._finished_callback, None
            callback()

    def _check_open(self):
        if self._failure is not None:
            raise DipStreamError(self._failure)
        if self._stopped or self._finished:
            raise DipStreamError("the stream has ended")

    @property
    def failed(self):
        """The text of what ended the stream; None while all is well."""
        return self._failure

    def _on_event(self, event):
        if event.get("state") != "predicted":
            return
        if event["event"] == "fault":
            self._failure = ("the sum of the sources clipped: peak %.6g on a channel; the stream is "
                             "silent" % event.get("level", 0))
        source = self._sources.get(event.get("voice"))
        if source is not None:
            source._on_event(event)

    def _tell(self, event):
        if self._callback is not None:
            self._callback(event)

    def subscribe(self, callback, events="mine"):
        """Call back with each event, as a dict ("mine" or "all"), from a thread of the stream.

        Do not wait for anything of the stream in it.
        """
        self._callback = callback
        self._link.ask({"do": "subscribe", "events": events})

    def request(self, what, fds=(), wait=True):
        """A request of the mixer's protocol as a dict, and its reply; see docs/dipstream.md."""
        if wait:
            return self._link.ask(what, fds)
        self._link.post(what, fds, awaited=False)
        return None

    def _feed(self, voice, raw, position, close=False):
        """PCM into a stream; `position`: the bytes that it has taken before.

        Waits as long as it takes: what is asked again has its old place, so nothing else may be fed
        before it is answered.
        """
        request = {"do": "feed", "voice": voice, "position": position, "close": close}
        if raw:
            request["bytes"] = len(raw)
        reply = self._link.reply(self._link.post(request, raw=raw))
        if not reply["ok"]:
            raise DipStreamError(reply["error"])
        return reply

    # Time ------------------------------------------------------------------------------------

    @property
    def now(self):
        return self.time_of(time.monotonic_ns())

    def time_of(self, monotonic_ns):
        """The stream time of an instant of CLOCK_MONOTONIC, such as an input event's."""
        now = self._link.ask({"do": "now"})
        passed = (monotonic_ns - now["mono_ns"]) / now["ns_per_sample"]
        return now["now"] + passed / self.samplerate

    @property
    def latency(self):
        """From handing a sample over to hearing it, in seconds."""
        return self._link.ask({"do": "info"})["latency"]

    @property
    def samplerate(self):
        return self._info["samplerate"]

    @property
    def channels(self):
        return self._info["channels"]

    @property
    def all_channels(self):
        return list(range(1, self.channels + 1))

    @property
    def current_blocksize(self):
        return self._link.ask({"do": "info"})["current_blocksize"]

    @staticmethod
    def elapsed_between(first, second):
        return second - first

    def wait_until_time(self, moment, sleep_in_loop=_WAIT_LOOP_SECONDS):
        """Sleep until a stream time."""
        while True:
            self._check_open()
            left = moment - self.now
            if left <= 0:
                return
            time.sleep(min(left, max(sleep_in_loop, left / 2)))

    # Sources ---------------------------------------------------------------------------------

    def add(self, samplerate, data, channel_mapping, **more):
        """A source of these samples on these channels (counted from 1).

        Mono is repeated on every channel. Further words go to the mixer: gain_db, pan, pitch, bus,
        name, on_owner_exit.
        """
        self._check_open()
        if samplerate != self.samplerate:
            raise ValueError("the samples have %s Hz, the stream has %d Hz"
                             % (samplerate, self.samplerate))
        channels = [int(channel) for channel in channel_mapping]
        if any(channel < 1 or channel > self.channels for channel in channels):
            raise ValueError("channels are counted from 1 to %d" % self.channels)
        if len(set(channels)) != len(channels) or not channels:
            raise ValueError("each channel once, and at least one")
        raw, samples, columns, planar = _planar(data)
        if columns > 1 and columns != len(channels):
            raise ValueError("%d columns cannot go to %d channels" % (columns, len(channels)))
        request = dict(more, do="add", channels=channels, data_channels=columns,
                       layout="planar" if planar else "interleaved")
        if self._link.tcp:
            reply = self._link.reply(self._link.post(dict(request, bytes=len(raw)), raw=raw), 10.0)
        else:
            fd = _memfd(raw)
            try:
                reply = self._link.reply(self._link.post(dict(request, memfd=True), [fd]), 10.0)
            finally:
                os.close(fd)
        if not reply["ok"]:
            raise ValueError(reply["error"])
        source = Source(self, reply["voice"], self.samplerate, channels, samples)
        self._sources[source._voice] = source
        return source

    def open_stream(self, channel_mapping, buffer_seconds=0.5, **more):
        """A source that is fed while it plays, as many channels as the mapping has."""
        self._check_open()
        channels = [int(channel) for channel in channel_mapping]
        reply = self._link.ask(dict(more, do="open_stream", channels=channels,
                                    data_channels=len(channels), buffer_seconds=buffer_seconds))
        source = Source(self, reply["voice"], self.samplerate, channels, reply["length"])
        source._feeding = threading.Lock()
        self._sources[source._voice] = source
        return source

    def __contains__(self, source):
        return isinstance(source, Source) and source._stream is self and source._in_stream

    def remove(self, source):
        """Take a source out; it must not be playing."""
        if source not in self:
            raise RuntimeError("the source is not in the stream")
        if source.is_playing:
            raise RuntimeError("the source is playing; stop it first")
        try:
            self._link.ask({"do": "remove", "voice": source._voice})
        except DipStreamError as error:
            raise RuntimeError(str(error)) from None
        self._forget(source)

    def clear_sources(self):
        """Take all sources out, playing or not."""
        self._link.ask({"do": "clear_sources"})
        for source in list(self._sources.values()):
            self._forget(source)

    def _forget(self, source):
        source._in_stream = False
        self._sources.pop(source._voice, None)
