// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/bell.hpp>
#include <avrig/shm/segment.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace avrig::shm {

inline constexpr std::uint32_t kMaxStages = 64;
inline constexpr std::uint32_t kMaxBells = 192;
inline constexpr std::uint32_t kMaxCounters = 32;

/// Where a stage is in its life.
enum class StageState : std::uint32_t {
  Absent = 0,
  Describing,
  Attached,
  Ready,
  Running,
  Draining,
  Ended,
  Failed
};

/// Page 0 of a run's common block.
struct RunHeader {
  std::uint64_t magic;
  std::uint32_t layout_version;
  std::uint32_t stages;
  std::uint32_t bells;
  std::atomic<std::uint32_t> state;  ///< kReadyState, stored last with release
};

/// A counter that a stage or its plug-in names.
struct NamedCounter {
  std::array<char, 24> name;
  std::atomic<std::int64_t> value;
};
static_assert(sizeof(NamedCounter) == 32);

/// What only one stage writes.
struct StagePage {
  alignas(128) std::atomic<std::uint32_t> state;
  std::atomic<std::uint32_t> pid;
  std::atomic<std::uint32_t> generation;  ///< how often it was started
  std::atomic<std::uint32_t> counters;
  std::atomic<std::int64_t> first_frame_ns;  ///< first frame out, or presented; 0 = none yet
  std::atomic<std::int64_t> last_progress_ns;
  std::atomic<std::int64_t> media_ns;    ///< how far in the source or target it is
  std::atomic<std::uint64_t> frames_in;  ///< of this process and those before it
  std::atomic<std::uint64_t> frames_out;
  alignas(128) std::array<NamedCounter, kMaxCounters> counter;
};
static_assert(sizeof(StagePage) <= 4096);

/// The run's common block: a bell per waiting thread, a page per stage.
///
///     header page | bells | a page per stage
class RunBlock {
 public:
  [[nodiscard]] static Segment create(std::uint32_t stages, std::uint32_t bells);
  /// `writes` names the stage whose page this process may write; empty = look only (the bells stay
  /// writable where the segment allows it). Throws Error(Open).
  RunBlock(const Segment& segment, std::optional<std::uint32_t> writes);
  /// Look only, through a read-only mapping.
  [[nodiscard]] static RunBlock observe(const Segment& segment);

  [[nodiscard]] std::span<Bell> bells() const noexcept { return bells_; }
  [[nodiscard]] std::uint32_t stages() const noexcept { return stages_; }
  [[nodiscard]] StagePage& stage(std::uint32_t index) const noexcept;
  /// Ring every bell, waiting or not: after a death, whose last ring may be lost.
  void ring_all() const noexcept;

 private:
  RunBlock(const Segment& segment, Mapping::Access access);
  void attach();

  Mapping mapping_;
  std::uint32_t stages_ = 0;
  std::uint64_t stage_offset_ = 0;
  std::span<Bell> bells_;
};

/// The stage's counter of that name, made on first use; null when all places are taken.
[[nodiscard]] std::atomic<std::int64_t>* named_counter(StagePage& page,
                                                       std::string_view name) noexcept;

}  // namespace avrig::shm
