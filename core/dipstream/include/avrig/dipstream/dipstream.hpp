// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

/// DipStream for C++: let sounds dip in and out of a running stream, exact to the sample.
///
///     avrig::dipstream::DipStream stream({.samplerate = 48000, .channels = 2});
///     auto a = stream.add(48000, tone, {1});
///     auto b = stream.add(48000, speech, {1, 2});
///     a.start({.loop = true});
///     b.start({.start_with = &a, .with_offset = 2});
///     a.stop({.stop_with = &b, .with_offset = 2});
///     b.playback_duration();   // 1.0, to the sample
///     a.playback_duration();   // 5.0
///
/// Two ways in. Without `attach` this process becomes a JACK client (or, with device "null", runs
/// on no device at all). With `attach` it joins a mixer that runs already, such as the one of a
/// pipeline's `write: jack`: samples are shared with it as memory, and what you schedule goes
/// through a command queue in shared memory, so that it is as exact as from inside.
///
/// Names and meaning are those of the Python client. Times are stream time in seconds: samples
/// divided by the rate, of the moment a sample is heard; so a duration is exact. Channels are
/// counted from 1. This header needs nothing but the standard library.
///
/// Errors: std::invalid_argument for what makes no sense, TimedOut, and StreamError for what the
/// mixer refuses or when it has gone. Nothing that a call gets wrong stops the stream.
/// Thread: any, unless said otherwise. Nothing here is for a real-time thread.

#define AVRIG_DIPSTREAM_API __attribute__((visibility("default")))

namespace avrig::dipstream {

/// The mixer refused, or it went away.
class AVRIG_DIPSTREAM_API StreamError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Nobody took it up within `timeout`.
class AVRIG_DIPSTREAM_API TimedOut : public StreamError {
 public:
  using StreamError::StreamError;
};

/// What the mixer reports. It comes twice: "predicted" when the sample is rendered, then
/// "confirmed" once it was heard, or "suspect" where the output broke in between.
struct Event {
  std::string kind;   ///< started, ended, paused, resumed, looped, gap, underrun, applied, ...
  std::string state;  ///< predicted, confirmed, suspect
  std::string name;   ///< the voice's, where it has one
  std::string reason;
  std::uint64_t voice = 0;
  std::uint32_t play = 0;          ///< which start of the voice, from 1
  std::int64_t sample = -1;        ///< -1: none
  double time = 0;                 ///< stream time at which it is heard
  std::int64_t mono_ns = 0;        ///< the same by CLOCK_MONOTONIC
  std::int64_t sigma_ns = 0;       ///< how sure that is
  std::int64_t error_samples = 0;  ///< how far from what was asked for
  std::int64_t late = 0;           ///< samples
  std::int64_t value = 0;          ///< of a gap: its samples
  double level = 0;                ///< of a clip: the peak
  std::uint64_t epoch = 0;         ///< +1 at each break of the timeline
};

struct DipStreamOptions {
  unsigned samplerate = 0;  ///< 0: JACK's; another than JACK's is refused. null: 48000
  unsigned blocksize = 0;   ///< the same; null: 256
  /// A pattern of JACK input port names; "": the physical ones; "none"; "null": no device at all.
  std::string device{};
  unsigned channels = 2;
  std::string clip = "fault";  ///< pass, clamp, limit; fault: a sum beyond +-1 ends in silence
  std::string server{};        ///< JACK's; "": the default one
  std::string name = "dipstream";
  double bias = 0;  ///< seconds of the converter, measured: added to all times at the output
  /// The socket of a mixer that runs; of all the others samplerate alone counts then.
  std::string attach{};
  std::function<void()> finished_callback{};  ///< the stream has ended
};

class Source;

/// When and how to start. Without `at` and `start_with`: as soon as possible.
struct Start {
  std::optional<double> at{};           ///< stream time
  const Source* start_with = nullptr;   ///< with another source's start,
  std::optional<double> with_offset{};  ///< so many seconds later, or (negative) before
  bool loop = false;
  std::int64_t starting_idx = 0;
  std::optional<double> timeout = 0.5;  ///< for scheduling it, not for its delay; none: for ever
  bool wait = true;                     ///< until it is heard; else until it is scheduled
  double fade = 0;                      ///< seconds
};

/// When and how to stop.
struct Stop {
  std::optional<double> at{};
  const Source* stop_with = nullptr;  ///< with another source's end
  std::optional<double> with_offset{};
  std::optional<double> timeout = 0.5;
  bool wait = true;  ///< until it is silent; else until it is scheduled
  double fade = 0;
};

/// When something else happens to a source. Without `at`: as soon as possible.
struct Change {
  std::optional<double> at{};
  std::optional<double> timeout = 0.5;
  double ramp = 64.0 / 48000;  ///< seconds; of pause and resume: a fade
};

/// What was scheduled.
struct Scheduled {
  std::int64_t sample = -1;  ///< -1: not known yet (it waits for another)
  double time = 0;           ///< heard then, in stream time
  std::int64_t mono_ns = 0;  ///< and by CLOCK_MONOTONIC
  std::uint32_t play = 0;
};

struct FeedResult {
  std::size_t taken = 0;  ///< samples; what was not taken would block
  bool would_block = false;
};

/// Of add() and open_stream().
struct SourceOptions {
  unsigned data_channels = 1;  ///< of samples given to add(): 1, or as many as the mapping has
  std::string name{};
  std::string bus = "Master";
  double gain_db = 0;
  double pan = 0;
  double pitch = 1;
  std::string quality = "linear";      ///< linear, cubic, sinc
  std::string on_owner_exit = "fade";  ///< fade (5 ms), stop, keep
  /// Where samples of the timeline are lost: keep_timeline (it goes on where it would be by now) or
  /// keep_content (with the next sample, later).
  std::string on_gap = "keep_timeline";
};

/// One sound in a stream; made by DipStream::add(). A handle: copies mean the same source.
class AVRIG_DIPSTREAM_API Source {
 public:
  [[nodiscard]] unsigned samplerate() const;
  [[nodiscard]] std::vector<unsigned> channel_mapping() const;
  /// How the mixer calls it, in requests and events.
  [[nodiscard]] std::uint64_t voice() const;

  /// Stream time at which its first sample is heard; none until it is known.
  [[nodiscard]] std::optional<double> start_time() const;
  /// Of the first silent sample after it.
  [[nodiscard]] std::optional<double> end_time() const;
  [[nodiscard]] double data_duration() const;
  /// Exact: a difference of samples. None until both are known.
  [[nodiscard]] std::optional<double> playback_duration() const;
  [[nodiscard]] bool is_playing() const;
  [[nodiscard]] bool is_looping() const;

  Scheduled start(const Start& how = {});
  Scheduled stop(const Stop& how = {});
  Scheduled pause(const Change& how = {.ramp = 0});
  Scheduled resume(const Change& how = {.ramp = 0});
  Scheduled set_gain(double db, const Change& how = {});
  Scheduled set_pan(double pan, const Change& how = {});
  Scheduled set_pitch(double pitch, const Change& how = {});
  Scheduled set_bus(const std::string& bus, const Change& how = {});

  /// Of a stream: as many whole samples of interleaved PCM as fit.
  FeedResult feed(std::span<const float> pcm);
  FeedResult feed(std::span<const std::int16_t> pcm);
  /// Of a stream: no more comes; it ends with its last sample.
  void close();

  struct State;
  explicit Source(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  friend class DipStream;
  std::shared_ptr<State> state_;
};

class AVRIG_DIPSTREAM_API DipStream {
 public:
  /// Runs when it returns.
  explicit DipStream(const DipStreamOptions& options = {});
  /// Ends the stream; its sources are gone.
  ~DipStream();
  DipStream(const DipStream&) = delete;
  DipStream& operator=(const DipStream&) = delete;

  // Time ------------------------------------------------------------------------------------------
  /// Stream time. The same in every process that is attached to one mixer.
  [[nodiscard]] double now() const;
  /// From handing a sample over to hearing it, in seconds.
  [[nodiscard]] double latency() const;
  /// The stream time of an instant of CLOCK_MONOTONIC, such as an input event's.
  [[nodiscard]] double time_of(std::int64_t mono_ns) const;
  [[nodiscard]] static double elapsed_between(double first, double second) {
    return second - first;
  }
  /// Sleep until a stream time.
  void wait_until_time(double moment) const;

  [[nodiscard]] unsigned samplerate() const;
  [[nodiscard]] unsigned channels() const;
  [[nodiscard]] std::vector<unsigned> all_channels() const;
  [[nodiscard]] unsigned current_blocksize() const;

  // Sources ---------------------------------------------------------------------------------------
  /// A source of these samples; interleaved where `data_channels` says that there are several.
  /// Mono is repeated on every channel of the mapping. Throws on NaN and infinity.
  [[nodiscard]] Source add(unsigned samplerate,
                           std::span<const float> samples,
                           const std::vector<unsigned>& channel_mapping,
                           const SourceOptions& options = {});
  /// A sound file of any format that FFmpeg reads. `strict`: another rate than the stream's is
  /// refused; else it is resampled.
  [[nodiscard]] Source add_file(const std::string& path,
                                const std::vector<unsigned>& channel_mapping = {},
                                const SourceOptions& options = {},
                                bool strict = true);
  /// A source that is fed while it plays, as many channels as the mapping has. Its memory is
  /// shared with the mixer.
  [[nodiscard]] Source open_stream(const std::vector<unsigned>& channel_mapping,
                                   double buffer_seconds = 0.5,
                                   const SourceOptions& options = {});

  [[nodiscard]] bool contains(const Source& source) const;
  /// It must not be playing.
  void remove(const Source& source);
  /// All of ours, playing or not.
  void clear_sources();

  // Everything else -------------------------------------------------------------------------------
  /// Hear of what happens: to our sources, or (`all`) to everybody's. Called by a thread of the
  /// stream, which must not be kept; do not wait for anything in it.
  void subscribe(std::function<void(const Event&)> callback, bool all = false);
  /// A request of the protocol (docs/dipstream.md) as JSON, and its reply: buses, space, batches,
  /// meters. Throws StreamError when it is refused.
  std::string request(const std::string& json);
  /// The same without waiting; nobody learns what came of it.
  void tell(const std::string& json);

  /// Others can attach here.
  [[nodiscard]] const std::string& socket() const;
  /// What ended the stream; empty while all is well.
  [[nodiscard]] std::string failed() const;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace avrig::dipstream
