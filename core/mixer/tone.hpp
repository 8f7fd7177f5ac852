// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/command.hpp>
#include <avrig/mixer/sample.hpp>

#include <cstddef>
#include <cstdint>

// What one voice sounds like from a certain sample on. A Tone is a value: copy it, and the copy
// renders the same samples, whatever happens to the voice later.

namespace avrig::mixer {

inline constexpr std::uint64_t kUnitStep = std::uint64_t{1} << 32;
inline constexpr std::int64_t kEndless = INT64_MAX;

/// The order in which a play walks through its data: `first`, to the loop's end, round it, and on.
struct Content {
  std::int64_t first = 0;
  std::int64_t loop_begin = 0;
  std::int64_t loop_end = 0;  // 0 = no loop
  std::int64_t loop_count = 1;
  std::int64_t total = 0;  // content samples; kEndless
  bool joined = false;     // what lies before `first` was heard just before

  /// Content of `length` samples of data. The loop is checked by the caller.
  [[nodiscard]] static Content of(std::int64_t first,
                                  const LoopSpec& loop,
                                  std::int64_t length) noexcept;
  [[nodiscard]] bool loops() const noexcept { return loop_end > 0; }
  [[nodiscard]] std::int64_t region() const noexcept { return loop_end - loop_begin; }
  /// Where the first pass ends.
  [[nodiscard]] std::int64_t first_seam() const noexcept { return loop_end - first; }
  /// Index in the data of content sample `u`, and in `run` how many follow it without a seam.
  [[nodiscard]] std::int64_t locate(std::int64_t u, std::int64_t& run) const noexcept;
  /// The first seam after content sample `u`; kEndless when there is none.
  [[nodiscard]] std::int64_t next_seam(std::int64_t u) const noexcept;
};

/// Which loop may mix a voice for a whole block.
enum class TonePath : std::uint8_t { Slow = 0, Mono, Stereo };

struct alignas(64) Tone {
  // The first line is all that a steady voice needs in a block.
  const std::byte* data = nullptr;
  std::size_t stride = 0;  // bytes from channel to channel
  std::int64_t index = 0;  // of the next sample in the data
  std::int64_t run = 0;    // samples from there to a seam or the end
  std::int64_t at = 0;     // the output sample that this is for
  float gain[2] = {0, 0};  // left and right, or [0] for every output
  std::uint32_t frac = 0;  // of the position, 2^-32
  TonePath path = TonePath::Slow;
  SampleFormat format = SampleFormat::F32;
  std::uint8_t bus = 0;
  std::uint8_t out[2] = {0, 0};
  bool stream = false;
  Quality quality = Quality::Linear;

  std::int64_t u_less_index = 0;  // content position less data index: constant within a run
  std::uint64_t step = kUnitStep;
  std::int64_t ramp_at = 0;
  std::int64_t in_at = 0;
  std::int64_t out_at = 0;
  float from[2] = {0, 0};
  float delta[2] = {0, 0};
  std::uint32_t ramp_length = 0;  // 0 = gains are steady
  std::uint32_t in_length = 0;    // fade in; 0 = none
  std::uint32_t out_length = 0;   // fade out; 0 = none
  FadeShape in_shape = FadeShape::Linear;
  FadeShape out_shape = FadeShape::Linear;
  // On its way to its bus: what had it before, and which part of it each has at `move_at`, its own
  // bus first. That goes to one, in a line, and the others to nothing.
  static constexpr std::uint32_t kMostLeaving = 3;
  std::int64_t move_at = 0;
  std::uint32_t move_length = 0;  // 0 = it is there
  std::uint8_t leaving_count = 0;
  std::uint8_t leaving[kMostLeaving] = {};
  float share[1 + kMostLeaving] = {};
  std::int64_t available = kEndless;  // content samples that a stream has
  std::uint64_t mask = 0;             // of a stream's ring
  Content content;

  /// Put the position to content sample `to`.
  void seek(std::int64_t to, std::uint32_t fraction) noexcept;
  /// Position in the content, also in a steady run.
  [[nodiscard]] std::int64_t position() const noexcept { return index + u_less_index; }
  /// Go on by `n` output samples. A stream stops where its data does.
  void advance(std::int64_t n) noexcept;
  /// How many of the next `n` output samples a stream has data for.
  [[nodiscard]] std::int64_t playable(std::int64_t n) const noexcept;
  /// Output samples from `at` until the content is over; kEndless when it never is.
  [[nodiscard]] std::int64_t remaining() const noexcept { return until(content.total); }
  /// Output samples from `at` until the position reaches content sample `goal`.
  [[nodiscard]] std::int64_t until(std::int64_t goal) const noexcept;
  [[nodiscard]] bool straight() const noexcept { return step == kUnitStep && frac == 0; }

  /// Gain of a side at an output sample, without fades.
  [[nodiscard]] float gain_at(int side, std::int64_t sample) const noexcept;
  /// Go to new gains, in a line over `length` samples from output sample `sample`.
  void aim(float left, float right, std::int64_t sample, std::uint32_t length) noexcept;
  void fade_in(std::int64_t sample, std::uint32_t length, FadeShape shape) noexcept;
  void fade_out(std::int64_t sample, std::uint32_t length, FadeShape shape) noexcept;
  /// Go over to another bus, in a line over `length` samples from output sample `sample`.
  void move(std::uint8_t to, std::int64_t sample, std::uint32_t length) noexcept;
  /// By how much a part of it changes from sample to sample: its own bus's (0), or that of leaving[i - 1].
  [[nodiscard]] float share_delta(std::uint32_t part) const noexcept {
    return ((part == 0 ? 1.0F : 0.0F) - share[part]) / static_cast<float>(move_length);
  }
  /// Forget ramps, fades and moves that are over at output sample `sample`.
  void settle(std::int64_t sample) noexcept;
};

/// Output samples that a content of `u` samples lasts, from a position and at a step.
[[nodiscard]] std::int64_t duration(std::int64_t u,
                                    std::uint32_t frac,
                                    std::uint64_t step) noexcept;

/// Value of a fade in at sample k of `length`; a fade out is its mirror image.
[[nodiscard]] float fade_value(FadeShape shape, std::int64_t k, std::uint32_t length) noexcept;

/// How many samples an interpolator reads before and after the one at the position.
[[nodiscard]] int taps_before(Quality quality) noexcept;
[[nodiscard]] int taps_after(Quality quality) noexcept;

/// A pitch as a step, within the limits.
[[nodiscard]] std::uint64_t step_of(double pitch) noexcept;

}  // namespace avrig::mixer
