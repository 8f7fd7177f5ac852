// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/bell.hpp>
#include <avrig/shm/ring.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace avrig::shm::testing {

enum class Role : unsigned { Maker, Raw, Rerun, Undo, Gate, Recorder, Preview, Presenter };
inline constexpr std::size_t kRoles = 8;
[[nodiscard]] const char* name_of(Role role) noexcept;

/// Mistakes that the sweep must find.
enum class Mutant { None, NoBeforeImage, OwnProgressWord, CompletesFirst };

enum class Flow { Lossless, Live };

/// What stages saw, in shared memory: by role and sequence. A frame that was taken twice, because
/// its stage was killed with it in hand, lies in the same place.
struct Journal {
  static constexpr std::size_t kSequences = 64;
  static constexpr std::uint64_t kWrong = std::uint64_t{1} << 63;
  std::array<std::array<std::uint64_t, kSequences>, kRoles> seen;  ///< index + 1, and kWrong
  std::uint64_t progress;  ///< of the mutant that does not resume from its output
  std::uint64_t broken;
};

class Stage {
 public:
  virtual ~Stage() = default;
  /// One frame's worth of work; false when there is none now.
  virtual bool step() = 0;
  [[nodiscard]] virtual bool ended() const = 0;
};

/// A small rig in shared memory, whose stages are stepped by hand:
///
///     lossless: maker -> raw looker -> rerun editor -> undo editor -> gate -> presenter
///                                                                 \-> recorder, preview
///     live:     maker -> a looker that stalls with a frame in hand, recorder, preview
class Scene {
 public:
  Scene(Flow flow, Mutant mutant);
  ~Scene();
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  /// Zero everything and start all stages.
  void reset();
  [[nodiscard]] std::span<const Role> roles() const noexcept { return roles_; }
  /// A new process of that stage, as a restart makes it.
  [[nodiscard]] std::unique_ptr<Stage> start(Role role);
  /// Let every stage do `rounds` steps, and then all but `victim` what they can.
  void prepare(Role victim, int rounds);
  /// Put a successor in the place of `victim`, or of all; run to the end.
  void restart(Role victim);
  void restart_all();
  /// What is wrong with the outcome; empty when nothing is.
  [[nodiscard]] std::string finish();

 private:
  friend class SceneStage;
  [[nodiscard]] bool run();
  [[nodiscard]] std::string check() const;
  [[nodiscard]] std::string check_seen(Role role) const;

  Flow flow_;
  Mutant mutant_;
  std::vector<Role> roles_;
  std::span<std::byte> memory_;
  std::span<std::byte> pool_bytes_;
  std::span<std::byte> reference_bytes_;
  std::span<Bell> bells_;
  Journal* journal_ = nullptr;
  RingSpec pool_spec_;
  RingSpec reference_spec_;
  std::array<std::unique_ptr<Stage>, kRoles> stages_;
};

}  // namespace avrig::shm::testing
