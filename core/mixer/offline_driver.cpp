// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/mixer/offline_driver.hpp>

#include <algorithm>

namespace avrig::mixer {

OfflineDriver::OfflineDriver(const EngineConfig& config, std::size_t block)
    : engine_(config),
      block_(std::max<std::size_t>(1, block)),
      rows_(config.outputs, std::vector<float>(block_)) {
  for (std::vector<float>& row : rows_) {
    pointers_.push_back(row.data());
  }
}

std::int64_t OfflineDriver::now_ns() const noexcept {
  const std::int64_t rate = engine_.config().sample_rate_hz;
  const std::int64_t whole = now() / rate;
  return whole * 1'000'000'000 + (now() - whole * rate) * 1'000'000'000 / rate;
}

bool OfflineDriver::submit(std::span<const Command> batch) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    log_.push_back({now(), batch[i]});
    log_.back().command.batch = i == 0 ? static_cast<std::uint16_t>(batch.size()) : 0;
  }
  const bool done = engine_.apply(batch);
  Event event;
  while (engine_.next_event(event)) {
    events_.push_back(event);
  }
  return done;
}

void OfflineDriver::submit_at(std::int64_t sample, std::span<const Command> batch) {
  const auto after = std::upper_bound(
      waiting_.begin(), waiting_.end(), sample, [](std::int64_t value, const Waiting& waiting) {
        return value < waiting.sample;
      });
  waiting_.insert(after, Waiting{sample, {batch.begin(), batch.end()}});
}

void OfflineDriver::run_to(std::int64_t sample, const Sink& sink) {
  for (;;) {
    std::size_t due = 0;
    while (due < waiting_.size() && waiting_[due].sample <= now()) {
      submit(waiting_[due++].batch);
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(due));
    if (now() >= sample) {
      return;
    }
    std::int64_t end = std::min(sample, now() + static_cast<std::int64_t>(block_));
    if (!waiting_.empty()) {
      end = std::min(end, waiting_.front().sample);
    }
    const auto n = static_cast<std::size_t>(end - now());
    engine_.render(pointers_.data(), n);
    Event event;
    while (engine_.next_event(event)) {
      events_.push_back(event);
    }
    if (sink) {
      sink(pointers_, n);
    }
  }
}

std::vector<std::vector<float>> OfflineDriver::render(std::size_t samples) {
  std::vector<std::vector<float>> out(rows_.size());
  run_to(now() + static_cast<std::int64_t>(samples),
         [&](std::span<float* const> outputs, std::size_t n) {
           for (std::size_t o = 0; o < out.size(); ++o) {
             out[o].insert(out[o].end(), outputs[o], outputs[o] + n);
           }
         });
  return out;
}

std::vector<Event>& OfflineDriver::events() {
  return events_;
}

void replay(Engine& engine, std::span<const LoggedCommand> log, std::int64_t sample) noexcept {
  engine.set_replaying(true);
  Command batch[kMaxBatch];
  for (std::size_t i = 0; i < log.size();) {
    const std::size_t count = std::clamp<std::size_t>(log[i].command.batch, 1, kMaxBatch);
    std::size_t have = 0;
    engine.fast_forward(log[i].sample);
    for (; have < count && i < log.size(); ++have, ++i) {
      batch[have] = log[i].command;
    }
    engine.apply(std::span(batch, have));
  }
  engine.fast_forward(sample);
  engine.set_replaying(false);
}

}  // namespace avrig::mixer
