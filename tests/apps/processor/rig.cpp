// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"

#include "../../support/patience.hpp"
#include "host.hpp"
#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace avrig::processor::testing {
namespace {

constexpr std::int64_t kTimeOutNs = 2 * avrig::test::kPatienceNs;
constexpr std::uint32_t kChannels = 8;

shm::Segment copy_of(const shm::Segment& segment) {
  return shm::Segment::adopt(UniqueFd(::fcntl(segment.fd(), F_DUPFD_CLOEXEC, 0)));
}

/// A ring with the test's end of it.
struct Line {
  Line(const std::string& label, const shm::RingSpec& spec)
      : segment(shm::Ring::create(label, spec)),
        ring(segment, {.as = shm::RingAccess::As::Everything}) {}
  shm::Segment segment;
  shm::Ring ring;
  std::unique_ptr<shm::RingMaker> maker;
  std::unique_ptr<shm::RingFollower> follower;
  std::size_t next_item = 0;
};

class Rig {
 public:
  Rig(const Options& options,
      const std::vector<avrig_format>& formats,
      const std::vector<std::vector<Item>>& inputs)
      : options_(options), formats_(formats), items_(inputs), random_(options.seed) {
    plan();
    result_.outputs.resize(outputs_.size());
  }

  Result run() {
    const std::int64_t deadline_ns = monotonic_ns() + kTimeOutNs;
    start();
    std::uint32_t until_kill = next_kill();
    while (!is_over()) {
      if (monotonic_ns() > deadline_ns) {
        ::kill(child_, SIGKILL);
        (void)::waitpid(child_, nullptr, 0);
        throw std::runtime_error("the host came to no end");
      }
      feed();
      const std::uint32_t seen = collect(until_kill);
      until_kill -= std::min(until_kill, seen);
      if (until_kill == 0 && result_.kills < options_.kills && !has_ended()) {
        kill_and_restart();
        until_kill = next_kill();
      }
      wait_a_little();
    }
    finish();
    return std::move(result_);
  }

 private:
  [[nodiscard]] stage::Request request() const {
    stage::Request request;
    request.id = "it";
    request.role = options_.role;
    request.target = options_.library.empty() ? FIXTURES "/steps.so" : options_.library;
    request.component = options_.component;
    request.parameters = options_.parameters;
    request.trigger = options_.trigger;
    request.tolerance_ns = options_.tolerance_ns;
    request.offline = !options_.live;
    return request;
  }

  void plan() {
    PluginHost host;
    description_ = host.describe(request());
    const stage::Configured configured = host.configure(formats_, {});
    const bool edits = description_.work == stage::Work::Editor;
    assignment_.id = "it";
    assignment_.live = options_.live;
    assignment_.offline = !options_.live;
    assignment_.unprocessed_pass = options_.unprocessed_pass;
    assignment_.quarantined = options_.quarantined;
    for (std::size_t index = 0; index < formats_.size(); ++index) {
      add_input(index, configured, edits);
    }
    for (std::size_t index = 0; index < configured.outputs.size() && !edits; ++index) {
      add_output(index, configured);
    }
    run_block_.emplace(shm::RunBlock::create(1, kChannels));
    bells_.emplace(*run_block_, std::nullopt);
    for (std::size_t index = 0; index < inputs_.size(); ++index) {
      inputs_[index]->maker = std::make_unique<shm::RingMaker>(inputs_[index]->ring, bells());
      if (edits) {
        inputs_[index]->follower =
            std::make_unique<shm::RingFollower>(inputs_[index]->ring, 1, bells());
      }
    }
    for (auto& line : outputs_) {
      line->follower = std::make_unique<shm::RingFollower>(line->ring, 0, bells());
    }
    if (edits) {
      outputs_.push_back(inputs_[0]);
    }
  }

  [[nodiscard]] std::span<shm::Bell> bells() { return bells_->bells(); }

  [[nodiscard]] shm::RingSpec spec(const avrig_format& format, std::uint32_t kept) const {
    shm::RingSpec spec;
    spec.window = std::max(options_.window, kept + 2);
    spec.slots = spec.window + 5;
    spec.buffers = spec.window + 3;
    spec.buffer_bytes = stage::frame_bytes(format);
    spec.format = format;
    spec.live = options_.live;
    return spec;
  }

  void add_input(std::size_t index, const stage::Configured& configured, bool edits) {
    shm::RingSpec ring = spec(formats_[index], configured.history[index] + configured.holds[index]);
    ring.ring_id = static_cast<std::uint32_t>(index);
    ring.maker_bell = 1;
    ring.live = false;
    shm::ParticipantEntry host{};
    host.part = edits ? shm::Part::Editor : shm::Part::Looker;
    host.undo_bytes = configured.undo_bytes;
    ring.participants.push_back(host);
    if (edits) {
      shm::ParticipantEntry behind{};
      behind.bell = 1;
      behind.after = 1;
      ring.participants.push_back(behind);
    }
    inputs_.push_back(std::make_shared<Line>("in", ring));
    assignment_.rings.push_back(ring.ring_id);
    assignment_.inputs.push_back({.port = description_.inputs[index].name,
                                  .from = "test",
                                  .ring = ring.ring_id,
                                  .participant = 0,
                                  .part = host.part,
                                  .loss = shm::Loss::Must,
                                  .pools = {}});
    if (edits) {
      assignment_.outputs.push_back({.port = "out", .ring = ring.ring_id, .edited = true});
    }
  }

  void add_output(std::size_t index, const stage::Configured& configured) {
    shm::RingSpec ring = spec(configured.outputs[index], configured.own_buffers[index]);
    ring.ring_id = 100 + static_cast<std::uint32_t>(index);
    shm::ParticipantEntry reader{};
    reader.bell = 1;
    ring.participants.push_back(reader);
    outputs_.push_back(std::make_shared<Line>("out", ring));
    assignment_.rings.push_back(ring.ring_id);
    assignment_.outputs.push_back({.port = description_.outputs[index].name, .ring = ring.ring_id});
  }

  // --- the child ---------------------------------------------------------------------------------

  void start() {
    if (::pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) != 0) {
      throw std::runtime_error("no pipe");
    }
    child_ = ::fork();
    if (child_ < 0) {
      throw std::runtime_error("no fork");
    }
    if (child_ == 0) {
      be_the_host();
    }
    ::close(pipe_[1]);
    ++assignment_.generation;
  }

  [[noreturn]] void be_the_host() {
    (void)std::signal(SIGILL, SIG_DFL);
    (void)std::signal(SIGSEGV, SIG_DFL);
    (void)std::signal(SIGTRAP, SIG_DFL);
    int code = 0;
    try {
      std::vector<shm::Segment> segments;
      for (const auto& line : inputs_) {
        segments.push_back(copy_of(line->segment));
      }
      for (const auto& line : outputs_) {
        if (assignment_.rings.size() > segments.size()) {
          segments.push_back(copy_of(line->segment));
        }
      }
      PluginHost host;
      (void)host.describe(request());
      (void)host.configure(formats_, {});
      stage::StageIo io(assignment_, std::move(segments), copy_of(*run_block_), std::nullopt);
      host.prepare(io);
      host.run(io);
    } catch (const std::exception& error) {
      (void)!::write(pipe_[1], error.what(), std::strlen(error.what()));
      code = 3;
    }
    ::_exit(code);
  }

  void kill_and_restart() {
    ::kill(child_, SIGKILL);
    (void)::waitpid(child_, &result_.status, 0);
    ::close(pipe_[0]);
    is_gone_ = false;
    ++result_.kills;
    start();
  }

  [[nodiscard]] std::uint32_t next_kill() {
    return 1 + static_cast<std::uint32_t>(random_()) % options_.kill_every;
  }

  // --- the test's ends
  // -----------------------------------------------------------------------------

  void feed() {
    for (std::size_t index = 0; index < inputs_.size(); ++index) {
      Line& line = *inputs_[index];
      while (line.next_item < items_[index].size() && line.maker->ready()) {
        put(line, items_[index][line.next_item++], formats_[index]);
      }
    }
  }

  static void put(Line& line, const Item& item, const avrig_format& format) {
    shm::Descriptor descriptor{};
    if (item.kind != shm::Kind::Frame) {
      line.maker->publish(item.kind, descriptor);
      return;
    }
    const std::uint32_t buffer = line.maker->try_claim().value();
    const auto memory = line.maker->memory(buffer);
    avrig_frame frame = stage::blank(memory, format);
    if (format.media == AVRIG_MEDIA_AUDIO) {
      frame.samples = static_cast<std::uint32_t>(item.samples.size());
      for (std::uint32_t c = 0; c < format.channels; ++c) {
        std::memcpy(static_cast<std::byte*>(frame.plane[0].data) +
                        std::size_t{c} * frame.plane[0].stride_bytes,
                    item.samples.data(),
                    item.samples.size() * sizeof(float));
      }
      frame.duration_ns =
          static_cast<std::int64_t>(frame.samples) * 1'000'000'000 / format.sample_rate_hz;
    } else {
      std::memset(frame.plane[0].data,
                  static_cast<int>(item.samples.at(0)),
                  std::size_t{frame.plane[0].stride_bytes} * frame.plane[0].rows);
    }
    frame.capture_ns = item.capture_ns;
    frame.index = item.index;
    frame.flags = item.flags;
    frame.quality = AVRIG_QUALITY_FILE_PTS;
    stage::describe_frame(frame, memory, descriptor);
    descriptor.due_ns = item.due_ns;
    line.maker->publish(descriptor, buffer);
  }

  /// Take what there is, but while kills are due no more than up to the next one: how far the host
  /// runs ahead must not decide how often it is killed.
  std::uint32_t collect(std::uint32_t until_kill) {
    const bool kills_due = result_.kills < options_.kills;
    std::uint32_t count = 0;
    for (std::size_t index = 0; index < outputs_.size(); ++index) {
      shm::RingFollower& follower = *outputs_[index]->follower;
      if (options_.slow_after > 0 && result_.outputs[index].size() >= options_.slow_after &&
          !is_gone()) {
        continue;
      }
      shm::Taken taken;
      while (!follower.ended() && !(kills_due && count >= until_kill) &&
             follower.try_next(taken) == shm::RingFollower::Next::Taken) {
        result_.outputs[index].push_back(look(taken, follower.ring().format()));
        follower.complete(taken);
        follower.release_all();
        ++count;
      }
    }
    return count;
  }

  static Seen look(const shm::Taken& taken, const avrig_format& format) {
    const avrig_frame frame = stage::view(taken, format);
    Seen seen{.kind = taken.kind,
              .capture_ns = frame.capture_ns,
              .index = frame.index,
              .flags = frame.flags,
              .quality = frame.quality,
              .epoch = frame.epoch};
    if (taken.kind != shm::Kind::Frame) {
      return seen;
    }
    const auto* first = static_cast<const std::byte*>(frame.plane[0].data);
    const auto floats = [&](const std::byte* from, std::size_t count) {
      std::vector<float> out(count);
      std::memcpy(out.data(), from, count * sizeof(float));
      return out;
    };
    if (format.media == AVRIG_MEDIA_AUDIO) {
      seen.values = floats(first, frame.samples);
      if (format.channels > 1) {
        seen.second = floats(first + frame.plane[0].stride_bytes, frame.samples);
      }
    } else if (format.media == AVRIG_MEDIA_FEATURES) {
      seen.values = floats(first, std::size_t{frame.samples} * format.columns);
    } else {
      for (std::uint32_t y = 0; y < format.height; ++y) {
        const auto* row = reinterpret_cast<const std::uint8_t*>(first) +
                          std::size_t{y} * frame.plane[0].stride_bytes;
        seen.bytes.insert(seen.bytes.end(), row, row + format.width);
      }
    }
    return seen;
  }

  [[nodiscard]] bool has_ended() const {
    return !outputs_.empty() && std::all_of(outputs_.begin(), outputs_.end(), [](const auto& line) {
      return line->follower->ended();
    });
  }

  [[nodiscard]] bool is_gone() {
    if (!is_gone_ && ::waitpid(child_, &result_.status, WNOHANG) == child_) {
      is_gone_ = true;
    }
    return is_gone_;
  }

  // The host has gone by itself, and what it left has been read.
  [[nodiscard]] bool is_over() {
    if (!is_gone()) {
      return false;
    }
    (void)collect(UINT32_MAX);
    return true;
  }

  void wait_a_little() {
    shm::Waiter waiter(bells()[1], shm::WaitMode::Block);
    (void)waiter.wait(
        [&] {
          const bool can_feed = [&] {
            for (std::size_t index = 0; index < inputs_.size(); ++index) {
              if (inputs_[index]->next_item < items_[index].size() &&
                  inputs_[index]->maker->ready()) {
                return true;
              }
            }
            return false;
          }();
          const bool can_collect =
              std::any_of(outputs_.begin(), outputs_.end(), [](const auto& line) {
                return !line->follower->ended() && line->follower->ready();
              });
          return can_feed || (can_collect && options_.slow_after == 0);
        },
        monotonic_ns() + 2'000'000);
  }

  void finish() {
    char text[1024] = {};
    const ssize_t size = ::read(pipe_[0], text, sizeof text - 1);
    result_.error.assign(text, size > 0 ? static_cast<std::size_t>(size) : 0);
    ::close(pipe_[0]);
    for (const auto& line : inputs_) {
      result_.edges.push_back(shm::count_edge(line->ring, 0));
    }
    if (!outputs_.empty()) {
      result_.overruns = outputs_[0]->ring.maker_page().overrun.load();
    }
  }

  const Options& options_;
  const std::vector<avrig_format>& formats_;
  const std::vector<std::vector<Item>>& items_;
  std::mt19937 random_;
  stage::Description description_;
  stage::Assignment assignment_;
  std::vector<std::shared_ptr<Line>> inputs_;
  std::vector<std::shared_ptr<Line>> outputs_;
  std::optional<shm::Segment> run_block_;
  std::optional<shm::RunBlock> bells_;
  pid_t child_ = -1;
  int pipe_[2] = {-1, -1};
  bool is_gone_ = false;
  Result result_;
};

}  // namespace

avrig_format audio(std::uint32_t block, std::uint32_t channels) {
  avrig_format format{};
  format.struct_size = sizeof format;
  format.media = AVRIG_MEDIA_AUDIO;
  format.sample_rate_hz = 48000;
  format.channels = channels;
  format.block_samples = block;
  return format;
}

avrig_format gray(std::uint32_t width, std::uint32_t height) {
  avrig_format format{};
  format.struct_size = sizeof format;
  format.media = AVRIG_MEDIA_VIDEO;
  format.width = width;
  format.height = height;
  std::strcpy(format.pixel_format, "gray");
  format.frame_rate_num = 25;
  format.frame_rate_den = 1;
  return format;
}

std::vector<Item> ramp(const std::vector<std::uint32_t>& lengths) {
  std::vector<Item> items;
  std::int64_t index = 0;
  for (const std::uint32_t length : lengths) {
    Item item;
    item.index = index;
    item.capture_ns = index * 1'000'000'000 / 48000;
    for (std::uint32_t s = 0; s < length; ++s) {
      item.samples.push_back(static_cast<float>(index++));
    }
    items.push_back(std::move(item));
  }
  items.push_back({.kind = shm::Kind::End, .samples = {}});
  return items;
}

Result run(const Options& options,
           const std::vector<avrig_format>& formats,
           const std::vector<std::vector<Item>>& inputs) {
  return Rig(options, formats, inputs).run();
}

}  // namespace avrig::processor::testing
