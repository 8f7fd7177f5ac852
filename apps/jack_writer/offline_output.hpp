// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "playback.hpp"
#include <avrig/clock/virtual_clock.hpp>
#include <avrig/dipstream/mixer_host.hpp>
#include <avrig/media/encoder.hpp>
#include <avrig/media/muxer.hpp>

#include <memory>
#include <string>
#include <vector>

namespace avrig::jack_writer {

/// The device-free twin: renders the same mixer by a virtual clock, as fast as frames come, and
/// writes what would have been heard to a file, where one is asked for.
///
/// Thread: the stage's
class OfflineOutput {
 public:
  /// `path` empty: the samples go nowhere. `successor`: the file may be there, from a process that
  /// was killed: what it holds is kept. Throws Error(Open).
  OfflineOutput(const std::string& path,
                std::uint32_t rate_hz,
                dipstream::MixerHost& host,
                SampleFifo& fifo,
                bool successor);

  /// Render all that is in the FIFO.
  void render();
  /// Render to `sample`, whether or not there is anything from the pipeline.
  void render_to(std::int64_t sample);
  void finish();
  [[nodiscard]] std::int64_t samples() const noexcept {
    return static_cast<std::int64_t>(clock_.samples());
  }

 private:
  void open(const std::string& path);
  void recover(const std::string& path);
  void copy_from(const std::string& path);
  void encode(std::uint32_t first, std::uint32_t count);
  void write_packets();

  clock::VirtualClock clock_;
  dipstream::MixerHost* host_;
  SampleFifo* fifo_;
  std::uint32_t rate_hz_;
  std::vector<float> block_;
  std::vector<float*> rows_;
  std::int64_t written_ = 0;  // samples in the file; these are not written again
  std::unique_ptr<media::Encoder> encoder_;
  std::unique_ptr<media::Muxer> muxer_;
};

}  // namespace avrig::jack_writer
