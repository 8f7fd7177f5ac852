// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <vector>

struct AVFormatContext;

namespace avrig::media {

class MuxerTarget;

/// Lets a NUT file keep the times of sound finer than one sample.
///
/// libavformat's muxer takes 1/sample_rate as the time base of sound, whatever the stream asks for,
/// so that a start beside that grid moves by up to half a sample. NUT itself knows no such rule.
/// While the muxer chooses its time bases, sound therefore shows a multiple of its rate: samples
/// stay whole units, and a unit is a few ns. With the first bytes that the muxer writes, which are
/// the file's magic, the choice is made, and the true rates are put back before the headers.
class NutSoundTimes {
 public:
  /// Before avformat_write_header(). Does nothing to a target that is a URL.
  NutSoundTimes(AVFormatContext& context, MuxerTarget& target);
  NutSoundTimes(const NutSoundTimes&) = delete;
  NutSoundTimes& operator=(const NutSoundTimes&) = delete;
  ~NutSoundTimes();

  /// After it: false, this libavformat writes its header in another order; the file is wrong.
  [[nodiscard]] bool header_is_true() const noexcept { return in_order_ && rates_.empty(); }

 private:
  void put_back() noexcept;

  AVFormatContext& context_;
  MuxerTarget& target_;
  std::vector<int> rates_;  ///< by stream, while they are not there; empty: they are
  bool in_order_ = true;
};

}  // namespace avrig::media
