// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/dipstream/replay.hpp>

#include <algorithm>

namespace avrig::dipstream {
namespace {

// So far at a time, so that the events find room.
constexpr std::int64_t kForwardPiece = 1 << 16;

void forward(mixer::Engine& engine, std::int64_t sample, const std::function<void()>& drain) {
  while (engine.position() < sample) {
    engine.fast_forward(std::min(sample, engine.position() + kForwardPiece));
    drain();
  }
}

}  // namespace

Standpoint replay(mixer::Engine& engine,
                  const TimelineLog& log,
                  const Standpoint& from,
                  std::int64_t end,
                  std::int64_t to,
                  const ReplayHelp& help) {
  Standpoint now{0, from.place, from.taken, {}};
  if (!from.engine.empty()) {
    engine.load(from.engine, help.lend_voice);
  }
  engine.set_replaying(true);
  now.place = log.for_each(
      from.place, [&](const TimelineLog::Batch& head, std::span<const mixer::Command> batch) {
        if (head.sample >= end) {
          return false;
        }
        forward(engine, head.sample, help.drain);
        help.lend(batch);
        (void)engine.apply(batch);
        help.drain();
        if (head.queue != TimelineLog::kNoQueue) {
          now.taken[head.queue] = head.taken;
        }
        return true;
      });
  forward(engine, to, help.drain);
  engine.set_replaying(false);
  now.sample = engine.position();
  return now;
}

}  // namespace avrig::dipstream
