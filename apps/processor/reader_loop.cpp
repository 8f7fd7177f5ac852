// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "reader_loop.hpp"

#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <string>

namespace avrig::processor {
namespace {

// A reader that has nothing and does not say when to ask again.
constexpr std::int64_t kSoonNs = 1'000'000;
// One that fails so often in a row will not get better.
constexpr std::uint32_t kMostFailures = 100;

std::int64_t nominal_duration(const avrig_format& format) noexcept {
  return format.frame_rate_num == 0
             ? 0
             : 1'000'000'000LL * format.frame_rate_den / format.frame_rate_num;
}

std::int64_t samples_to_ns(std::int64_t samples, std::uint32_t rate_hz) noexcept {
  const auto rate = static_cast<std::int64_t>(std::max(rate_hz, 1U));
  return samples / rate * 1'000'000'000 + samples % rate * 1'000'000'000 / rate;
}

}  // namespace

ReaderLoop::ReaderLoop(stage::StageIo& io,
                       const Terms& terms,
                       plugin::PluginInstance& instance,
                       Services& services)
    : io_(&io),
      terms_(&terms),
      instance_(&instance),
      services_(&services),
      frames_(terms.output_entries),
      entries_(terms.output_entries) {
  for (std::uint32_t p = 0; p < terms.outputs.size(); ++p) {
    outputs_.push_back(
        std::make_unique<OutputPort>(io.output(p), terms.outputs[p], terms.keep_outputs));
  }
}

void ReaderLoop::run() {
  if (terms_->live) {
    open_epoch();
  }
  while (!io_->abandoned() && !io_->stopping()) {
    if (io_->ordered()) {
      io_->apply_orders();
    }
    if (terms_->live || wait_for_room()) {
      if (!read()) {
        break;
      }
    }
  }
  finish();
}

// What passed while nobody read is a gap of known length, and another stretch of the clock.
void ReaderLoop::open_epoch() {
  for (auto& output : outputs_) {
    const auto& last = output->maker().last();
    if (!last || output->maker().ended()) {
      continue;
    }
    reads_ = std::max(reads_, last->origin[0]);
    const std::uint64_t epoch = last->epoch + 1;
    output->open_epoch(epoch);
    output->mark_break();
    shm::Descriptor gap{};
    const std::int64_t lost_ns = monotonic_ns() - last->capture_ns - last->duration_ns;
    if (last->quality != AVRIG_QUALITY_FILE_PTS && lost_ns > 0) {
      gap.gap_samples = static_cast<std::uint64_t>(static_cast<double>(lost_ns) * 1e-9 *
                                                   output->terms().format.sample_rate_hz);
    }
    Commit commit;
    commit.origin[0] = commit.from[0] = last->origin[0];
    commit.part = last->part + 1;
    if (output->maker().may_publish()) {
      output->publish_mark(shm::Kind::Break, commit, &gap);
    }
    io_->count("gaps");
  }
}

bool ReaderLoop::wait_for_room() noexcept {
  return io_->wait(io_->waiter(), [&] {
    return std::all_of(outputs_.begin(), outputs_.end(), [](const auto& output) {
      return output->maker().ended() || output->maker().ready();
    });
  });
}

void ReaderLoop::claim() noexcept {
  for (auto& output : outputs_) {
    const PortTerms& port = output->terms();
    const bool is_known =
        output->maker().ended() || (!terms_->live && output->has(reads_ + 1, port.entries - 1));
    for (std::uint32_t entry = port.first_entry; entry < port.first_entry + port.entries; ++entry) {
      OutputFrame& frame = frames_[entry];
      if (is_known) {
        output->claim_private(frame);
      } else {
        while (!output->try_claim(frame)) {
          if (terms_->live || io_->abandoned() || io_->stopping()) {
            output->claim_private(frame);
            break;
          }
          (void)wait_for_room();
        }
      }
      frame.preset.index = output->next_index();
      frame.preset.sequence = output->maker().head();
      frame.answered = frame.preset;
      entries_[entry] = &frame.answered;
    }
  }
}

bool ReaderLoop::read() {
  claim();
  avrig_call call{};
  call.struct_size = sizeof call;
  call.output_count = terms_->output_entries;
  call.outputs = entries_.data();
  call.produced = ~std::uint64_t{0};
  const std::int32_t status = instance_->process(call);
  switch (status) {
    case AVRIG_OK:
    case AVRIG_AGAIN:
      failures_ = 0;
      ++reads_;
      publish(call.produced);
      return true;
    case AVRIG_MORE:
      abandon_all();
      pause(call.wait_ns > 0 ? call.wait_ns : kSoonNs);
      return true;
    case AVRIG_DROP:
      abandon_all();
      io_->count("dropped");
      return true;
    case AVRIG_END:
      abandon_all();
      return false;
    default:
      abandon_all();
      services_->note_failure(instance_->error_text());
      if (++failures_ == kMostFailures) {
        throw Error(ErrorCode::Open,
                    "the source failed " + std::to_string(kMostFailures) +
                        " times in a row: " + std::string(instance_->error_text()));
      }
      pause(kSoonNs);
      return true;
  }
}

void ReaderLoop::publish(std::uint64_t produced) {
  for (auto& output : outputs_) {
    const PortTerms& port = output->terms();
    std::uint32_t part = 0;
    for (std::uint32_t entry = port.first_entry; entry < port.first_entry + port.entries; ++entry) {
      if ((produced >> entry & 1U) == 0) {
        output->abandon(frames_[entry]);
        continue;
      }
      Commit commit;
      commit.origin[0] = commit.from[0] = reads_;
      commit.part = part++;
      stamp(*output, frames_[entry]);
      publish_one(*output, frames_[entry], commit);
    }
  }
}

void ReaderLoop::publish_one(OutputPort& output, OutputFrame& frame, const Commit& commit) {
  const bool is_known = !terms_->live && output.has(commit);
  if (is_known || output.maker().ended() || frame.buffer == shm::kNoBuffer) {
    if (!is_known && terms_->live) {
      output.maker().count_overrun();
      output.mark_break();
      output.skip(frame);
    }
    output.abandon(frame);
    return;
  }
  while (!output.maker().may_publish()) {
    (void)io_->waiter().wait(
        [&] { return io_->abandoned() || io_->stopping() || output.maker().may_publish(); },
        stage::StageIo::kForever);
    if (io_->abandoned() || (io_->stopping() && !output.maker().may_publish())) {
      output.abandon(frame);
      return;
    }
  }
  frame.preset.index = output.next_index();
  const std::int64_t capture_ns = frame.answered.capture_ns;
  output.publish(frame, commit, false);
  io_->note_out(capture_ns);
}

// What the plug-in left unstamped. The same for frames that are read again and those that are new.
void ReaderLoop::stamp(const OutputPort& output, OutputFrame& frame) const noexcept {
  avrig_frame& answered = frame.answered;
  if (answered.quality != AVRIG_QUALITY_NONE) {
    return;
  }
  const avrig_format& format = output.terms().format;
  const bool is_audio = format.media == AVRIG_MEDIA_AUDIO;
  if (answered.duration_ns == 0) {
    answered.duration_ns = is_audio ? samples_to_ns(answered.samples, format.sample_rate_hz)
                                    : nominal_duration(format);
  }
  if (terms_->live) {
    answered.capture_ns = monotonic_ns() - (is_audio ? answered.duration_ns : 0);
    answered.quality = AVRIG_QUALITY_ARRIVAL;
    return;
  }
  answered.quality = AVRIG_QUALITY_FILE_PTS;
  answered.capture_ns = is_audio ? samples_to_ns(output.next_index(), format.sample_rate_hz)
                                 : output.next_index() * answered.duration_ns;
}

void ReaderLoop::abandon_all() noexcept {
  for (auto& output : outputs_) {
    const PortTerms& port = output->terms();
    for (std::uint32_t entry = port.first_entry; entry < port.first_entry + port.entries; ++entry) {
      output->abandon(frames_[entry]);
    }
  }
}

void ReaderLoop::pause(std::int64_t ns) noexcept {
  (void)io_->waiter().wait([&] { return io_->interrupted(); }, monotonic_ns() + ns);
}

void ReaderLoop::finish() noexcept {
  for (auto& output : outputs_) {
    shm::RingMaker& maker = output->maker();
    while (!maker.ended() && !io_->abandoned()) {
      if (maker.may_publish()) {
        Commit commit;
        commit.origin[0] = commit.from[0] = reads_ + 1;
        output->publish_mark(shm::Kind::End, commit, nullptr);
        break;
      }
      (void)io_->waiter().wait([&] { return io_->abandoned() || maker.may_publish(); },
                               stage::StageIo::kForever);
    }
  }
}

}  // namespace avrig::processor
