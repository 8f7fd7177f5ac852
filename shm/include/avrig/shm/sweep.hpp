// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// Windows for the single-step crash sweep: a test kills a stage after each machine instruction
/// between the two marks. Outside that test's own build they are nothing.
///
/// The stage under test names one window in `sweep_target`. Each time it enters it, it stops in a
/// breakpoint; its tracer then steps it for as long as `sweep_inside`, read from the stage's
/// memory, is not 0. Windows nest.
#ifdef AVRIG_SWEEP
namespace avrig::shm {
enum class SweepWindow : unsigned {
  None = 0,
  Publish,
  Edit,
  Advance,
  Refer,
  SyncStore,
  Attach,
  Recover,
  Reclaim
};
extern volatile unsigned sweep_target;
extern volatile unsigned sweep_inside;
class SweepScope {
 public:
  explicit SweepScope(SweepWindow window) noexcept
      : is_target_(sweep_target == static_cast<unsigned>(window)) {
    if (is_target_) {
      const unsigned outer = sweep_inside;
      sweep_inside = outer + 1;
      if (outer == 0) {
        asm volatile("int3");
      }
    }
  }
  ~SweepScope() {
    if (is_target_) {
      sweep_inside = sweep_inside - 1;
    }
  }
  SweepScope(const SweepScope&) = delete;
  SweepScope& operator=(const SweepScope&) = delete;

 private:
  bool is_target_;
};
}  // namespace avrig::shm
#define AVRIG_SWEEP_WINDOW(name) \
  const ::avrig::shm::SweepScope sweep_scope_(::avrig::shm::SweepWindow::name)
#else
#define AVRIG_SWEEP_WINDOW(name) static_cast<void>(0)
#endif
