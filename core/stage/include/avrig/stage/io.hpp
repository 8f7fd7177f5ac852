// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/ring_editor.hpp>
#include <avrig/shm/ring_follower.hpp>
#include <avrig/shm/ring_maker.hpp>
#include <avrig/shm/run_block.hpp>
#include <avrig/stage/assignment.hpp>
#include <avrig/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace avrig::stage {

/// Log levels of the merged log.
enum class Level { Debug, Info, Warning, Error };

/// A text mark of `avrig mark`: recorders write it beside their frames.
struct Mark {
  std::int64_t time_ns;  ///< CLOCK_MONOTONIC
  std::string text;
};

/// A running stage's ends: its rings by port, its waiting, its orders from the launcher.
///
/// Thread: the stage's own, unless a member says otherwise.
class StageIo {
 public:
  /// `segments` match assignment.rings; `sync` is the group's block, where the stage has one.
  StageIo(Assignment assignment,
          std::vector<shm::Segment> segments,
          shm::Segment run_block,
          std::optional<shm::Segment> sync);
  ~StageIo();
  StageIo(const StageIo&) = delete;
  StageIo& operator=(const StageIo&) = delete;

  [[nodiscard]] const Assignment& assignment() const noexcept { return assignment_; }

  // Ports -------------------------------------------------------------------------------------
  [[nodiscard]] std::size_t inputs() const noexcept { return inputs_.size(); }
  [[nodiscard]] std::size_t outputs() const noexcept { return outputs_.size(); }
  [[nodiscard]] shm::RingFollower& input(std::size_t index) noexcept { return *inputs_[index]; }
  /// The same input as an editor, where the plan made this stage one; null otherwise.
  [[nodiscard]] shm::RingEditor* editor(std::size_t index) noexcept { return editors_[index]; }
  [[nodiscard]] shm::RingMaker& output(std::size_t index) noexcept { return *outputs_[index]; }
  /// Format of an input's frames (through reference rings: of the frames they name).
  [[nodiscard]] const avrig_format& input_format(std::size_t index) const noexcept;

  // Waiting -----------------------------------------------------------------------------------
  /// The waiter of the stage's own thread.
  [[nodiscard]] shm::Waiter& waiter() noexcept { return waiter_; }
  /// A waiter for a thread that serves output `index` alone (OutputPort::own_bell).
  [[nodiscard]] shm::Waiter output_waiter(std::size_t index) noexcept;
  /// Wait until `ready()` is true. False when there is something else to do first: an order, the
  /// end of the run (for a source: that it is to stop), or the deadline.
  template <class Ready>
  [[nodiscard]] bool wait(shm::Waiter& waiter,
                          Ready&& ready,
                          std::int64_t deadline_ns = kForever) noexcept {
    return waiter.wait([&] { return interrupted() || ready(); }, deadline_ns) && ready();
  }
  static constexpr std::int64_t kForever = INT64_MAX;
  /// Ring another waiting thread of the run (a gate of the same group). Thread: any    RT-safe: yes
  void ring(std::uint64_t bell) noexcept;
  /// Is there something to do before the next frame? Thread: any
  [[nodiscard]] bool interrupted() const noexcept {
    return abandoned() || ordered() || (inputs_.empty() && stopping());
  }

  // Orders from the launcher ------------------------------------------------------------------
  /// The run is to end: readers publish their ends, others drain and end as usual. Thread: any
  [[nodiscard]] bool stopping() const noexcept { return stopping_.load(std::memory_order_acquire); }
  /// The launcher is gone, or time is up: end now, close files. Thread: any
  [[nodiscard]] bool abandoned() const noexcept {
    return abandoned_.load(std::memory_order_acquire);
  }
  /// Is a parameter change or a mark waiting? Thread: any
  [[nodiscard]] bool ordered() const noexcept { return ordered_.load(std::memory_order_acquire); }
  /// Apply the parameter changes that arrived, through Stage::set_parameter, and report each.
  /// Call between frames, from the thread of run().
  void apply_orders();
  /// Text marks that arrived since the last call.
  [[nodiscard]] std::vector<Mark> take_marks();

  // What others see ---------------------------------------------------------------------------
  [[nodiscard]] shm::StagePage& page() noexcept { return run_block_.stage(assignment_.stage); }
  /// One line into the merged log. Never per frame. Thread: any      RT-safe: no
  void log(Level level, const std::string& text) noexcept;
  /// Add to a named counter, shown by `avrig top` and in the report. RT-safe: yes
  void count(const char* name, std::int64_t amount = 1) noexcept;
  /// Note that a frame left the stage (or was presented).
  void note_out(std::int64_t media_ns) noexcept;
  /// The group's sync-state block; null where the stage belongs to none.
  [[nodiscard]] const shm::Segment* sync_block() const noexcept {
    return sync_ ? &*sync_ : nullptr;
  }

  // What outlives this process ----------------------------------------------------------------
  /// Give a descriptor into the launcher's keeping, under a name (a former one of that name goes):
  /// whatever happens to us from here on, our successor finds it in kept(). False: nobody keeps it.
  /// Thread: any      RT-safe: no
  [[nodiscard]] bool keep(const std::string& name, int fd) noexcept;
  /// The launcher may let go of it.      Thread: any      RT-safe: no
  void forget(const std::string& name) noexcept;
  /// What a predecessor gave into keeping; it stays there until forget().
  [[nodiscard]] std::map<std::string, UniqueFd>& kept() noexcept { return kept_; }

  /// Leave word with the launcher: a successor finds it in assignment().words. It may be lost with
  /// the process that says it, so it can only spare a successor what it could find out by itself.
  void leave_word(const std::string& name, const std::string& text) noexcept;

  /// Tell the launcher that the server which should call this stage has not done so for long: one
  /// of the run's own is started again.
  void server_stands_still() noexcept;

  // Used by run_stage() and by tests -----------------------------------------------------------
  void order_stop(bool abandon) noexcept;
  void order_parameter(std::string name, std::string value);
  void order_mark(Mark mark);
  /// Somebody taps the run's rings: outputs spare what they used last.
  void order_taps() noexcept;
  /// Where log lines and events go: a JSON text for the launcher.
  void set_sink(std::function<void(const std::string&)> sink) { sink_ = std::move(sink); }
  /// Where keep() and forget() go: a JSON text, and the descriptor (-1 = none).
  void set_keeper(std::function<bool(const std::string&, int fd)> keeper) {
    keeper_ = std::move(keeper);
  }
  void set_kept(std::map<std::string, UniqueFd> kept) { kept_ = std::move(kept); }
  void set_parameter_handler(std::function<void(const std::string&, const std::string&)> handler) {
    parameter_handler_ = std::move(handler);
  }

 private:
  void ring_own_bells() noexcept;

  Assignment assignment_;
  shm::RunBlock run_block_;
  std::optional<shm::Segment> sync_;
  std::vector<std::unique_ptr<shm::Ring>>
      rings_;  // a mapping per use: each protects what it may not write
  std::vector<std::unique_ptr<shm::RingFollower>> inputs_;
  std::vector<shm::RingEditor*> editors_;
  std::vector<avrig_format> input_formats_;
  std::vector<std::unique_ptr<shm::RingMaker>> outputs_;
  shm::Waiter waiter_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> abandoned_{false};
  std::atomic<bool> ordered_{false};
  std::mutex orders_;
  std::vector<std::pair<std::string, std::string>> parameters_;
  std::vector<Mark> marks_;
  std::function<void(const std::string&)> sink_;
  std::function<bool(const std::string&, int)> keeper_;
  std::map<std::string, UniqueFd> kept_;
  std::function<void(const std::string&, const std::string&)> parameter_handler_;
};

/// A frame in hand as the plug-in ABI and media code see it: pointers into the pool.
[[nodiscard]] avrig_frame view(const shm::Taken& taken, const avrig_format& format) noexcept;

/// An output buffer as a frame to fill: planes laid out for `format`.
///
/// Laid out as media::FrameLayout::of(format) says; `samples` is set to the capacity.
[[nodiscard]] avrig_frame blank(std::span<std::byte> memory, const avrig_format& format) noexcept;

/// Describe `frame` (which lies in `memory`) in a descriptor, stamps included.
void describe_frame(const avrig_frame& frame,
                    std::span<const std::byte> memory,
                    shm::Descriptor& descriptor) noexcept;

/// Bytes that one frame of `format` needs in a pool buffer, laid out as blank() does. Throws
/// Error(Spec) for a pixel format this build does not know.
[[nodiscard]] std::uint64_t frame_bytes(const avrig_format& format);

}  // namespace avrig::stage
