// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/encoder.hpp>
#include <avrig/media/handles.hpp>
#include <avrig/media/packet.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace avrig::media {

/// What a container can keep.
struct ContainerTraits {
  std::string name;           ///< FFmpeg's muxer
  bool keeps_times = true;    ///< false (wav, flac, raw): gaps vanish; fill them with silence
  bool exact_ns = false;      ///< nut: pictures to the ns, sound to 3 ns
  bool text_marks = false;    ///< marks go into a text track; otherwise beside the file
  bool survives_kill = true;  ///< false: unreadable unless finished
};

/// By container name, or where that is "" by the file name's ending ("" and no ending: matroska).
/// Throws Error(Open) on a name that FFmpeg does not know.
[[nodiscard]] ContainerTraits container_traits(const std::string& container,
                                               const std::string& path);

struct MuxerOptions {
  std::string container;                         ///< "" = by the file name's ending
  Options options;                               ///< FFmpeg's, of the container
  Options metadata;                              ///< "title", "comment", ...
  bool bitexact = false;                         ///< no random ids, no dates, no version strings
  bool marks = false;                            ///< write_mark() will be used
  std::int64_t max_interleave_ns = 200'000'000;  ///< a packet waits this long for other streams
  std::size_t max_interleave_packets = 4096;
  std::int64_t flush_interval_ns = -1;  ///< -1 = each packet (mp4/mov: 200 ms, a fragment each)
};

enum class WriteStatus {
  Ok,
  NotMonotonic,  ///< its time is not after the stream's last; it was not written
  Failed         ///< disk full, I/O error, bad packet: error(). The file holds what came before
};

/// A recording: packets of several streams in, a file out that plays at any moment.
///
/// What is safe against kill -9 is known: durable_pts_ns(). Packets are interleaved here, within
/// max_interleave_ns, so that one stalled stream holds no other back; each then goes to the kernel
/// in one write. A write error truncates the file to the last whole packet.
///
/// Times: nut exact to 3 ns; mkv on a 1 ms grid, which libavformat fixes; mp4/mov 1 us for
/// pictures, and for sound the nearest sample of its own grid, half a sample away at most. Lossy
/// sound begins a little before its first block (priming, which decoders trim); nut holds no time
/// before 0, so there a recording from 0 with such sound is moved as a whole by that much.
///
/// Thread: one at a time
class Muxer {
 public:
  /// Creates the file; an existing one is never touched. Throws Error(Open): it exists, no such
  /// folder, no permission, unknown container.
  explicit Muxer(std::string path, MuxerOptions options = {});
  Muxer(Muxer&&) noexcept;
  Muxer& operator=(Muxer&&) noexcept;
  /// finish(), if that was not done.
  ~Muxer();

  /// Before begin(). Returns the stream's number. Throws Error(Open) when the container cannot hold
  /// the codec.
  int add_stream(const Encoder& encoder);
  int add_stream(const AVCodecParameters& parameters, AVRational time_base, AVRational frame_rate);

  /// Writes the header. Throws Error(Open) with the reason.
  void begin();

  /// Takes the packet.
  [[nodiscard]] WriteStatus write(int stream, Packet packet);
  /// This stream has no more packets: do not wait for it.
  void end_stream(int stream);
  /// A line of text at a moment: in the recording's text track, or in "<path>.marks.csv".
  [[nodiscard]] WriteStatus write_mark(std::int64_t time_ns, std::string_view text);
  /// Hand everything that waits to the kernel now.
  [[nodiscard]] WriteStatus flush();
  /// Flush, index, close. Afterwards only the accessors may be called. A file into which no packet
  /// was written is removed: most containers cannot be opened without one.
  [[nodiscard]] WriteStatus finish();

  /// Of this stream everything up to this time is in the kernel's hands (INT64_MIN: nothing), as it
  /// was given to write(), before the container's rounding; and how many packets that is.
  [[nodiscard]] std::int64_t durable_pts_ns(int stream) const noexcept;
  [[nodiscard]] std::uint64_t durable_packets(int stream) const noexcept;
  /// FFmpeg was given at least one.
  [[nodiscard]] bool has_packets() const noexcept;
  [[nodiscard]] std::uint64_t bytes_written() const noexcept;
  [[nodiscard]] const std::string& path() const noexcept;
  [[nodiscard]] const ContainerTraits& traits() const noexcept;
  [[nodiscard]] const std::string& error() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace avrig::media
