// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "state.hpp"

#include <algorithm>
#include <atomic>
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
  [[nodiscard]] float bus_peak(std::uint32_t bus) const noexcept {
    return peaks_[bus].load(std::memory_order_relaxed);
  }
  /// Largest magnitude on an output since begin_peaks(); kUnmeasured where it must be looked up.
  [[nodiscard]] float output_peak(std::uint32_t output) const noexcept { return most_[output]; }
  void begin_peaks() noexcept { is_first_ = true; }

  static constexpr float kUnmeasured = -1.0F;
  static constexpr std::size_t kWindow = 8192;  // samples an interpolator may look at in one go
  static constexpr std::size_t kPad = 64;       // floats that a vector load may read and not use

 private:
  /// What one bus has for one output in this block. Sums move up the tree as they lie where nothing
  /// else is to be added, and the bus that was the last to reach the outputs alone begins in them.
  struct Row {
    float* samples = nullptr;
    float peak = kUnmeasured;
    bool used = false;
  };

  void voices(std::uint32_t n) noexcept;
  void voice(std::uint32_t slot, std::uint32_t n) noexcept;
  void prefetch_slow(std::uint32_t slot, std::uint32_t n) noexcept;
  void voices_of(std::uint32_t w, std::uint32_t n) noexcept;
  static void prefetch(const std::byte* first, std::size_t bytes) noexcept;
  void flush(std::uint32_t bus, std::uint32_t n, bool last = false) noexcept;
  void flush_for(const Tone& tone, std::uint32_t n) noexcept;
  void tone(const Tone& from, const Voice& voice, std::size_t offset, std::size_t n) noexcept;
  void piece(const Tone& tone, const Voice& voice, std::size_t offset, std::size_t n) noexcept;
  void moving(const Tone& tone, const Voice& voice, std::size_t offset, std::size_t n) noexcept;
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
  void buses(std::uint32_t n) noexcept;
  void sum(const Row& from, Row& into, std::uint32_t output, std::uint32_t n) noexcept;
  void look_at_path() noexcept;
  [[nodiscard]] bool lies_in_outputs() noexcept;
  void finish_in_outputs(std::uint32_t n) noexcept;
  float move_up(std::uint32_t bus, std::uint32_t n) noexcept;
  void set_peak(std::uint32_t bus, float peak) noexcept {
    peaks_[bus].store(peak, std::memory_order_relaxed);
  }
  void count_peak(std::uint32_t output, float peak) noexcept {
    float& most = most_[output];
    most = is_first_ ? peak : most == kUnmeasured ? kUnmeasured : std::max(most, peak);
  }
  void finish_output(std::uint32_t output, std::uint32_t n) noexcept;
  [[nodiscard]] float peak_of(Row& row, std::uint32_t n) noexcept;
  void apply_gain(const GainRamp& gain, float* x, std::uint32_t n) noexcept;
  void marks(float* const* outputs, std::size_t offset, std::uint32_t n) noexcept;
  [[nodiscard]] Row& row(std::uint32_t bus, std::uint32_t output) noexcept {
    return rows_[bus * state_.config.outputs + output];
  }
  void begin_row(Row& begun, std::uint32_t bus, std::uint32_t output) noexcept;
  float* used_row(std::uint32_t bus, std::uint32_t output, std::uint32_t n) noexcept;

  State& state_;
  const Kernels& kernels_;
  const float* sinc_table_;
  std::size_t row_stride_;
  Floats row_memory_;
  std::vector<Row> rows_;
  std::vector<Row> finals_;
  std::vector<float> most_;
  float* const* outputs_ = nullptr;
  std::size_t offset_ = 0;
  bool is_first_ = true;         // nothing was rendered since begin_peaks()
  std::uint64_t touched_ = 0;    // buses with a row that is used
  std::uint64_t waiting_ = 0;    // buses that may have jobs
  std::uint32_t favourite_ = 0;  // the bus whose voices are summed in the outputs themselves
  // Its way to the outputs, as it was after so many changes of the buses:
  std::uint64_t path_changes_ = 0;
  std::uint64_t path_ = 0;                   // the favourite and all above it
  std::int64_t path_unity_from_ = kEndless;  // nothing is multiplied on it from this sample on
  std::uint64_t peaked_ = 0;                 // buses whose peak is another than 0
  Floats scratch_;
  Floats window_;
  Floats gains_[2];
  Floats fade_;
  std::atomic<float> peaks_[kMaxBuses] = {};  // of buses; any thread looks at them
  std::uint32_t block_ = 0;                   // samples of the block that is being mixed
};

/// Windowed-sinc coefficients: for each phase a row of kSincTaps, and how far it is to the next.
[[nodiscard]] std::vector<float> make_sinc_table();

}  // namespace avrig::mixer
