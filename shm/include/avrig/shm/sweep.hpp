// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// Windows for the single-step crash sweep: a test kills a stage after each machine instruction
/// between the two marks. Outside that test's own build they are nothing.
///
/// A window is named by a number so that entering it is one store, and the tracer reads it from
/// the stage's memory.
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
extern volatile unsigned sweep_window;
class SweepScope {
 public:
  explicit SweepScope(SweepWindow window) noexcept : outer_(sweep_window) {
    sweep_window = static_cast<unsigned>(window);
  }
  ~SweepScope() { sweep_window = outer_; }
  SweepScope(const SweepScope&) = delete;
  SweepScope& operator=(const SweepScope&) = delete;

 private:
  unsigned outer_;
};
}  // namespace avrig::shm
#define AVRIG_SWEEP_WINDOW(name) \
  const ::avrig::shm::SweepScope sweep_scope_(::avrig::shm::SweepWindow::name)
#else
#define AVRIG_SWEEP_WINDOW(name) static_cast<void>(0)
#endif
