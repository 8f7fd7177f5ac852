// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// SimVX's audio backend on DipStream: the same calls, defaults and ids.
///
///     avrig::simvx::AudioBackend audio;
///     const auto shot = audio.play_audio_2d("shot.ogg", {.volume_db = -6});
///     audio.update_audio_2d(shot.value_or(0), -12, 0.5);
///
/// As there: ids are process-wide and count from 1; what is said to an unknown id does nothing;
/// what cannot be played is one warning and no id; a voice that has come to its end dies, and its
/// id with it; a sum beyond +-1 is clamped. Otherwise than there: buses stay in force on running
/// voices and after updates, pitch is exact, and a stream's buffer is bounded.
/// This header needs nothing but the standard library.
///
/// Thread: any. Nothing here is for a real-time thread.

namespace avrig::simvx {

using VoiceId = std::uint64_t;
using Vector = std::array<double, 3>;

struct BackendOptions {
  unsigned sample_rate = 44100;  ///< of samples that are handed over; a JACK server keeps its own
  unsigned nchannels = 2;
  std::string device{};         ///< as DipStream's; "null" needs no sound card and no server
  std::string server{};         ///< JACK's
  std::string attach{};         ///< the socket of a mixer that runs already
  double buffer_seconds = 0.5;  ///< of a stream
  std::function<void(const std::string&)> warn{};  ///< default: a line on stderr
};

/// How a sound is played. Buses are "master", "music", "sfx", "voice", "ui", in any case, and those
/// that were added.
struct Play {
  double volume_db = 0;
  double pitch = 1;  ///< from 0.1 up
  bool loop = false;
  std::string bus = "master";
};
struct Play2D {
  std::optional<Vector> position{};  ///< heard until update_audio_2d takes over
  double volume_db = 0;
  double pitch = 1;
  bool loop = false;
  std::string bus = "sfx";
  double max_distance = 2000;
};
struct Play3D {
  std::optional<Vector> position{};
  double volume_db = 0;
  double pitch = 1;
  bool loop = false;
  std::string bus = "sfx";
  double max_distance = 100;
};
struct OpenStream {
  double volume_db = 0;
  double pitch = 1;
  std::string bus = "master";
};

struct Listener {
  Vector position{};
  Vector velocity{};
  Vector right{1, 0, 0};
};

/// A sound: a path, or interleaved samples with as many channels as the backend has.
class __attribute__((visibility("default"))) Sound {
 public:
  Sound(const char* path) : path_(path) {}                         // NOLINT: as one says it
  Sound(std::string path) : path_(std::move(path)) {}              // NOLINT
  Sound(std::span<const float> samples) : samples_(samples) {}     // NOLINT
  Sound(const std::vector<float>& samples) : samples_(samples) {}  // NOLINT

 private:
  friend class AudioBackend;
  std::string path_;
  std::span<const float> samples_;
};

class __attribute__((visibility("default"))) AudioBackend {
 public:
  /// Throws std::runtime_error when there is no such device.
  explicit AudioBackend(const BackendOptions& options = {});
  ~AudioBackend();
  AudioBackend(const AudioBackend&) = delete;
  AudioBackend& operator=(const AudioBackend&) = delete;

  // Playing: none where it cannot be played. An unknown bus throws std::invalid_argument, which
  // lists the names.
  std::optional<VoiceId> play_audio(const Sound& sound, const Play& how = {});
  std::optional<VoiceId> play_audio_2d(const Sound& sound, const Play2D& how = {});
  std::optional<VoiceId> play_audio_3d(const Sound& sound, const Play3D& how = {});
  void stop_audio(VoiceId id);
  void stop(VoiceId id) { stop_audio(id); }
  void pause_audio(VoiceId id);
  void resume_audio(VoiceId id);
  void update_audio_2d(VoiceId id, double volume_db, double pan);
  void update_audio_3d(VoiceId id, double volume_db, double pan, double pitch);
  /// Seconds into the sound; 0 for an unknown id.
  [[nodiscard]] double get_playback_position(VoiceId id);
  void set_listener(const Listener& listener);

  /// A voice that plays what feed_audio_chunk brings; it lives until it is stopped.
  VoiceId open_stream(const OpenStream& how = {});
  /// Raw interleaved s16 PCM; the bytes that were taken: what exceeds the buffer is not. A chunk
  /// may end inside a sample.
  std::size_t feed_audio_chunk(VoiceId id, std::span<const std::byte> chunk);

  // Buses: what is set is heard on the voices that run.
  void add_bus(const std::string& name,
               double volume_db = 0,
               const std::string& send_to = "Master");
  void set_bus_volume(const std::string& name, double volume_db);  ///< -80 .. 24 dB
  void set_bus_mute(const std::string& name, bool mute);
  void set_bus_solo(const std::string& name, bool solo);
  void set_bus_send_to(const std::string& name, const std::string& parent);
  /// The sum of the levels from this bus to the output, in dB; -80 is silence.
  [[nodiscard]] double get_effective_volume(const std::string& name);
  [[nodiscard]] std::vector<std::string> bus_names();

  /// Close the device; calls after this do nothing.
  void shutdown();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

using MiniaudioBackend = AudioBackend;

}  // namespace avrig::simvx
