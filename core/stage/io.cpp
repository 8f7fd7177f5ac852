// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/stage/io.hpp>

#include <algorithm>

#include <nlohmann/json.hpp>

namespace avrig::stage {
namespace {

using nlohmann::json;

const shm::Segment& find_segment(const Assignment& assignment,
                                 const std::vector<shm::Segment>& segments,
                                 std::uint32_t ring) {
  const auto found = std::find(assignment.rings.begin(), assignment.rings.end(), ring);
  const auto index = static_cast<std::size_t>(found - assignment.rings.begin());
  if (found == assignment.rings.end() || index >= segments.size()) {
    throw Error(ErrorCode::Internal,
                "the launcher sent no memory for ring " + std::to_string(ring) + " of stage '" +
                    assignment.id + "'");
  }
  return segments[index];
}

const char* level_name(Level level) noexcept {
  switch (level) {
    case Level::Debug:
      return "debug";
    case Level::Info:
      return "info";
    case Level::Warning:
      return "warning";
    case Level::Error:
      return "error";
  }
  return "info";
}

}  // namespace

StageIo::StageIo(Assignment assignment,
                 std::vector<shm::Segment> segments,
                 shm::Segment run_block,
                 std::optional<shm::Segment> sync)
    : assignment_(std::move(assignment)),
      run_block_(run_block, assignment_.stage),
      sync_(std::move(sync)),
      waiter_(run_block_.bells()[assignment_.bell], assignment_.wait) {
  const std::span<shm::Bell> bells = run_block_.bells();
  using As = shm::RingAccess::As;
  for (const AssignedInput& input : assignment_.inputs) {
    std::vector<shm::Ring*> pools;
    for (const std::uint32_t pool : input.pools) {
      rings_.push_back(std::make_unique<shm::Ring>(find_segment(assignment_, segments, pool),
                                                   shm::RingAccess{As::Observer, 0}));
      pools.push_back(rings_.back().get());
    }
    rings_.push_back(
        std::make_unique<shm::Ring>(find_segment(assignment_, segments, input.ring),
                                    shm::RingAccess{As::Participant, input.participant}));
    shm::Ring& ring = *rings_.back();
    input_formats_.push_back(ring.format());
    if (input.part == shm::Part::Editor) {
      auto editor = std::make_unique<shm::RingEditor>(
          ring,
          input.participant,
          bells,
          assignment_.unprocessed_pass ? shm::Unprocessed::Pass : shm::Unprocessed::Drop);
      editors_.push_back(editor.get());
      inputs_.push_back(std::move(editor));
    } else {
      editors_.push_back(nullptr);
      inputs_.push_back(std::make_unique<shm::RingFollower>(ring, input.participant, bells, pools));
    }
  }
  for (const AssignedOutput& output : assignment_.outputs) {
    if (output.edited) {
      continue;
    }
    rings_.push_back(std::make_unique<shm::Ring>(find_segment(assignment_, segments, output.ring),
                                                 shm::RingAccess{As::Maker, 0}));
    outputs_.push_back(std::make_unique<shm::RingMaker>(*rings_.back(), bells));
  }
  page().generation.store(assignment_.generation, std::memory_order_relaxed);
  // A predecessor may have been killed in its sleep.
  bells[assignment_.bell].naps.store(0, std::memory_order_relaxed);
  for (const AssignedOutput& output : assignment_.outputs) {
    bells[output.bell].naps.store(0, std::memory_order_relaxed);
  }
  // A stage that waits for one thing must not keep others waiting for more of another.
  waiter_.before_sleep(
      [](void* self) {
        for (const auto& input : static_cast<StageIo*>(self)->inputs_) {
          input->settle();
        }
        for (const auto& output : static_cast<StageIo*>(self)->outputs_) {
          output->settle();
        }
      },
      this);
}

StageIo::~StageIo() = default;

shm::Waiter StageIo::output_waiter(std::size_t index) noexcept {
  return {run_block_.bells()[assignment_.outputs[index].bell], assignment_.wait};
}

void StageIo::apply_orders() {
  std::vector<std::pair<std::string, std::string>> changes;
  {
    const std::lock_guard lock(orders_);
    changes.swap(parameters_);
    ordered_.store(false, std::memory_order_release);
  }
  for (const auto& [name, value] : changes) {
    json event = {{"event", "set"}, {"name", name}, {"value", value}};
    event["sequence"] =
        inputs_.empty() ? (outputs_.empty() ? 0 : outputs_[0]->head()) : inputs_[0]->next();
    try {
      if (parameter_handler_) {
        parameter_handler_(name, value);
      }
    } catch (const std::exception& refused) {
      event["error"] = refused.what();
    }
    if (sink_) {
      sink_(event.dump());
    }
  }
}

std::vector<Mark> StageIo::take_marks() {
  const std::lock_guard lock(orders_);
  return std::exchange(marks_, {});
}

void StageIo::log(Level level, const std::string& text) noexcept {
  try {
    if (sink_) {
      sink_(json{{"event", "log"}, {"level", level_name(level)}, {"text", text}}.dump(
          -1, ' ', false, json::error_handler_t::replace));
    }
  } catch (const std::exception&) {
    // A log line that cannot be built is not worth the run.
  }
}

bool StageIo::keep(const std::string& name, int fd) noexcept {
  try {
    return keeper_ && keeper_(json{{"event", "keep"}, {"name", name}}.dump(), fd);
  } catch (const std::exception&) {
    return false;
  }
}

void StageIo::forget(const std::string& name) noexcept {
  try {
    if (keeper_) {
      (void)keeper_(json{{"event", "forget"}, {"name", name}}.dump(), -1);
    }
  } catch (const std::exception&) {
    // It is kept longer than needed.
  }
}

void StageIo::leave_word(const std::string& name, const std::string& text) noexcept {
  try {
    if (sink_) {
      sink_(json{{"event", "word"}, {"name", name}, {"text", text}}.dump());
    }
  } catch (const std::exception&) {
    // A successor finds it out by itself.
  }
}

void StageIo::server_stands_still() noexcept {
  try {
    if (sink_) {
      sink_(json{{"event", "server-still"}}.dump());
    }
  } catch (const std::exception&) {
    // Nobody is told.
  }
}

void StageIo::count(const char* name, std::int64_t amount) noexcept {
  if (std::atomic<std::int64_t>* counter = shm::named_counter(page(), name)) {
    counter->store(counter->load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
}

void StageIo::note_out(std::int64_t media_ns) noexcept {
  shm::StagePage& own = page();
  const std::int64_t now = monotonic_ns();
  if (own.first_frame_ns.load(std::memory_order_relaxed) == 0) {
    own.first_frame_ns.store(now, std::memory_order_relaxed);
  }
  own.last_progress_ns.store(now, std::memory_order_relaxed);
  own.media_ns.store(media_ns, std::memory_order_relaxed);
  own.frames_out.store(own.frames_out.load(std::memory_order_relaxed) + 1,
                       std::memory_order_relaxed);
}

void StageIo::ring_own_bells() noexcept {
  shm::ring(run_block_.bells()[assignment_.bell]);
  for (const AssignedOutput& output : assignment_.outputs) {
    shm::ring(run_block_.bells()[output.bell]);
  }
}

void StageIo::ring(std::uint64_t bell) noexcept {
  const auto bells = run_block_.bells();
  if (bell < bells.size()) {
    shm::ring(bells[bell]);
  }
}

void StageIo::order_stop(bool abandon) noexcept {
  stopping_.store(true, std::memory_order_seq_cst);
  if (abandon) {
    abandoned_.store(true, std::memory_order_seq_cst);
  }
  ring_own_bells();
}

void StageIo::order_parameter(std::string name, std::string value) {
  {
    const std::lock_guard lock(orders_);
    parameters_.emplace_back(std::move(name), std::move(value));
    ordered_.store(true, std::memory_order_seq_cst);
  }
  ring_own_bells();
}

void StageIo::order_mark(Mark mark) {
  const std::lock_guard lock(orders_);
  marks_.push_back(std::move(mark));
}

void StageIo::order_taps() noexcept {
  for (const auto& output : outputs_) {
    output->spare_for_taps(true);
  }
}

const avrig_format& StageIo::input_format(std::size_t index) const noexcept {
  return input_formats_[index];
}

}  // namespace avrig::stage
