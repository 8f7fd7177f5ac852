// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace avrig::spectral {

/// What each band of the spectrum holds when nobody speaks.
///
/// Tracking: the spectra of kGroup windows are averaged, over two neighbours to each side as well,
/// and the least of the last kGroups averages, times what such a minimum falls short of the mean,
/// is the floor: about one second at a hop of 5 ms, with pauses of 80 ms in it. All memory is
/// finite and its grid is that of the stream, so a restarted stage that hears history_hops() again
/// has the same floor, to the bit.
/// Learning: the mean over the first windows of the stream, kept for good.
///
/// Thread: one at a time      RT-safe: all but the constructor
class NoiseFloor {
 public:
  static constexpr std::uint32_t kGroup = 8;
  static constexpr std::uint32_t kGroups = 24;

  /// `learn_hops`: 0 = track.
  NoiseFloor(std::size_t bins, std::uint32_t learn_hops);
  void reset() noexcept;

  /// The power spectrum of window number `hop`, counted from the beginning of the stream.
  void add(std::uint64_t hop, std::span<const float> power) noexcept;
  /// Not before there is one.
  [[nodiscard]] bool known() const noexcept { return known_; }
  [[nodiscard]] std::span<const float> power() const noexcept { return floor_; }

  [[nodiscard]] static constexpr std::uint32_t history_hops() noexcept {
    return kGroup * (kGroups + 1);
  }

 private:
  void learn(std::span<const float> power) noexcept;
  void close_group(std::uint64_t group) noexcept;

  std::size_t bins_;
  std::uint32_t learn_hops_;
  std::uint32_t in_group_ = 0;
  std::uint32_t learned_ = 0;
  bool known_ = false;
  std::vector<float> sum_;
  std::vector<float> groups_;  ///< kGroups spectra; of group g in slot g % kGroups
  std::vector<float> floor_;
};

}  // namespace avrig::spectral
