// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "state.hpp"

#include <memory>
#include <new>
#include <vector>

namespace avrig::mixer {

/// Floats on a cache line of their own.
class Floats {
 public:
  Floats() = default;
  explicit Floats(std::size_t count);
  [[nodiscard]] float* get() noexcept { return memory_.get(); }

 private:
  struct Free {
    void operator()(float* p) const noexcept { ::operator delete[](p, std::align_val_t{64}); }
  };
  std::unique_ptr<float[], Free> memory_;
};

/// Turns the tones of a block into sound: voices in the order of their slots into their buses,
/// buses into their parents, children first, and the marks on top.
class Mix {
 public:
  Mix(State& state, const Kernels& kernels, const float* sinc_table);

  /// Render samples [state.block_begin, state.cursor) into the outputs, `offset` samples on.
  void render(float* const* outputs, std::size_t offset) noexcept;
  /// Largest magnitude on a bus in the last block.
  [[nodiscard]] float bus_peak(std::uint32_t bus) const noexcept { return peaks_[bus]; }

 private:
  void voices(std::uint32_t n) noexcept;
  void voice(std::uint32_t slot, std::uint32_t n) noexcept;
  void prefetch_slow(std::uint32_t slot, std::uint32_t n) noexcept;
  void enqueue(const Tone& tone) noexcept;
  void flush(std::uint32_t bus, std::uint32_t n) noexcept;
  void tone(const Tone& from, const Voice& voice, std::size_t offset, std::size_t n) noexcept;
  void piece(const Tone& tone, const Voice& voice, std::size_t offset, std::size_t n) noexcept;
  void shape(const Tone& tone, int side, std::size_t n) noexcept;
  [[nodiscard]] const float* source(const Tone& tone,
                                    const Voice& voice,
                                    std::uint32_t channel,
                                    std::size_t n) noexcept;
  void gather(const Tone& tone,
              const Voice& voice,
              std::uint32_t channel,
              std::int64_t from,
              std::size_t count,
              float* out) noexcept;
  void copy(const Tone& tone,
            std::uint32_t channel,
            std::int64_t index,
            std::size_t count,
            float* out) noexcept;
  void buses(float* const* outputs, std::size_t offset, std::uint32_t n) noexcept;
  void apply_gain(const GainRamp& gain, float* x, std::uint32_t n) noexcept;
  void marks(float* const* outputs, std::size_t offset, std::uint32_t n) noexcept;
  [[nodiscard]] float* row(std::uint32_t bus, std::uint32_t output) noexcept;
  [[nodiscard]] float* used_row(std::uint32_t bus, std::uint32_t output, std::uint32_t n) noexcept;

  State& state_;
  const Kernels& kernels_;
  const float* sinc_table_;
  std::size_t row_stride_;
  Floats rows_;
  Floats scratch_;
  Floats window_;
  Floats gains_[2];
  Floats fade_;
  float peaks_[kMaxBuses] = {};
  std::uint32_t block_ = 0;  // samples of the block that is being mixed
};

/// Windowed-sinc coefficients: for each phase a row of kSincTaps, and how far it is to the next.
[[nodiscard]] std::vector<float> make_sinc_table();

}  // namespace avrig::mixer
